import type { Client } from 'aedes';
import type { MessageKind } from '@canh/core/readings/message';
import type { Pace } from './device-pace.js';
import { kindOfTopic } from './device-topics.js';
import type { Told } from '../intake/in-slices.js';
import type { PubAcks } from './pub-acks.js';

/** MQTT 3.1.1, 2.2 and 3.3: the packet's kind and the quality of service in the first byte; DUP and RETAIN say nothing about a reading. */
const KIND_AND_QOS = 0xf6;
const KIND = 0xf0;
const PUBLISH = 0x30;
const PUBLISH_QOS_0 = 0x30;
const PUBLISH_QOS_1 = 0x32;
const MORE_LENGTH = 0x80;
const LONGEST_LENGTH = 4;
/** In front of a topic and a packet id. */
const U16_BYTES = 2;

/** What of a packet stands at the end of what was read, and is held here for the rest to come; of a larger one Aedes puts the pieces together. */
const MOST_HELD = 4_096;
/** What a packet of another kind than PUBLISH takes of a device's pace: Aedes does more for it. */
const COST_OF_OTHERS = 4;
/** On its way to the disk, of one connection; beyond it the connection is not read from. */
const MOST_UNTOLD_BYTES = 65_536;

/** Of Aedes 1, and none of its types. */
interface Inside {
  readonly _parser: { parse(bytes: Buffer): number; readonly _queue: readonly unknown[] | null };
  readonly _keepaliveTimer: { refresh(): void } | null;
  readonly _keepaliveInterval: number;
  waitForDrain(done: (error: Error | null) => void): void;
}

/** What devices publish all day. */
export const LANE_TOPICS = (['v1/devices/me/telemetry', 'v1/gateway/telemetry'] as const).map((topic) => ({
  name: Buffer.from(topic),
  kind: kindOfTopic(topic)!,
}));

export interface LaneParts {
  readonly client: Client;
  readonly acks: PubAcks;
  /** The topics that are read here. Without any, everything is left to Aedes. */
  readonly topics: readonly { readonly name: Buffer; readonly kind: MessageKind }[];
  /** Bytes that a packet may have now, behind its first five. */
  readonly mostBytes: () => number;
  /** A packet says that it is longer. Nothing more is read. */
  readonly exceeded: (bytes: number) => void;
  readonly mostPayloadBytes: number;
  /** Who was admitted; undefined while nobody is. */
  readonly deviceId: () => string | undefined;
  /** How much it may send; null while nobody is admitted. */
  readonly pace: () => Pace | null;
  /** It sends more than that, and is not read from for a while. */
  readonly slowed: () => void;
  readonly take: (kind: MessageKind, deviceId: string, payload: Uint8Array, told: Told) => void;
}

/**
 * What stands between a connection and Aedes: it sees where each packet begins and how long it is, and takes telemetry of QoS 0 and 1 to the
 * journal itself. Aedes spends ten times on such a packet what it takes to read it. Everything else goes to Aedes, byte by byte as it
 * came. Acknowledgements keep the order of the messages, whoever took them, since the journal tells of them in that order.
 */
export class TelemetryLane {
  private held: Buffer | null = null;
  /** Bytes that are still to come of a packet which is Aedes's. */
  private passing = 0;
  /** Of each message that is on its way to the disk, its bytes and packet id in one number, in order. */
  private untold: number[] = [];
  private toldOf = 0;
  private untoldBytes = 0;
  private acknowledged: number[] = [];
  private again: (() => void) | null = null;
  private draining = false;
  private slowing: NodeJS.Timeout | null = null;
  private readonly inside: Inside;
  private readonly parser: Inside['_parser'];
  private readonly toAedes: (bytes: Buffer) => number;

  private constructor(private readonly parts: LaneParts) {
    this.inside = parts.client as unknown as Inside;
    const { _parser: parser } = this.inside;
    this.parser = parser;
    this.toAedes = parser.parse.bind(parser);
    parser.parse = (bytes) => {
      this.read(bytes);
      return 0;
    };
  }

  /** Puts a lane in front of what Aedes reads of this client. */
  static before(parts: LaneParts): TelemetryLane {
    return new TelemetryLane(parts);
  }

  /** Whether more should be read now; where not, `again` is called once when it should be looked again. */
  mayRead(again: () => void): boolean {
    const { conn } = this.parts.client;
    if (conn.writableNeedDrain) {
      // Who does not read its acknowledgements is not read from.
      if (!this.draining)
        conn.once('drain', () => {
          this.draining = false;
          this.resume();
        });
      this.draining = true;
      this.again = again;
      return false;
    }
    if (this.untoldBytes >= MOST_UNTOLD_BYTES) {
      this.again = again;
      return false;
    }
    const waitMs = this.parts.pace()?.waitMs ?? 0;
    if (waitMs === 0) return true;
    this.parts.slowed();
    this.again = again;
    this.slowing ??= setTimeout(() => {
      this.slowing = null;
      this.resume();
    }, waitMs).unref();
    return false;
  }

  /** Writes what is to be acknowledged, before something else is written. */
  flush(): void {
    const ids = this.acknowledged;
    if (ids.length === 0) return;
    this.acknowledged = [];
    const { conn } = this.parts.client;
    if (conn.destroyed) return;
    const bytes = Buffer.allocUnsafe(4 * ids.length);
    let at = 0;
    for (const id of ids) {
      bytes[at] = 0x40;
      bytes[at + 1] = 2;
      bytes[at + 2] = id >> 8;
      bytes[at + 3] = id & 0xff;
      at += 4;
    }
    if (!conn.write(bytes)) this.inside.waitForDrain(() => undefined);
  }

  private read(chunk: Buffer): void {
    const { conn } = this.parts.client;
    const bytes = this.held === null ? chunk : Buffer.concat([this.held, chunk]);
    this.held = null;
    // What Aedes has not been given yet begins at `from`.
    let from = 0;
    let at = Math.min(this.passing, bytes.length);
    this.passing -= at;
    let took = false;
    let cost = 0;
    while (at < bytes.length && !conn.destroyed) {
      const head = headLength(bytes, at);
      if (head === NOT_WHOLE) {
        this.hold(bytes, from, at);
        from = at = bytes.length;
        break;
      }
      if (head === NONE) {
        // No length has so many bytes; what is wrong is for Aedes to say.
        this.passing = Infinity;
        break;
      }
      const left = remainingLength(bytes, at + 1, head - 1);
      if (left > this.parts.mostBytes()) {
        this.pass(bytes, from, at);
        return this.parts.exceeded(left);
      }
      const end = at + head + left;
      const telemetry = this.telemetryAt(bytes, at, head, end);
      if (telemetry !== null && end > bytes.length) {
        if (end - at <= MOST_HELD) {
          this.hold(bytes, from, at);
          from = at = bytes.length;
          break;
        }
      } else if (telemetry !== null) {
        this.pass(bytes, from, at);
        if (conn.destroyed) return;
        this.take(telemetry);
        took = true;
        cost += 1;
        from = at = end;
        continue;
      }
      cost += (bytes[at]! & KIND) === PUBLISH ? 1 : COST_OF_OTHERS;
      this.passing = Math.max(0, end - bytes.length);
      at = Math.min(end, bytes.length);
      // What is allowed next may depend on it.
      if (this.parts.deviceId() === undefined) {
        this.pass(bytes, from, at);
        from = at;
      }
    }
    if (cost > 0) this.parts.pace()?.spend(cost);
    if (conn.destroyed) return;
    this.pass(bytes, from, bytes.length);
    const { _keepaliveInterval: interval, _keepaliveTimer: timer } = this.inside;
    if (took && interval > 0) timer?.refresh();
  }

  /** The telemetry that begins at `at`, also where its end has not come yet; null where it is something else. */
  private telemetryAt(bytes: Buffer, at: number, head: number, end: number): Telemetry | null {
    const qos = bytes[at]! & KIND_AND_QOS;
    if (qos !== PUBLISH_QOS_0 && qos !== PUBLISH_QOS_1) return null;
    const deviceId = this.open;
    if (deviceId === undefined) return null;
    const topicAt = at + head + U16_BYTES;
    if (topicAt > end) return null;
    if (topicAt > bytes.length) return UNKNOWN_YET;
    const topicEnd = topicAt + bytes.readUInt16BE(at + head);
    for (const { name, kind } of this.parts.topics) {
      if (topicEnd - topicAt !== name.length) continue;
      const payloadAt = topicEnd + (qos === PUBLISH_QOS_1 ? U16_BYTES : 0);
      if (payloadAt > end || end - payloadAt > this.parts.mostPayloadBytes) return null;
      if (payloadAt > bytes.length) return UNKNOWN_YET;
      if (bytes.compare(name, 0, name.length, topicAt, topicEnd) !== 0) return null;
      const id = qos === PUBLISH_QOS_1 ? bytes.readUInt16BE(topicEnd) : NO_ID;
      // A packet id of 0 breaks the protocol, at QoS 1.
      if (qos === PUBLISH_QOS_1 && id === 0) return null;
      return { kind, deviceId, id, payload: bytes.subarray(payloadAt, end) };
    }
    return null;
  }

  /** Whose telemetry may be taken here now. What came before CONNACK went to Aedes, and is in its hands until it says that it is connected. */
  private get open(): string | undefined {
    const { client } = this.parts;
    const { _queue: queue } = this.parser;
    return client.connected && queue === null ? this.parts.deviceId() : undefined;
  }

  private take({ kind, deviceId, id, payload }: Telemetry): void {
    this.untold.push(payload.length * ID_SPACE + id);
    this.untoldBytes += payload.length;
    this.parts.take(kind, deviceId, payload, this.told);
  }

  private readonly told = (error: Error | null): void => {
    const one = this.untold[this.toldOf]!;
    this.toldOf += 1;
    if (this.toldOf === this.untold.length) [this.untold, this.toldOf] = [[], 0];
    const id = one % ID_SPACE;
    this.untoldBytes -= (one - id) / ID_SPACE;
    const { client, acks } = this.parts;
    // As Aedes does with a message that it may not acknowledge.
    if (error !== null) return void (client.closed || client.emit('error', error));
    if (id !== NO_ID && this.acknowledged.push(id) === 1) acks.flushSoon(this);
    if (this.again !== null && this.untoldBytes < MOST_UNTOLD_BYTES) this.resume();
  };

  private resume(): void {
    const { again } = this;
    this.again = null;
    again?.();
  }

  private hold(bytes: Buffer, from: number, at: number): void {
    this.pass(bytes, from, at);
    // A copy: a few bytes must not keep all that was read in memory.
    this.held = Buffer.from(bytes.subarray(at));
  }

  private pass(bytes: Buffer, from: number, to: number): void {
    if (to > from) this.toAedes(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }
}

interface Telemetry {
  readonly kind: MessageKind;
  readonly deviceId: string;
  /** Packet id, or NO_ID at QoS 0. */
  readonly id: number;
  readonly payload: Uint8Array;
}

/** Packet ids are 1 to 65,535. */
const NO_ID = 0;
const ID_SPACE = 65_536;
/** Too little of it has come to tell. */
const UNKNOWN_YET: Telemetry = { kind: 'telemetry', deviceId: '', id: NO_ID, payload: Buffer.alloc(0) };

const NOT_WHOLE = 0;
const NONE = -1;

/** How many bytes the fixed header at `at` has; NOT_WHOLE where not all are there; NONE where it is none. */
function headLength(bytes: Buffer, at: number): number {
  for (let nth = 1; nth <= LONGEST_LENGTH; nth += 1) {
    if (at + nth >= bytes.length) return NOT_WHOLE;
    if ((bytes[at + nth]! & MORE_LENGTH) === 0) return nth + 1;
  }
  return NONE;
}

/** MQTT 3.1.1, 2.2.3. */
function remainingLength(bytes: Buffer, at: number, count: number): number {
  let length = 0;
  for (let nth = count - 1; nth >= 0; nth -= 1) length = length * 128 + (bytes[at + nth]! & 0x7f);
  return length;
}
