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

export interface JournalBatch {
  readonly entries: readonly JournalEntry[];
  /** Where to read on. */
  readonly next: JournalOffset;
  /** Bytes between `next` and the end of what is written, as of this read: 0 is "nothing behind". */
  readonly behindBytes: number;
  /** Places where frames could not be read (bit rot) and were passed over; their bytes stay in the segment. */
  readonly damaged: number;
}

/** Reads messages by offset, from any process on the machine, while the writer writes. */
export abstract class JournalReader {
  /** What lies behind `from`, up to about `maxBytes`; empty when there is nothing yet. */
  abstract read(from: JournalOffset, maxBytes: number): Promise<JournalBatch>;
  abstract close(): Promise<void>;
}
