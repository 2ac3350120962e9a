import type { JournalOffset } from '../readings/journal.js';
import type { QuarantineReason } from '../readings/quarantine.js';
import { HOUR_MS, type Instant } from '../time/instant.js';
import type { CountState } from './count-gaps.js';

/**
 * What became of everything that came from one device within one hour of receiving. Always
 * received = stored + duplicate + the sum of quarantined.
 */
export interface LedgerLine {
  readonly deviceId: string;
  /** The beginning of the hour, UTC. */
  readonly hour: Instant;
  /** Messages that came under its own credential. */
  readonly messages: number;
  /** Readings, and what could be none. */
  readonly received: number;
  readonly stored: number;
  readonly duplicate: number;
  /** Of those stored: measured long before they were received. */
  readonly late: number;
  readonly quarantined: Readonly<Partial<Record<QuarantineReason, number>>>;
  /** Numbers that the device passed over when it counted what it sends, and that have not come since. */
  readonly missing: number;
}

export const hourOf = (time: Instant): Instant => Math.floor(time / HOUR_MS) * HOUR_MS;

/** A stretch of the journal with what becomes of all that is in it. */
export interface AccountedStretch {
  readonly from: JournalOffset;
  readonly next: JournalOffset;
  readonly lines: readonly LedgerLine[];
}

/** How far the ledger is, with what was begun behind that place. */
export interface LedgerPlace {
  readonly offset: JournalOffset;
  readonly begun: readonly AccountedStretch[];
  readonly counts: readonly { readonly deviceId: string; readonly state: CountState }[];
}

/**
 * The books of ingestion, kept with the store's place in the journal. What becomes of a stretch is written down before the store is asked
 * to keep it, and added up when it has: after a crash in between, the same is added up, though the store now knows the readings.
 */
export abstract class Ledger {
  abstract place(): Promise<LedgerPlace>;
  /** Writes down what becomes of a stretch. */
  abstract begin(stretch: AccountedStretch): Promise<void>;
  /**
   * Adds the lines up, forgets all that was begun before `next`, keeps what the devices counted last, and moves the places of ledger and
   * store on to `next`: together or not at all.
   */
  abstract settle(settled: {
    readonly next: JournalOffset;
    readonly lines: readonly LedgerLine[];
    readonly counts: readonly { readonly deviceId: string; readonly state: CountState }[];
    readonly at: Instant;
  }): Promise<void>;
  /** Removes the lines of hours before `before`. Returns how many. */
  abstract forget(before: Instant): Promise<number>;
}

/** Which lines: `from` belongs to the span, `to` does not. */
export interface LedgerQuery {
  readonly from: Instant;
  readonly to: Instant;
  readonly deviceId?: string;
}

/** The ledger for the page and the command line. */
export abstract class LedgerDesk {
  /** By hour, newest first, then by device; the first `limit` of them. */
  abstract lines(query: LedgerQuery, limit: number): Promise<LedgerLine[]>;
  /** Where the ledger began: what stands before it in the journal is in no line. START where everything is accounted for. */
  abstract begunAt(): Promise<JournalOffset>;
}
