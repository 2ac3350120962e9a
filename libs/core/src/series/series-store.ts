import type { FlaggedReading } from '../quality/flagged-reading.js';
import type { Flag } from '../quality/flag.js';
import type { Instant } from '../time/instant.js';

/** `from` belongs to the span, `to` does not. */
export interface SeriesSpan {
  readonly stationId: string;
  readonly metric: string;
  readonly from: Instant;
  readonly to: Instant;
}

/** One step of a drawn line: all readings of [at, at + bucketMs) that did not fail. */
export interface Bucket {
  readonly at: Instant;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly count: number;
  /** The least trusted flag among them. */
  readonly flag: Flag;
}

export interface Summary {
  readonly count: number;
  readonly sum: number;
}

/** Time series of readings. */
export abstract class SeriesStore {
  /**
   * Stores them and resolves when the store has answered for them. Storing the same readings again changes nothing.
   * Rejects with CanhError `STORE_UNAVAILABLE` when trying again later can help; everything of this call may then be sent again.
   */
  abstract append(readings: readonly FlaggedReading[]): Promise<void>;
  /** Every reading of the span, failed ones too, by time; the first `limit` of them. */
  abstract readings(span: SeriesSpan, limit: number): Promise<FlaggedReading[]>;
  /** The span in steps of `bucketMs`, aligned to the epoch; steps without readings are left out. */
  abstract buckets(span: SeriesSpan, bucketMs: number): Promise<Bucket[]>;
  /** How many readings the span holds and their sum, whatever their flag. */
  abstract summary(span: SeriesSpan): Promise<Summary>;
  /** The newest reading of each (station, metric). */
  abstract latest(): Promise<FlaggedReading[]>;
  abstract close(): Promise<void>;
}
