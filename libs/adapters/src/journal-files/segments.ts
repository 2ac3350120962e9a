import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { JournalOffset } from '@canh/core/readings/journal';

/**
 * The journal is a folder of segments, `0000000001.log` onwards. Each opening of the writer and each failed write starts a new one, so
 * what follows the last whole frame of an older segment was never acknowledged, and a reader passes on to the next.
 * An offset is the segment's number and the byte inside it.
 */
const SEGMENT_MAGIC = Buffer.from('CANHJRN1');
export const SEGMENT_HEAD_BYTES = SEGMENT_MAGIC.length + 4;

/** `CANHJRN1`, then the salt of this segment's CRCs as u32. */
export function segmentHead(salt: number): Buffer {
  const salted = Buffer.alloc(4);
  salted.writeUInt32LE(salt);
  return Buffer.concat([SEGMENT_MAGIC, salted]);
}

/** The salt in a segment's head; null where the head is not whole or not ours. */
export function saltOf(head: Buffer): number | null {
  const ours = head.length === SEGMENT_HEAD_BYTES && head.subarray(0, SEGMENT_MAGIC.length).equals(SEGMENT_MAGIC);
  return ours ? head.readUInt32LE(SEGMENT_MAGIC.length) : null;
}

const SEGMENT_SPAN = 2 ** 32;
const NAME = /^(\d{10})\.log$/;

export const offsetOf = (segment: number, byte: number): JournalOffset => segment * SEGMENT_SPAN + byte;
export const segmentOf = (offset: JournalOffset): number => Math.floor(offset / SEGMENT_SPAN);
export const byteOf = (offset: JournalOffset): number => offset % SEGMENT_SPAN;

export const segmentFile = (directory: string, segment: number): string =>
  join(directory, `${String(segment).padStart(10, '0')}.log`);

/** Numbers of the segments that are there, ascending. */
export async function segments(directory: string): Promise<number[]> {
  const names = (await readdir(directory).catch(nullIfMissing)) ?? [];
  return names
    .map((name) => Number(NAME.exec(name)?.[1] ?? 0))
    .filter((segment) => segment > 0)
    .toSorted((a, b) => a - b);
}

/** For what may not be there yet, or any more. Every other error is one: "nothing there" would be taken for "nothing more to read". */
export function nullIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

/** Bytes of the file, or null where it is not there. */
export async function sizeOf(file: string): Promise<number | null> {
  return (await stat(file).catch(nullIfMissing))?.size ?? null;
}

/** Bytes in this segment and all later ones. */
export async function bytesBehind(directory: string, from: number): Promise<number> {
  let bytes = 0;
  for (const segment of await segments(directory))
    if (segment >= from)
      bytes += Math.max(0, ((await sizeOf(segmentFile(directory, segment))) ?? 0) - SEGMENT_HEAD_BYTES);
  return bytes;
}

/** Bytes that the journal takes on the disk; 0 where there is none yet. */
export async function journalBytes(directory: string): Promise<number> {
  let bytes = 0;
  for (const segment of await segments(directory)) bytes += (await sizeOf(segmentFile(directory, segment))) ?? 0;
  return bytes;
}

/** Removes the segments that lie wholly before `before`, never the newest one. Returns how many, and the bytes they took. */
export async function dropSegments(
  directory: string,
  before: JournalOffset,
): Promise<{ segments: number; bytes: number }> {
  const dropped = { segments: 0, bytes: 0 };
  for (const segment of (await segments(directory)).slice(0, -1)) {
    if (segment >= segmentOf(before)) break;
    const file = segmentFile(directory, segment);
    dropped.bytes += (await sizeOf(file)) ?? 0;
    await unlink(file);
    dropped.segments += 1;
  }
  return dropped;
}
