import { CanhError } from '../canh-error.js';
import type { FlaggedReading } from '../quality/flagged-reading.js';
import type { Flag } from '../quality/flag.js';
import type { ReadingColumns } from '../quality/reading-columns.js';
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

/** A reading that the store will never take, by its place among those handed in, and what the store answered. */
export interface RefusedReading {
  readonly at: number;
  readonly answer: string;
}

/** A reading with another value than the one that is stored for the same device, metric, time and sequence. */
export interface Conflict {
  readonly at: number;
  readonly storedValue: number;
}

/** What is new among readings, told from what the store has; nothing is stored yet. */
export interface Sifted {
  /** Places of those that are stored with the same value, or stand here a second time; rising. */
  readonly duplicates: readonly number[];
  /** What is stored stays; rising. Of two in one call, the first counts as stored. */
  readonly conflicts: readonly Conflict[];
  /**
   * Stores all others and resolves when the store has answered for them, with those that it will never take. Rejects with
   * StoreUnavailable (`STORE_UNAVAILABLE`) when trying again later can help, with CanhError `STORE_REFUSED` when a person must change
   * something first (a token, a name); after either, sift again: some of them may be stored.
   */
  store(): Promise<readonly RefusedReading[]>;
}

/** The store does not answer now; trying the same call again later can help. Its code is `STORE_UNAVAILABLE`. */
export class StoreUnavailable extends CanhError {
  constructor(
    message: string,
    /** How long the store itself asked us to wait, where it did. */
    readonly retryAfterMs: number | null = null,
    options?: { cause?: unknown },
  ) {
    super('STORE_UNAVAILABLE', message, options);
  }
}

/** How many steps `buckets` gives at most: more than any screen can draw, and an answer that still fits into memory. */
export const MOST_BUCKETS = 100_000;

/** Throws CanhError `BAD_SPAN` for a span and step that no store can answer; returns nothing otherwise. */
export function checkBuckets(span: SeriesSpan, bucketMs: number): void {
  if (!Number.isSafeInteger(bucketMs) || bucketMs < 1)
    throw new CanhError(
      'BAD_SPAN',
      `A step of ${bucketMs} ms was asked for. Ask for a whole number of milliseconds from 1 up.`,
    );
  if ((span.to - span.from) / bucketMs > MOST_BUCKETS)
    throw new CanhError(
      'BAD_SPAN',
      `Steps of ${bucketMs} ms over ${span.to - span.from} ms are more than ${MOST_BUCKETS}. Ask for a shorter span or longer steps.`,
    );
}

/** Time series of readings. */
export abstract class SeriesStore {
  /**
   * Tells the new ones from those that are stored. One at a time: a later call lets go of what an earlier one has not stored.
   * Rejects as `Sifted.store` does.
   */
  abstract sift(readings: ReadingColumns): Promise<Sifted>;
  /**
   * Whether `sift` may be called while `Sifted.store` of the call before is under way. It then takes for stored what that one is storing, and
   * holds only if that one resolves and refuses nothing: otherwise sift again.
   */
  readonly siftsAhead: boolean = false;
  /**
   * For a store that answers before its data is on disk: when its server was started, so that what it lost with the one before can be
   * stored again. Null for a store that keeps what it has answered for. Rejects with StoreUnavailable.
   */
  abstract startedAt(): Promise<Instant | null>;
  /** Every reading of the span, failed ones too, by time; the first `limit` of them. */
  abstract readings(span: SeriesSpan, limit: number): Promise<FlaggedReading[]>;
  /** The span in steps of `bucketMs`, aligned to the epoch; steps without readings are left out. See `checkBuckets`. */
  abstract buckets(span: SeriesSpan, bucketMs: number): Promise<Bucket[]>;
  /** How many readings the span holds and their sum, whatever their flag. */
  abstract summary(span: SeriesSpan): Promise<Summary>;
  /** The newest reading of each (station, metric). */
  abstract latest(): Promise<FlaggedReading[]>;
  abstract close(): Promise<void>;
}
