import {
  JournalReader,
  MOST_DAMAGED_BYTES,
  START,
  type DamagedStretch,
  type JournalBatch,
  type JournalOffset,
} from '@canh/core/readings/journal';
import { FRAME_HEAD_BYTES, MAX_BODY_BYTES, mendedSalt } from './frame.js';
import { readStretch } from './read-stretch.js';
import type { SegmentFile, SegmentFolder } from './segment-folder.js';
import {
  byteOf,
  bytesBehind,
  folderOf,
  offsetOf,
  saltOf,
  SEGMENT_HEAD_BYTES,
  segmentName,
  segmentOf,
  segments,
} from './segments.js';

const MAX_FRAME_BYTES = FRAME_HEAD_BYTES + MAX_BODY_BYTES;
/** What is looked at first in the newest segment, at least: behind its data there may be nothing but zeros. */
const PROBE_BYTES = 2 ** 14;
const LOOK_THROUGH_EVERY_MS = 5_000;
const ASK_SIZES_EVERY_MS = 1_000;
const NOTHING = { entries: [], damaged: [] } as const;

/**
 * Follows the segments from any process on the machine, by reading the files. What it sees may not be on disk yet; that is no harm,
 * since a writer that comes back after a power cut goes on in a new segment and never reuses an offset.
 */
export class FileJournalReader extends JournalReader {
  private readonly folder: SegmentFolder;
  private current: { readonly segment: number; readonly file: SegmentFile; readonly salt: number } | null = null;

  private lookedThroughAt = Number.NEGATIVE_INFINITY;
  private later = { segment: 0, askedAt: 0, bytes: 0 };
  /** Bytes of whole frames that the last read found. */
  private lastRead = 0;

  /** Of a folder of this machine, named by its path, or another. */
  constructor(directory: string | SegmentFolder) {
    super();
    this.folder = folderOf(directory);
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
    const segment = (await segments(this.folder))[0];
    return segment === undefined ? null : offsetOf(segment, SEGMENT_HEAD_BYTES);
  }

  /**
   * The number of the segment after this one, or null. They are consecutive unless old ones were dropped or somebody took one away; the
   * folder is looked through for that only now and then, since a reader that waits asks a hundred times a second.
   */
  private async following(segment: number): Promise<number | null> {
    if ((await this.folder.size(segmentName(segment + 1))) !== null) return segment + 1;
    if (this.current?.segment === segment && performance.now() - this.lookedThroughAt < LOOK_THROUGH_EVERY_MS)
      return null;
    this.lookedThroughAt = performance.now();
    return (await segments(this.folder)).find((later) => later > segment) ?? null;
  }

  /** What is in `segment` and behind it, as of not long ago: to ask each of many segments at every read would take longer than reading. */
  private async laterBytes(segment: number): Promise<number> {
    const now = performance.now();
    if (this.later.segment !== segment || now - this.later.askedAt >= ASK_SIZES_EVERY_MS)
      this.later = { segment, askedAt: now, bytes: await bytesBehind(this.folder, segment) };
    return this.later.bytes;
  }

  /** All of a segment that has no head of ours, and so no salt: what is in it cannot be read. Null where it is no longer than a head. */
  private async rottenSegment(segment: number): Promise<DamagedStretch | null> {
    const file = await this.folder.open(segmentName(segment));
    if (file === null) return null;
    try {
      const length = await file.size();
      if (length <= SEGMENT_HEAD_BYTES) return null;
      return {
        offset: offsetOf(segment, 0),
        length,
        bytes: await bytesAt(file, 0, Math.min(length, MOST_DAMAGED_BYTES)),
      };
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
    const size = await file.size();
    const there = size - start;
    if (there <= 0) return { ...NOTHING, next: at, behindBytes: 0 };
    // How much there is to read is not known where zeros are written ahead: about as much as the last time, and all of it where that is short.
    const most = Math.min(maxBytes, there);
    let length = sealed ? most : Math.min(most, Math.max(PROBE_BYTES, 2 * this.lastRead));
    // Damage in front of a whole frame, in a segment that is being written: the writer's bytes become visible in order, but not at one
    // blow, and a read may meet with them half way. Read once more, after the frame behind it was seen, they are there or never were.
    for (let believed: number | null = null; ; length = most) {
      const bytes = await bytesAt(file, start, length);
      const toTheEnd = bytes.length >= there;
      const { entries, damaged, end, stop } = readStretch(bytes, at, { salt, sealed, toTheEnd, believed });
      if (stop === 'doubt') believed = end;
      else if (stop === 'zeros' || length === most) {
        this.lastRead = end;
        return { entries, damaged, next: at + end, behindBytes: stop === 'zeros' ? 0 : there - end };
      }
    }
  }

  private async open(segment: number): Promise<{ file: SegmentFile; salt: number } | null> {
    if (this.current?.segment === segment) return this.current;
    await this.close();
    const file = await this.folder.open(segmentName(segment));
    if (file === null) return null;
    const salt = saltOf(await bytesAt(file, 0, SEGMENT_HEAD_BYTES));
    if (salt === null) {
      await file.close();
      return null;
    }
    const behindHead = (await file.size()) - SEGMENT_HEAD_BYTES;
    const frames = await bytesAt(file, SEGMENT_HEAD_BYTES, Math.min(behindHead, 2 * MAX_FRAME_BYTES));
    this.current = { segment, file, salt: mendedSalt(frames, salt) };
    return this.current;
  }
}

async function bytesAt(file: SegmentFile, at: number, length: number): Promise<Buffer> {
  const room = Buffer.allocUnsafe(length);
  return room.subarray(0, await file.read(room, at));
}
