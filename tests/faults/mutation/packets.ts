/** Numbers in [0, 1) that follow from a seed. */
export type Chance = () => number;

export const TELEMETRY = 'v1/devices/me/telemetry';
const TOPICS = [
  TELEMETRY,
  TELEMETRY,
  TELEMETRY,
  'v1/gateway/telemetry',
  'v1/devices/me/attributes',
  'v1/gateway/connect',
];
const FILTERS = ['v1/devices/me/attributes', 'v1/devices/me/rpc/request/+', 'v1/gateway/rpc', '#', 'a/+/b'];
const SIZES = [0, 1, 20, 20, 20, 40, 40, 100, 101, 102, 127, 128, 400, 4_060, 4_096, 4_200, 16_400];

export const upTo = (chance: Chance, count: number): number => Math.floor(chance() * count);
export const oneOf = <T>(chance: Chance, all: readonly T[]): T => all[upTo(chance, all.length)]!;

export interface ConnectOptions {
  readonly clientId?: string;
  readonly clean?: boolean;
  readonly keepalive?: number;
  readonly version?: 3 | 4 | 5;
  readonly will?: { readonly topic: string; readonly payload: string; readonly qos: 0 | 1 | 2 };
  readonly password?: string;
}

export function connectPacket(user: string, options: ConnectOptions = {}): Buffer {
  const { clientId = '', clean = true, keepalive = 300, version = 4, will, password } = options;
  const flags =
    0x80 | (clean ? 2 : 0) | (will === undefined ? 0 : 4 | (will.qos << 3)) | (password === undefined ? 0 : 0x40);
  return packet(0x10, [
    field(version === 3 ? 'MQIsdp' : 'MQTT'),
    Buffer.from([version, flags, keepalive >> 8, keepalive & 255]),
    field(clientId),
    ...(will === undefined ? [] : [field(will.topic), field(will.payload)]),
    field(user),
    ...(password === undefined ? [] : [field(password)]),
  ]);
}

export function publishPacket(
  topic: string,
  payload: Buffer | string,
  { qos, id, dup = false, retain = false }: { qos: 0 | 1 | 2; id: number; dup?: boolean; retain?: boolean },
): Buffer {
  const head = 0x30 | (qos << 1) | (dup ? 8 : 0) | (retain ? 1 : 0);
  return packet(head, [field(topic), ...(qos === 0 ? [] : [u16(id)]), Buffer.from(payload)]);
}

export const PINGREQ = Buffer.from([0xc0, 0]);
export const DISCONNECT = Buffer.from([0xe0, 0]);
const answer = (head: number, id: number): Buffer => packet(head, [u16(id)]);

/** What devices send in any order, each with the ids `nextId` gives. */
export function anyPacket(chance: Chance, nextId: () => number): Buffer {
  const draw = chance();
  const flags = { dup: chance() < 0.1, retain: chance() < 0.1 };
  if (draw < 0.5) return publishPacket(oneOf(chance, TOPICS), anyPayload(chance), { qos: 1, id: nextId(), ...flags });
  if (draw < 0.65) return publishPacket(oneOf(chance, TOPICS), anyPayload(chance), { qos: 0, id: 0, ...flags });
  if (draw < 0.75) return publishPacket(oneOf(chance, TOPICS), anyPayload(chance), { qos: 2, id: nextId(), ...flags });
  if (draw < 0.8) return answer(0x62, upTo(chance, 50) + 1);
  if (draw < 0.85) return subscribePacket(chance, nextId());
  if (draw < 0.88) return packet(0xa2, [u16(nextId()), field(oneOf(chance, FILTERS))]);
  if (draw < 0.95) return PINGREQ;
  if (draw < 0.98) return answer(oneOf(chance, [0x40, 0x50, 0x70]), upTo(chance, 50) + 1);
  if (draw < 0.99) return publishPacket('another/topic', anyPayload(chance), { qos: 1, id: nextId() });
  return chance() < 0.5 ? DISCONNECT : connectPacket('again');
}

function subscribePacket(chance: Chance, id: number): Buffer {
  const filters = Array.from({ length: 1 + upTo(chance, 3) }, () => [
    field(oneOf(chance, FILTERS)),
    Buffer.from([upTo(chance, 3)]),
  ]);
  return packet(0x82, [u16(id), ...filters.flat()]);
}

let payloads = 0;

/** No two are the same, but for the shortest. */
export function anyPayload(chance: Chance): Buffer {
  payloads += 1;
  const text = `{"level_m":${upTo(chance, 1_000) / 100},"seq":${payloads}}`;
  return Buffer.from(text.padEnd(oneOf(chance, SIZES)));
}

/** The bytes with one mistake in them. */
export function mutated(bytes: Buffer, chance: Chance): Buffer {
  const at = upTo(chance, bytes.length);
  const until = at + 1 + upTo(chance, Math.min(16, bytes.length - at));
  const [before, middle, after] = [bytes.subarray(0, at), bytes.subarray(at, until), bytes.subarray(until)];
  switch (upTo(chance, 12)) {
    case 0:
      return flipped(bytes, chance, 1 + upTo(chance, 8));
    case 1:
      return Buffer.concat([before, after]);
    case 2:
      return Buffer.from(before);
    case 3:
      return Buffer.concat([before, middle, middle, after]);
    case 4:
      return Buffer.concat([before, noise(chance, 1 + upTo(chance, 16)), bytes.subarray(at)]);
    case 5: {
      const other = Buffer.from(bytes);
      other[Math.min(1 + upTo(chance, 2), bytes.length - 1)] = upTo(chance, 256);
      return other;
    }
    case 6: {
      const other = Buffer.from(bytes);
      other[0] = upTo(chance, 256);
      return other;
    }
    case 7:
      return Buffer.concat([bytes, bytes]);
    default:
      return misspelt(bytes, chance);
  }
}

/** Mistakes in what it says, and not in how it is said. */
export function misspelt(bytes: Buffer, chance: Chance): Buffer {
  const [head, said] = [bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)];
  return Buffer.concat([head, flipped(said, chance, 1 + upTo(chance, 8))]);
}

function flipped(bytes: Buffer, chance: Chance, bits: number): Buffer {
  const other = Buffer.from(bytes);
  for (let n = 0; n < bits; n += 1) {
    const at = upTo(chance, other.length);
    other[at] = other[at]! ^ (1 << upTo(chance, 8));
  }
  return other;
}

const noise = (chance: Chance, count: number): Buffer =>
  Buffer.from(Array.from({ length: count }, () => upTo(chance, 256)));

/** The same bytes in pieces of all sizes. */
export function pieces(bytes: Buffer, chance: Chance): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const longest = oneOf(chance, [1, 5, 50, 500, 5_000, Infinity, Infinity]);
    const until = longest === Infinity ? bytes.length : at + 1 + upTo(chance, longest);
    all.push(bytes.subarray(at, until));
    at = until;
  }
  return all;
}

export interface Sent {
  readonly qos: number;
  readonly topic: string;
  readonly id: number;
  readonly payload: Buffer;
}

/** Each PUBLISH in the bytes, as MQTT 3.1.1 frames them; by nothing of ours. */
export function publishesIn(bytes: Buffer): Sent[] {
  const all: Sent[] = [];
  for (let at = 0; at < bytes.length;) {
    let [length, bodyAt] = [0, at + 1];
    for (let shift = 0; ; shift += 7, bodyAt += 1) {
      if (shift > 21 || bodyAt >= bytes.length) return all;
      length += (bytes[bodyAt]! & 127) * 2 ** shift;
      if (bytes[bodyAt]! < 128) break;
    }
    bodyAt += 1;
    const body = bytes.subarray(bodyAt, bodyAt + length);
    if (body.length < length) return all;
    const qos = (bytes[at]! >> 1) & 3;
    if (bytes[at]! >> 4 === 3 && length >= 2) {
      const topicEnd = 2 + body.readUInt16BE(0);
      const payloadAt = topicEnd + (qos === 0 ? 0 : 2);
      if (payloadAt <= length)
        all.push({
          qos,
          topic: body.toString('latin1', 2, topicEnd),
          id: qos === 0 ? 0 : body.readUInt16BE(topicEnd),
          payload: body.subarray(payloadAt),
        });
    }
    at = bodyAt + length;
  }
  return all;
}

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);

function field(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u16(bytes.length), bytes]);
}

function packet(head: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length: number[] = [];
  for (let left = body.length; ;) {
    const digit = left & 127;
    left >>= 7;
    length.push(left > 0 ? digit | 128 : digit);
    if (left === 0) break;
  }
  return Buffer.concat([Buffer.from([head, ...length]), body]);
}
