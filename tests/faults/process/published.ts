/** One value as a device sent it. */
export interface SentReading {
  readonly metric: string;
  readonly value: number;
  /** Null: the device left the time to the server. */
  readonly ts: number | null;
  readonly seq: number;
}

/**
 * What must become of a message: `stored`; `quarantined`, since no reading can be made of it; `either`, where the server's clock decides
 * whether a time is acceptable.
 */
export type Fate = 'stored' | 'quarantined' | 'either';

export interface SentMessage {
  readonly deviceId: string;
  readonly payload: string;
  readonly reading: SentReading | null;
  readonly fate: Fate;
  /** How often it was put on the wire, or may have been. */
  transmissions: number;
  /** How often the publisher was told that it was received: a PUBACK, or 200. */
  acknowledgements: number;
}

/** What publishers know, and nothing else: what they sent and what they were told. */
export class Published {
  readonly messages: SentMessage[] = [];
  /** PUBACKs that did not come in the order of their PUBLISHes. */
  readonly disorder: string[] = [];

  reading(deviceId: string, reading: SentReading, fate: Fate = 'stored'): SentMessage {
    const { metric, value, ts, seq } = reading;
    const payload = JSON.stringify({ ...(ts === null ? {} : { ts }), seq, values: { [metric]: value } });
    return this.add({ deviceId, payload, reading, fate });
  }

  garbage(deviceId: string, payload: string): SentMessage {
    return this.add({ deviceId, payload, reading: null, fate: 'quarantined' });
  }

  acknowledged(): number {
    return this.messages.filter(({ acknowledgements }) => acknowledgements > 0).length;
  }

  private add(message: Omit<SentMessage, 'transmissions' | 'acknowledgements'>): SentMessage {
    const sent = { ...message, transmissions: 0, acknowledgements: 0 };
    this.messages.push(sent);
    return sent;
  }
}
