import type { Client } from 'aedes';
import type { SessionStore } from '@canh/adapters/mqtt-sessions/session-store';
import { takesIn } from '@canh/adapters/mqtt-sessions/topic-filter';
import type { Instant } from '@canh/core/time/instant';
import { outsideTopic } from '../mqtt/device-topics.js';

/** Of Aedes 1, and none of its types: what a connection is subscribed to, by filter. */
interface Inside {
  readonly subscriptions: Readonly<Record<string, { readonly qos: number } | undefined>>;
}

interface Connection {
  readonly client: Client;
  /** What its session had waiting was sent. */
  ready: boolean;
  lastId: number;
}

/** What becomes of a message to a device; `arriving` asks to try again in a moment. */
export type Sent = 'sent' | 'unconfirmed' | 'nobody' | 'arriving';

export interface Letter {
  /** As it is called inside, where no two letters to one device have the same. */
  readonly topic: string;
  readonly payload: Buffer;
  readonly expiresAt: Instant;
}

const MOST_IDS = 65_535;

/**
 * What is sent to devices. All of them subscribe to the same names, so nothing goes by those: a message carries the device's id in front of
 * its topic, is handed to the connections of that device alone and put into its sessions alone, and is given its topic of outside at the last
 * moment, on a connection of that device.
 */
export class DeviceMailbox {
  private readonly connections = new Map<string, Set<Connection>>();
  private readonly ofClient = new WeakMap<Client, Connection>();

  constructor(private readonly store: SessionStore) {}

  /** A client of the device was let in. */
  arrives(client: Client, deviceId: string): void {
    // It may have hung up while its password was looked at.
    if (client.conn.destroyed) return;
    const connection: Connection = { client, ready: false, lastId: 0 };
    const all = this.connections.get(deviceId) ?? new Set();
    this.connections.set(deviceId, all.add(connection));
    this.ofClient.set(client, connection);
    // Of Aedes 1, too: its message ids begin anywhere, also where a message of this session waits for its acknowledgement under the same id.
    Object.assign(client, { _nextId: (this.store.lastMessageId(client.id) % MOST_IDS) + 1 });
    client.conn.once('close', () => {
      all.delete(connection);
      if (all.size === 0 && this.connections.get(deviceId) === all) this.connections.delete(deviceId);
      if ([...all].every((other) => other.client.id !== client.id)) this.store.forgetIncoming(client.id);
    });
  }

  isReady(client: Client): void {
    const connection = this.ofClient.get(client);
    if (connection !== undefined) connection.ready = true;
  }

  /** The second lock: whatever would leave to a client leaves only where it is for its device. */
  forward<P extends { topic: string; qos: number; messageId?: number | undefined }>(
    client: Client,
    deviceId: string,
    packet: P,
  ): P | null {
    if (!packet.topic.startsWith(`${deviceId}/`)) return null;
    const { topic } = packet;
    packet.topic = outsideTopic(topic.slice(deviceId.length + 1));
    const connection = this.ofClient.get(client);
    // Of a clean session nothing is kept on disk that a PUBACK could be found by.
    if (client.clean && packet.qos > 0 && connection !== undefined) {
      const flight = this.store.flightOf(client);
      do connection.lastId = (connection.lastId % MOST_IDS) + 1;
      while (flight.has(connection.lastId));
      packet.messageId = connection.lastId;
      flight.set(connection.lastId, topic);
    }
    return packet;
  }

  /** Rejects where the message could not be kept for a session. */
  async send(deviceId: string, { topic, payload, expiresAt }: Letter): Promise<Sent> {
    // Handed over before a crash, and not noted any more.
    if (this.holds(deviceId, topic)) return 'sent';
    const online = this.online(deviceId);
    if (online.some(({ ready }) => !ready)) return 'arriving';
    const packet = {
      cmd: 'publish',
      topic: `${deviceId}/${topic}`,
      payload,
      retain: false,
      dup: false,
      messageExpiry: expiresAt,
    } as const;
    const away = this.store
      .subscribersOf(deviceId, outsideTopic(topic))
      .filter(({ clientId, qos }) => qos > 0 && online.every(({ client }) => client.id !== clientId));
    await this.store.outgoingEnqueueCombi(away, { ...packet, qos: 1 });
    let confirmed = away.length > 0;
    let sent = confirmed;
    for (const { client } of online) {
      const qos = qosFor(client, outsideTopic(topic));
      if (qos === null) continue;
      // Not waited for: a device that reads slowly would hold up the commands of all others.
      client.publish({ ...packet, qos } as Parameters<Client['publish']>[0], () => undefined);
      sent = true;
      confirmed ||= qos > 0;
    }
    await this.store.durable();
    if (!sent) return 'nobody';
    return confirmed ? 'sent' : 'unconfirmed';
  }

  /** Whether somebody who is connected follows the topic. */
  isHeard(deviceId: string, topic: string): boolean {
    return this.online(deviceId).some(({ client }) => qosFor(client, outsideTopic(topic)) !== null);
  }

  /** Whether the message waits in a session of the device, or for the acknowledgement of one of its connections. */
  holds(deviceId: string, topic: string): boolean {
    const inside = `${deviceId}/${topic}`;
    return (
      this.store.holds(inside) ||
      this.online(deviceId).some(({ client }) => [...this.store.flightOf(client).values()].includes(inside))
    );
  }

  async withdraw(deviceId: string, topic: string): Promise<void> {
    await this.store.withdraw(`${deviceId}/${topic}`);
  }

  private online(deviceId: string): Connection[] {
    return [...(this.connections.get(deviceId) ?? [])].filter(({ client }) => !client.closed);
  }
}

function qosFor(client: Client, topic: string): 0 | 1 | null {
  const { subscriptions } = client as unknown as Inside;
  const qos = Object.entries(subscriptions)
    .filter(([filter]) => takesIn(filter, topic))
    .map(([, subscription]) => subscription?.qos ?? 0);
  if (qos.length === 0) return null;
  return Math.max(...qos) > 0 ? 1 : 0;
}
