import type { JournalOffset } from '../readings/journal.js';
import type { Instant } from '../time/instant.js';

/** The state of one rule for one station, as the plain value its step made. */
export interface RuleStateRow {
  readonly ruleId: string;
  readonly stationId: string;
  readonly state: unknown;
}

/** Who reads the journal and keeps its place: `judge` evaluates, `store` writes the series. */
export type Follower = 'judge' | 'store';

/** Where each follower of the journal was, and the rule states at that very place. */
export abstract class Checkpoints {
  abstract offset(follower: Follower): Promise<JournalOffset>;
  /** Rule states as of `offset('judge')`. */
  abstract ruleStates(): Promise<RuleStateRow[]>;
  /** Keeps the offset and the states that changed since the last call, together or not at all. */
  abstract keepJudge(offset: JournalOffset, changed: readonly RuleStateRow[]): Promise<void>;
  /** Takes the store back to a place, to fill it again from there; moving it on is the ledger's (`Ledger.settle`). */
  abstract rewindStore(offset: JournalOffset): Promise<void>;
  /** The place up to which everything was stored at that time, or before it; START where that is not known. */
  abstract storedAt(time: Instant): Promise<JournalOffset>;
  /** When the server that holds the series was started, as it was last seen (`SeriesStore.startedAt`), and when that was. */
  abstract storeSeen(): Promise<{ startedAt: Instant; seenAt: Instant } | null>;
  abstract keepStoreSeen(startedAt: Instant, seenAt: Instant): Promise<void>;
}
