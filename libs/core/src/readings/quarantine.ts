import type { Instant } from '../time/instant.js';
import type { JournalOffset } from './journal.js';
import type { ReplayableKind, ReplayableMessage } from './replayed.js';

/** Why something that arrived cannot be a reading. One word each; the page translates them. */
export type QuarantineReason =
  | 'not-utf8'
  | 'not-json'
  | 'too-deep'
  | 'too-many-values'
  | 'wrong-shape'
  | 'not-a-number'
  | 'bad-time'
  | 'too-old'
  | 'in-the-future'
  | 'unknown-device'
  | 'unknown-metric'
  | 'refused'
  | 'damaged'
  | 'conflict'
  | 'store-refused';

/** Parts of a message are counted from 0 by the reader; what the store does not take is counted from here, by its place in the message. */
export const STORE_PARTS = 1_000_000;

/** Something that arrived and was not stored as a reading: what, why, and its bytes. */
export interface Quarantined {
  readonly offset: JournalOffset;
  /** Which part of the message, from 0: one message can hold good readings and several bad ones. */
  readonly part: number;
  /** What kind of message `payload` is; null where the bytes are no message that could be read again. */
  readonly kind: ReplayableKind | null;
  /** Under whose credential the message came; empty where none was accepted. */
  readonly senderId: string;
  /** Which device it concerns: the sender, or one behind it. */
  readonly deviceId: string;
  readonly receivedAt: Instant;
  readonly reason: QuarantineReason;
  /** Says which value and what is wrong with it, for a person. */
  readonly detail: string;
  readonly payload: Uint8Array;
}

export abstract class Quarantine {
  /** Keeps them. The same (offset, part) again is harmless. */
  abstract keep(entries: readonly Quarantined[]): Promise<void>;
}

/** Which of what was quarantined: all that is named must hold. `from` belongs to the span of receiving, `to` does not. */
export interface QuarantineQuery {
  readonly deviceId?: string;
  readonly reason?: QuarantineReason;
  readonly from?: Instant;
  readonly to?: Instant;
}

/** Something quarantined as people see it. */
export interface QuarantinedRecord extends Quarantined {
  /** When its message was handed in to be read once more; null: never. */
  readonly replayedAt: Instant | null;
}

/** What was quarantined, for the page and the command line. */
export abstract class QuarantineDesk {
  abstract counts(): Promise<{ reason: QuarantineReason; count: number }[]>;
  /** Newest first. */
  abstract newest(query: QuarantineQuery, limit: number): Promise<QuarantinedRecord[]>;
  /**
   * Asks for the messages of these to be read once more, after what was wrong with them was mended. Returns how many messages will be;
   * those whose bytes are no message, or were handed in already, are left out.
   */
  abstract requestReplay(query: QuarantineQuery): Promise<number>;
}

/** What is to be read once more: each quarantined entry that has bytes of its own, so a message once whatever the number of its faults. */
export abstract class ReplayRequests {
  /** Oldest first. */
  abstract open(limit: number): Promise<ReplayRequest[]>;
  /** They are in the journal again. */
  abstract done(requests: readonly ReplayRequest[], at: Instant): Promise<void>;
}

export interface ReplayRequest {
  readonly offset: JournalOffset;
  readonly part: number;
  readonly message: ReplayableMessage;
}
