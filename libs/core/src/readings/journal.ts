import type { Message } from './message.js';

/**
 * A place between two messages of the journal. Later is larger; nothing else may be read into the number.
 * START is before the first message that is still kept.
 */
export type JournalOffset = number;
export const START: JournalOffset = 0;

/** Takes messages in. One writer at a time; a second one is refused when it opens. */
export abstract class JournalWriter {
  /**
   * Resolves when the message is on disk (fdatasync done), with the offset behind it and all that became
   * durable with it. Rejects when it is not and cannot be:
   * the sender must not be told that it was received. Messages become durable in the order of the calls.
   */
  abstract append(message: Message): Promise<JournalOffset>;
  /** Messages taken in since the journal was opened. */
  abstract readonly appended: number;
  abstract close(): Promise<void>;
}

export interface JournalEntry {
  /** Names this message for ever: the same at every reading of the journal. */
  readonly offset: JournalOffset;
  readonly message: Message;
}

/** A stretch of the journal that holds no whole message any more. */
export interface DamagedStretch {
  readonly offset: JournalOffset;
  /** How long it is, and its first bytes, MOST_DAMAGED_BYTES of them at most; all of it stays in the segment. */
  readonly length: number;
  readonly bytes: Uint8Array;
}
export const MOST_DAMAGED_BYTES = 65_536;

export interface JournalBatch {
  readonly entries: readonly JournalEntry[];
  /** Where to read on. */
  readonly next: JournalOffset;
  /** Bytes between `next` and the end of what is written, as of this read: 0 is "nothing behind". */
  readonly behindBytes: number;
  /** What could not be read (bit rot) and was passed over, in order. */
  readonly damaged: readonly DamagedStretch[];
}

/** Reads messages by offset, from any process on the machine, while the writer writes. */
export abstract class JournalReader {
  /** What lies behind `from`, up to about `maxBytes`; empty when there is nothing yet. */
  abstract read(from: JournalOffset, maxBytes: number): Promise<JournalBatch>;
  abstract close(): Promise<void>;
}
