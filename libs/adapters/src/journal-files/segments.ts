import type { JournalOffset } from '@canh/core/readings/journal';
import type { Instant } from '@canh/core/time/instant';
import { NodeSegmentFolder } from './node-segment-folder.js';
import type { SegmentFolder } from './segment-folder.js';

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

/** The salt in a segment's head; null where the head is not whole or not ours. One rotten bit does not make it another format's. */
export function saltOf(head: Buffer): number | null {
  if (head.length < SEGMENT_HEAD_BYTES) return null;
  const wrongBits = SEGMENT_MAGIC.reduce((sum, byte, at) => sum + bitsIn(byte ^ head[at]!), 0);
  return wrongBits <= 1 ? head.readUInt32LE(SEGMENT_MAGIC.length) : null;
}

const bitsIn = (byte: number): number => byte.toString(2).replaceAll('0', '').length;

const SEGMENT_SPAN = 2 ** 32;
const NAME = /^(\d{10})\.log$/;

export const offsetOf = (segment: number, byte: number): JournalOffset => segment * SEGMENT_SPAN + byte;
export const segmentOf = (offset: JournalOffset): number => Math.floor(offset / SEGMENT_SPAN);
export const byteOf = (offset: JournalOffset): number => offset % SEGMENT_SPAN;

export const segmentName = (segment: number): string => `${String(segment).padStart(10, '0')}.log`;

/** A folder that is named by its path is on this machine's disk. */
export const folderOf = (directory: string | SegmentFolder): SegmentFolder =>
  typeof directory === 'string' ? new NodeSegmentFolder(directory) : directory;

/** Numbers of the segments that are there, ascending. */
export async function segments(directory: string | SegmentFolder): Promise<number[]> {
  return (await folderOf(directory).names())
    .map((name) => Number(NAME.exec(name)?.[1] ?? 0))
    .filter((segment) => segment > 0)
    .toSorted((a, b) => a - b);
}

/** Bytes in this segment and all later ones. */
export async function bytesBehind(folder: SegmentFolder, from: number): Promise<number> {
  let bytes = 0;
  for (const segment of await segments(folder))
    if (segment >= from) bytes += Math.max(0, ((await folder.size(segmentName(segment))) ?? 0) - SEGMENT_HEAD_BYTES);
  return bytes;
}

/** Bytes that the journal takes on the disk; 0 where there is none yet. */
export async function journalBytes(directory: string | SegmentFolder): Promise<number> {
  const folder = folderOf(directory);
  let bytes = 0;
  for (const segment of await segments(folder)) bytes += (await folder.size(segmentName(segment))) ?? 0;
  return bytes;
}

/**
 * Removes the segments that lie wholly before `before`, oldest first and never the newest one, up to the first that was written within
 * `keptMs` of `now` by its file's own time: a mark that was made under a wrong clock says nothing of when. Returns how many, and the
 * bytes they took.
 */
export async function dropSegments(
  directory: string | SegmentFolder,
  before: JournalOffset,
  { now, keptMs }: { readonly now: Instant; readonly keptMs: number },
): Promise<{ segments: number; bytes: number }> {
  const folder = folderOf(directory);
  const dropped = { segments: 0, bytes: 0 };
  for (const segment of (await segments(folder)).slice(0, -1)) {
    const name = segmentName(segment);
    if (segment >= segmentOf(before)) break;
    // A file from far ahead was written under a wrong clock itself, and would keep all behind it for as long.
    if (Math.abs(now - ((await folder.modifiedAt(name)) ?? -Infinity)) < keptMs) break;
    dropped.bytes += (await folder.size(name)) ?? 0;
    await folder.remove(name);
    dropped.segments += 1;
  }
  return dropped;
}
