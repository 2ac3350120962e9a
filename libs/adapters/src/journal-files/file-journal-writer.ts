import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { CanhError } from '@canh/core/canh-error';
import { JournalWriter, START, type JournalOffset } from '@canh/core/readings/journal';
import type { Message } from '@canh/core/readings/message';
import { takeLock } from '../process-lock/process-lock.js';
import { frameBytes, MAX_BODY_BYTES, writeFrame } from './frame.js';
import { NodeSegmentFolder } from './node-segment-folder.js';
import type { SegmentFile, SegmentFolder } from './segment-folder.js';
import { offsetOf, segmentHead, segmentName, segmentOf, segments, SEGMENT_HEAD_BYTES } from './segments.js';

const SEGMENT_BYTES = 64 * 2 ** 20;
const FIRST_BUFFER_BYTES = 2 ** 18;
/** Long enough for a few hundred messages to share one fdatasync, short beside what a radio link takes. */
const COMMIT_WINDOW_MS = 5;
/** What waits is committed without waiting for the window once it is this much. */
const FULL_GROUP_BYTES = 128 * 2 ** 10;
/** How far a segment is grown ahead of its data: an fdatasync of blocks that the file has already is cheaper than one that gives it new ones. */
const AHEAD = Buffer.alloc(256 * 2 ** 10);

/** Messages that become durable together. One promise for all of them: thousands may wait for one fdatasync. */
class Group {
  messages = 0;
  resolve!: (offset: JournalOffset) => void;
  reject!: (error: unknown) => void;
  readonly durable = new Promise<JournalOffset>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}

export interface JournalOptions {
  readonly segmentBytes?: number;
  readonly commitWindowMs?: number;
  /** A place that readers have kept: nothing new is put before it, also where the folder was emptied meanwhile. */
  readonly after?: JournalOffset;
}

/**
 * Group commit: messages that arrive while one fdatasync runs, or within the window after it, share the next one.
 * A write that fails (disk full) fails its messages and the next one starts a new segment, so it recovers without a restart.
 * An fdatasync that fails is the end of this writer: what the kernel then still holds is unknowable.
 */
export class FileJournalWriter extends JournalWriter {
  appended = 0;
  /** Groups that could not be kept. */
  failed = 0;
  /** Hears of each group that is on disk: how long that took, how many messages and bytes it was. */
  onCommit: (seconds: number, messages: number, bytes: number) => void = () => undefined;
  /** Why the last messages could not be kept; null again once some were. */
  problem: CanhError | null = null;
  /** Set once an fdatasync has failed; nothing is accepted after that. */
  private broken: CanhError | null = null;

  private readonly salt = randomInt(2 ** 32);
  private buffer = Buffer.allocUnsafe(FIRST_BUFFER_BYTES);
  private spare = Buffer.allocUnsafe(FIRST_BUFFER_BYTES);
  private filled = 0;
  private waiting: Group | null = null;
  private position = SEGMENT_HEAD_BYTES;
  private file: SegmentFile | null = null;
  /** Where the bytes end that were written, those of a group that failed included; `position` is where the last durable group ends. */
  private written = SEGMENT_HEAD_BYTES;
  /** Where the zeros end that were written ahead. */
  private grownTo = 0;
  private committing: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private soon: NodeJS.Immediate | null = null;
  private lastCommitAt = 0;
  private closed = false;

  private constructor(
    private readonly folder: SegmentFolder,
    private segment: number,
    private readonly unlock: () => void,
    private readonly segmentBytes: number,
    private readonly windowMs: number,
  ) {
    super();
  }

  /** In a folder of this machine, named by its path, or another. Throws CanhError `LOCKED` where another writer is, `JOURNAL_UNWRITABLE` where the folder cannot be used. */
  static async open(directory: string | SegmentFolder, options: JournalOptions = {}): Promise<FileJournalWriter> {
    const { folder, unlock } =
      typeof directory === 'string' ? await taken(directory) : { folder: directory, unlock: () => undefined };
    try {
      const last = Math.max((await segments(folder)).at(-1) ?? 0, segmentOf(options.after ?? START));
      const writer = new FileJournalWriter(
        folder,
        last,
        unlock,
        options.segmentBytes ?? SEGMENT_BYTES,
        options.commitWindowMs ?? COMMIT_WINDOW_MS,
      );
      await writer.startSegment();
      return writer;
    } catch (error) {
      unlock();
      throw error;
    }
  }

  append(message: Message): Promise<JournalOffset> {
    if (this.broken !== null) return Promise.reject(this.broken);
    if (this.closed)
      return Promise.reject(new CanhError('JOURNAL_CLOSED', 'The journal is closed: this process is stopping.'));
    const bytes = frameBytes(message);
    if (bytes > MAX_BODY_BYTES)
      return Promise.reject(
        new CanhError(
          'MESSAGE_TOO_LARGE',
          `A message of ${bytes} bytes is larger than a journal frame may be (${MAX_BODY_BYTES}).`,
        ),
      );
    this.makeRoom(bytes);
    this.filled = writeFrame(message, this.buffer, this.filled, this.salt);
    this.waiting ??= new Group();
    this.waiting.messages += 1;
    this.schedule();
    return this.waiting.durable;
  }

  /** Waits for what was accepted, then gives the folder back. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    while (this.committing !== null || this.waiting !== null) await (this.committing ?? this.commit());
    if (this.timer !== null) clearTimeout(this.timer);
    await this.leaveSegment();
    this.unlock();
  }

  private makeRoom(bytes: number): void {
    if (this.filled + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.filled + bytes));
    this.buffer.copy(larger, 0, 0, this.filled);
    this.buffer = larger;
  }

  private schedule(): void {
    if (this.committing !== null || this.soon !== null) return;
    const full = this.filled >= FULL_GROUP_BYTES;
    if (this.timer !== null && !full) return;
    const wait = this.lastCommitAt + this.windowMs - performance.now();
    // After a quiet moment at once: a lone message need not wait for company.
    if (full || wait <= 0)
      this.soon = setImmediate(() => {
        this.soon = null;
        void this.commit();
      });
    else this.timer = setTimeout(() => void this.commit(), wait);
  }

  private commit(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.committing !== null || this.waiting === null) return this.committing ?? Promise.resolve();
    this.committing = this.commitGroup(this.waiting).finally(() => {
      this.committing = null;
      this.lastCommitAt = performance.now();
      if (this.waiting !== null) this.schedule();
    });
    return this.committing;
  }

  private async commitGroup(group: Group): Promise<void> {
    const bytes = this.buffer.subarray(0, this.filled);
    this.waiting = null;
    [this.buffer, this.spare] = [this.spare, this.buffer];
    this.filled = 0;
    const began = performance.now();
    try {
      // Taken in while the sync that failed was under way.
      if (this.broken !== null) throw this.broken;
      if (this.file === null || this.position >= this.segmentBytes) await this.startSegment();
      const file = this.file!;
      await this.write(file, bytes);
      await this.growAhead(file, bytes.length);
      await file.sync().catch((cause: unknown) => this.breakOff(cause));
      this.position = this.written;
      this.appended += group.messages;
      this.problem = null;
      group.resolve(offsetOf(this.segment, this.position));
      this.onCommit((performance.now() - began) / 1_000, group.messages, bytes.length);
    } catch (cause) {
      // A reader may have seen what was written, so nothing may ever be written over it. Where nothing was written, nothing was seen.
      if (this.broken !== null || this.written > this.position) await this.leaveSegment();
      this.problem =
        this.broken ??
        new CanhError(
          'JOURNAL_WRITE_FAILED',
          `The journal in ${this.folder.path} cannot be written (${(cause as Error).message}). Nothing is acknowledged until it can; free some space.`,
          { cause },
        );
      this.failed += 1;
      group.reject(this.problem);
    }
  }

  private breakOff(cause: unknown): never {
    this.broken = new CanhError(
      'JOURNAL_SYNC_FAILED',
      `fdatasync failed in ${this.folder.path} (${(cause as Error).message}). What is on that disk is unknown; check it, then start Canh again.`,
      { cause },
    );
    throw this.broken;
  }

  private async write(file: SegmentFile, bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const written = await file.write(done === 0 ? bytes : bytes.subarray(done), this.written);
      if (written === 0) throw new Error('nothing more could be written');
      done += written;
      this.written += written;
    }
  }

  /** So that a group as large as this one finds its blocks there. Where it fails it is of no account: the bytes of the group itself are written. */
  private async growAhead(file: SegmentFile, groupBytes: number): Promise<void> {
    if (this.written + groupBytes <= this.grownTo || groupBytes > AHEAD.length / 4) return;
    const from = Math.max(this.grownTo, this.written);
    const room = Math.max(0, this.segmentBytes - from);
    if (room === 0) return;
    this.grownTo = from + (await file.write(AHEAD.subarray(0, room), from).catch(() => 0));
  }

  /** Nothing is ever added to it after this. It ends with its data, unless its last sync failed: then it is left as it is. */
  private async leaveSegment(): Promise<void> {
    const file = this.file;
    this.file = null;
    if (file === null) return;
    if (this.broken === null && this.grownTo > this.written) await file.truncate(this.written).catch(() => undefined);
    // What was acknowledged is on disk already.
    await file.close().catch(() => undefined);
  }

  private async startSegment(): Promise<void> {
    await this.leaveSegment();
    const name = segmentName(this.segment + 1);
    const file = await this.folder.create(name);
    try {
      this.written = 0;
      await this.write(file, segmentHead(this.salt));
    } catch (error) {
      // No reader goes into a segment without its whole head, so the number serves again: a full disk must not fill with empty files.
      await file.close().finally(() => this.folder.remove(name));
      throw error;
    }
    this.segment += 1;
    try {
      await file.sync().catch((cause: unknown) => this.breakOff(cause));
      // The name must be on disk before the first message behind it is acknowledged.
      await this.folder.sync().catch((cause: unknown) => this.breakOff(cause));
    } catch (error) {
      await file.close();
      throw error;
    }
    this.file = file;
    this.position = this.written;
    this.grownTo = this.written;
  }
}

/** The folder at this path, made where it was not, for this writer alone. */
async function taken(directory: string): Promise<{ folder: SegmentFolder; unlock: () => void }> {
  try {
    const folder = await NodeSegmentFolder.make(directory);
    return { folder, unlock: takeLock(join(directory, 'writer.lock'), 'writing to the journal') };
  } catch (cause) {
    if (cause instanceof CanhError) throw cause;
    throw new CanhError(
      'JOURNAL_UNWRITABLE',
      `The journal folder ${directory} cannot be written (${(cause as Error).message}). Give CANH_DATA_DIR a folder that this user may write.`,
      { cause },
    );
  }
}
