import { randomInt } from 'node:crypto';
import { close, fdatasync, fstat, fsync, open, unlink, write } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CanhError } from '@canh/core/canh-error';
import { JournalWriter, START, type JournalOffset } from '@canh/core/readings/journal';
import type { Message } from '@canh/core/readings/message';
import { takeLock } from '../process-lock/process-lock.js';
import { frameBytes, MAX_BODY_BYTES, writeFrame } from './frame.js';
import { offsetOf, segmentFile, segments, segmentHead, segmentOf, SEGMENT_HEAD_BYTES } from './segments.js';

const openFile = promisify(open);
const closeFile = promisify(close);
const removeFile = promisify(unlink);
const syncFile = promisify(fsync);
const syncData = promisify(fdatasync);

const sizeOf = async (file: number): Promise<number> => (await promisify(fstat)(file)).size;

const SEGMENT_BYTES = 64 * 2 ** 20;
const FIRST_BUFFER_BYTES = 2 ** 18;
/** Long enough for a few hundred messages to share one fdatasync, short beside what a radio link takes. */
const COMMIT_WINDOW_MS = 2;

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
  private file: number | null = null;
  private committing: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private soon: NodeJS.Immediate | null = null;
  private lastCommitAt = 0;
  private closed = false;

  private constructor(
    private readonly directory: string,
    private segment: number,
    private readonly unlock: () => void,
    private readonly segmentBytes: number,
    private readonly windowMs: number,
  ) {
    super();
  }

  /** Throws CanhError `LOCKED` where another writer is, `JOURNAL_UNWRITABLE` where the folder cannot be used. */
  static async open(directory: string, options: JournalOptions = {}): Promise<FileJournalWriter> {
    let unlock: () => void;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      unlock = takeLock(join(directory, 'writer.lock'), 'writing to the journal');
    } catch (cause) {
      if (cause instanceof CanhError) throw cause;
      throw new CanhError(
        'JOURNAL_UNWRITABLE',
        `The journal folder ${directory} cannot be written (${(cause as Error).message}). Give CANH_DATA_DIR a folder that this user may write.`,
        { cause },
      );
    }
    try {
      const last = Math.max((await segments(directory)).at(-1) ?? 0, segmentOf(options.after ?? START));
      const writer = new FileJournalWriter(
        directory,
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
    if (this.file !== null) await closeFile(this.file);
    this.file = null;
    this.unlock();
  }

  private makeRoom(bytes: number): void {
    if (this.filled + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.filled + bytes));
    this.buffer.copy(larger, 0, 0, this.filled);
    this.buffer = larger;
  }

  private schedule(): void {
    if (this.committing !== null || this.timer !== null) return;
    const wait = this.lastCommitAt + this.windowMs - performance.now();
    // After a quiet moment at once: a lone message need not wait for company.
    if (wait <= 0)
      this.soon ??= setImmediate(() => {
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
    try {
      if (this.file === null || this.position >= this.segmentBytes) await this.startSegment();
      const file = this.file!;
      const start = this.position;
      await writeWhole(file, bytes, start);
      await syncData(file).catch((cause: unknown) => this.breakOff(cause));
      this.position = start + bytes.length;
      this.appended += group.messages;
      this.problem = null;
      group.resolve(offsetOf(this.segment, this.position));
    } catch (cause) {
      await this.leaveSegment();
      this.problem =
        this.broken ??
        new CanhError(
          'JOURNAL_WRITE_FAILED',
          `The journal in ${this.directory} cannot be written (${(cause as Error).message}). Nothing is acknowledged until it can; free some space.`,
          { cause },
        );
      group.reject(this.problem);
    }
  }

  private breakOff(cause: unknown): never {
    this.broken = new CanhError(
      'JOURNAL_SYNC_FAILED',
      `fdatasync failed in ${this.directory} (${(cause as Error).message}). What is on that disk is unknown; check it, then start Canh again.`,
      { cause },
    );
    throw this.broken;
  }

  /** After a failed write: a reader may have seen part of it, so nothing may ever be written over it. Where nothing was written, nothing was seen. */
  private async leaveSegment(): Promise<void> {
    if (this.file === null) return;
    const untouched = this.broken === null && (await sizeOf(this.file).catch(() => -1)) === this.position;
    if (untouched) return;
    await closeFile(this.file).catch(() => undefined);
    this.file = null;
  }

  private async startSegment(): Promise<void> {
    if (this.file !== null) await closeFile(this.file);
    this.file = null;
    const name = segmentFile(this.directory, this.segment + 1);
    const file = await openFile(name, 'wx', 0o600);
    try {
      await writeWhole(file, segmentHead(this.salt), 0);
    } catch (error) {
      // No reader goes into a segment without its whole head, so the number serves again: a full disk must not fill with empty files.
      await closeFile(file).finally(() => removeFile(name));
      throw error;
    }
    this.segment += 1;
    try {
      await syncData(file).catch((cause: unknown) => this.breakOff(cause));
      // The name must be on disk before the first message behind it is acknowledged.
      const folder = await openFile(this.directory, 'r');
      await syncFile(folder)
        .catch((cause: unknown) => this.breakOff(cause))
        .finally(() => closeFile(folder));
    } catch (error) {
      await closeFile(file);
      throw error;
    }
    this.file = file;
    this.position = SEGMENT_HEAD_BYTES;
  }
}

/** `write` may write less than it was given and say so without an error: a disk that fills up does that. */
function writeWhole(file: number, bytes: Buffer, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const more = (done: number): void => {
      write(file, bytes, done, bytes.length - done, position + done, (error, written) => {
        if (error !== null) return reject(error);
        if (written === 0) return reject(new Error('nothing more could be written'));
        if (done + written < bytes.length) return more(done + written);
        resolve();
      });
    };
    more(0);
  });
}
