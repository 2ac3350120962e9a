import { crc32c } from '@node-rs/crc32';
import type { Message, MessageKind } from '@canh/core/readings/message';

/**
 * A frame is `u32 length · u32 CRC32C · body`, little-endian; the CRC covers the body, and the length counts it.
 * A body is `u48 received at (ms) · u8 kind · u8 length of the device id · device id · payload`.
 * Lengths, not delimiters: no byte that a device can send splits a frame. The CRC starts from the segment's own random salt, so that
 * whoever searches behind damage for the next frame never takes for one what a device had put into its payload.
 */
export const FRAME_HEAD_BYTES = 8;
const BODY_HEAD_BYTES = 8;
/** More than any door lets in; a length beyond it is damage. */
export const MAX_BODY_BYTES = 1 << 20;

/** The numbers on disk; never reuse one. */
const KIND_NUMBERS: Readonly<Record<MessageKind, number>> = {
  telemetry: 1,
  'gateway-telemetry': 2,
  attributes: 3,
  'gateway-connect': 4,
  'gateway-disconnect': 5,
  refused: 6,
  replayed: 7,
};
const KINDS = new Map(Object.entries(KIND_NUMBERS).map(([kind, number]) => [number, kind as MessageKind]));

/** The bytes this message takes in a segment. */
export function frameBytes(message: Message): number {
  return FRAME_HEAD_BYTES + BODY_HEAD_BYTES + Buffer.byteLength(message.deviceId) + message.payload.length;
}

/** Writes the frame at `at` and returns where it ends. The buffer must have room for `frameBytes(message)`. */
export function writeFrame(message: Message, buffer: Buffer, at: number, salt: number): number {
  const body = at + FRAME_HEAD_BYTES;
  buffer.writeUIntLE(message.receivedAt, body, 6);
  buffer[body + 6] = KIND_NUMBERS[message.kind];
  const idBytes = buffer.write(message.deviceId, body + BODY_HEAD_BYTES);
  buffer[body + 7] = idBytes;
  buffer.set(message.payload, body + BODY_HEAD_BYTES + idBytes);
  const end = body + BODY_HEAD_BYTES + idBytes + message.payload.length;
  buffer.writeUInt32LE(end - body, at);
  buffer.writeUInt32LE(crc32c(buffer.subarray(body, end), salt), at + 4);
  return end;
}

export type FrameRead =
  | { readonly kind: 'message'; readonly message: Message; readonly end: number }
  /** The bytes end before the frame does. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'damaged' };

/** Reads the frame at `at`. The message's payload is a view of `buffer`. */
export function readFrame(buffer: Buffer, at: number, salt: number): FrameRead {
  if (at + FRAME_HEAD_BYTES > buffer.length) return { kind: 'incomplete' };
  const length = buffer.readUInt32LE(at);
  if (length < BODY_HEAD_BYTES || length > MAX_BODY_BYTES) return { kind: 'damaged' };
  const body = at + FRAME_HEAD_BYTES;
  const end = body + length;
  if (end > buffer.length) return { kind: 'incomplete' };
  if (crc32c(buffer.subarray(body, end), salt) !== buffer.readUInt32LE(at + 4)) return { kind: 'damaged' };
  const kind = KINDS.get(buffer[body + 6] ?? 0);
  const payloadAt = body + BODY_HEAD_BYTES + (buffer[body + 7] ?? 0);
  if (kind === undefined || payloadAt > end) return { kind: 'damaged' };
  const message: Message = {
    kind,
    deviceId: buffer.toString('utf8', body + BODY_HEAD_BYTES, payloadAt),
    receivedAt: buffer.readUIntLE(body, 6),
    payload: buffer.subarray(payloadAt, end),
  };
  return { kind: 'message', message, end };
}

/** How many of the bytes stand before the zeros that they end with. */
export function beforeZeros(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}

/**
 * Whether what is left at the end of a segment is a frame of which a crash kept the beginning, with the end of the file or zeros behind it;
 * otherwise all of a frame is there, and it is rotten.
 */
export function isTorn(tail: Buffer, salt: number): boolean {
  const written = beforeZeros(tail);
  if (written < FRAME_HEAD_BYTES) return true;
  const length = tail.readUInt32LE(0);
  const end = FRAME_HEAD_BYTES + length;
  if (length < BODY_HEAD_BYTES || length > MAX_BODY_BYTES || end <= written || end === tail.length) return false;
  // It says that it is longer than what is there. If that has the right CRC, the length is what rotted.
  const checksOut = (upTo: number): boolean =>
    crc32c(tail.subarray(FRAME_HEAD_BYTES, upTo), salt) === tail.readUInt32LE(4);
  return !checksOut(written) && !checksOut(tail.length);
}

/**
 * The salt by which a segment's frames check out: the one given, or one that differs from it by a single bit. A whole segment hangs on these
 * four bytes, and must not be lost with one bit of them. It takes two frames to tell, since a bit in the first four bytes of a body
 * looks like one in the salt. Where they do not say otherwise it is the one given.
 */
export function mendedSalt(frames: Buffer, salt: number): number {
  if (readFrame(frames, 0, salt).kind === 'message') return salt;
  const fits = (tried: number): boolean => {
    const one = readFrame(frames, 0, tried);
    return one.kind === 'message' && readFrame(frames, one.end, tried).kind === 'message';
  };
  const flipped = Array.from({ length: 32 }, (_, bit) => (salt ^ (1 << bit)) >>> 0);
  return flipped.find(fits) ?? salt;
}
