import type { JournalOffset } from '../readings/journal.js';

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
  abstract keepStore(offset: JournalOffset): Promise<void>;
}
