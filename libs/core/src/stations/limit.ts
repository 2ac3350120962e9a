import type { Instant } from '../time/instant.js';

/** A limit that a document sets for one station, e.g. alarm level BĐ3 of the Thạch Hãn at Thạch Hãn: 6.0 m since 20/3/2020. */
export interface Limit {
  /** `alarm_1`, `alarm_2`, `alarm_3` for the legal flood levels; otherwise any name that rules refer to. */
  readonly name: string;
  readonly metric: string;
  readonly value: number;
  /** First moment it is in force; null: always was. */
  readonly validFrom: Instant | null;
  /** First moment it is no longer in force; null: still is. */
  readonly validTo: Instant | null;
  /** The decision or bulletin it was read in. */
  readonly document: string;
}

/** The limit of that name in force at `at`, or undefined where no document sets one. */
export function limitInForce(limits: readonly Limit[], metric: string, name: string, at: Instant): Limit | undefined {
  return limits.find(
    (limit) =>
      limit.name === name &&
      limit.metric === metric &&
      (limit.validFrom === null || limit.validFrom <= at) &&
      (limit.validTo === null || at < limit.validTo),
  );
}
