import { open, type FileHandle } from 'node:fs/promises';
import {
  JournalReader,
  MOST_DAMAGED_BYTES,
  START,
  type DamagedStretch,
  type JournalBatch,
  type JournalEntry,
  type JournalOffset,
} from '@canh/core/readings/journal';
import { FRAME_HEAD_BYTES, MAX_BODY_BYTES, readFrame } from './frame.js';
import {
  byteOf,
  bytesBehind,
  nullIfMissing,
  offsetOf,
  saltOf,
  SEGMENT_HEAD_BYTES,
  segmentFile,
  segmentOf,
  segments,
  sizeOf,
} from './segments.js';

const MAX_FRAME_BYTES = FRAME_HEAD_BYTES + MAX_BODY_BYTES;
const LOOK_THROUGH_EVERY_MS = 5_000;
const ASK_SIZES_EVERY_MS = 1_000;
const NOTHING = { entries: [], damaged: [] } as const;

/**
 * Follows the segments from any process on the machine, by reading the files. What it sees may not be on disk yet; that is no harm,
 * since a writer that comes back after a power cut goes on in a new segment and never reuses an offset.
 */
export class FileJournalReader extends JournalReader {
  private current: { readonly segment: number; readonly file: FileHandle; readonly salt: number } | null = null;

  private lookedThroughAt = Number.NEGATIVE_INFINITY;
  private later = { segment: 0, askedAt: 0, bytes: 0 };

  constructor(private readonly directory: string) {
    super();
  }

  async read(from: JournalOffset, maxBytes: number): Promise<JournalBatch> {
    let at = from === START ? await this.first() : from;
    if (at === null) return { ...NOTHING, next: START, behindBytes: 0 };
    for (;;) {
      // Looked up before the read: when the next segment is there, the writer will never add to this one.
      const following = await this.following(segmentOf(at));
      const batch = await this.readSegment(at, Math.max(maxBytes, 2 * MAX_FRAME_BYTES), following !== null);
      if (following === null) return batch ?? { ...NOTHING, next: at, behindBytes: 0 };
      if (batch !== null && batch.entries.length + batch.damaged.length > 0)
        return { ...batch, behindBytes: batch.behindBytes + (await this.laterBytes(following)) };
      const next = offsetOf(following, SEGMENT_HEAD_BYTES);
      const rotten = batch === null ? await this.rottenSegment(segmentOf(at)) : null;
      if (rotten !== null)
        return { entries: [], damaged: [rotten], next, behindBytes: await this.laterBytes(following) };
      at = next;
    }
  }

  async close(): Promise<void> {
    await this.current?.file.close();
    this.current = null;
  }

  private async first(): Promise<JournalOffset | null> {
    const segment = (await segments(this.directory))[0];
    return segment === undefined ? null : offsetOf(segment, SEGMENT_HEAD_BYTES);
  }

  /**
   * The number of the segment after this one, or null. They are consecutive unless old ones were dropped or somebody took one away; the
   * folder is looked through for that only now and then, since a reader that waits asks a hundred times a second.
   */
  private async following(segment: number): Promise<number | null> {
    if ((await sizeOf(segmentFile(this.directory, segment + 1))) !== null) return segment + 1;
    if (this.current?.segment === segment && performance.now() - this.lookedThroughAt < LOOK_THROUGH_EVERY_MS)
      return null;
    this.lookedThroughAt = performance.now();
    return (await segments(this.directory)).find((later) => later > segment) ?? null;
  }

  /** What is in `segment` and behind it, as of not long ago: to ask each of many segments at every read would take longer than reading. */
  private async laterBytes(segment: number): Promise<number> {
    const now = performance.now();
    if (this.later.segment !== segment || now - this.later.askedAt >= ASK_SIZES_EVERY_MS)
      this.later = { segment, askedAt: now, bytes: await bytesBehind(this.directory, segment) };
    return this.later.bytes;
  }

  /** All of a segment that has no head of ours, and so no salt: what is in it cannot be read. Null where it is no longer than a head. */
  private async rottenSegment(segment: number): Promise<DamagedStretch | null> {
    const file = await open(segmentFile(this.directory, segment), 'r').catch(nullIfMissing);
    if (file === null) return null;
    try {
      const { size } = await file.stat();
      if (size <= SEGMENT_HEAD_BYTES) return null;
      const bytes = Buffer.alloc(Math.min(size, MOST_DAMAGED_BYTES));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
      return { offset: offsetOf(segment, 0), length: size, bytes: bytes.subarray(0, bytesRead) };
    } finally {
      await file.close();
    }
  }

  /** Null where the segment is not there (any more), or has no head yet. */
  private async readSegment(at: JournalOffset, maxBytes: number, sealed: boolean): Promise<JournalBatch | null> {
    const opened = await this.open(segmentOf(at));
    if (opened === null) return null;
    const { file, salt } = opened;
    const start = byteOf(at);
    const { size } = await file.stat();
    if (size <= start) return { ...NOTHING, next: at, behindBytes: 0 };
    const room = Buffer.allocUnsafe(Math.min(maxBytes, size - start));
    const { bytesRead } = await file.read(room, 0, room.length, start);
    const bytes = room.subarray(0, bytesRead);
    const toTheEnd = start + bytes.length >= size;
    const entries: JournalEntry[] = [];
    const damaged: DamagedStretch[] = [];
    let position = 0;
    const passOver = (end: number): void => {
      const stretch = bytes.subarray(position, Math.min(end, position + MOST_DAMAGED_BYTES));
      damaged.push({ offset: at + position, length: end - position, bytes: stretch });
      position = end;
    };
    while (position < bytes.length) {
      const frame = readFrame(bytes, position, salt);
      if (frame.kind === 'message') {
        entries.push({ offset: offsetOf(segmentOf(at), start + position), message: frame.message });
        position = frame.end;
        continue;
      }
      // More of it is in the next read; nothing that long was ever written where it is not.
      if (frame.kind === 'incomplete' && !toTheEnd) break;
      const next = nextFrame(bytes, position + 1, salt);
      if (next !== null) passOver(next);
      else if (!toTheEnd) passOver(Math.max(position + 1, bytes.length - MAX_FRAME_BYTES));
      else {
        // Of a sealed segment this is a torn tail that nobody was told about; of the newest it may still be being written.
        if (sealed) {
          // All of it is there and it is wrong: rot. What a crash tore off is shorter than it says, or zeros.
          if (frame.kind === 'damaged' && bytes[position] !== 0) passOver(bytes.length);
          position = bytes.length;
        }
        break;
      }
    }
    return { entries, damaged, next: at + position, behindBytes: size - start - position };
  }

  private async open(segment: number): Promise<{ file: FileHandle; salt: number } | null> {
    if (this.current?.segment === segment) return this.current;
    await this.close();
    const file = await open(segmentFile(this.directory, segment), 'r').catch(nullIfMissing);
    if (file === null) return null;
    const head = Buffer.alloc(SEGMENT_HEAD_BYTES);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const salt = saltOf(head.subarray(0, bytesRead));
    if (salt === null) {
      await file.close();
      return null;
    }
    this.current = { segment, file, salt };
    return this.current;
  }
}

/** Where the next whole frame begins at or after `from`: lengths cannot be trusted behind damage, so every byte is tried. */
function nextFrame(bytes: Buffer, from: number, salt: number): number | null {
  for (let at = from; at < bytes.length; at += 1) if (readFrame(bytes, at, salt).kind === 'message') return at;
  return null;
}
