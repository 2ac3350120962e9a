import type { Instant } from '../time/instant.js';
import type { JournalOffset } from './journal.js';

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
  | 'store-refused';

/** Something that arrived and was not stored as a reading: what, why, and its bytes. */
export interface Quarantined {
  readonly offset: JournalOffset;
  /** Which part of the message, from 0: one message can hold good readings and several bad ones. */
  readonly part: number;
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

/** What was quarantined, for the page. */
export abstract class QuarantineDesk {
  abstract counts(): Promise<{ reason: QuarantineReason; count: number }[]>;
  /** Newest first. */
  abstract newest(limit: number): Promise<Quarantined[]>;
}
