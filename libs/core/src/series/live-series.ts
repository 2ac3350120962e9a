import type { FlaggedReading } from '../quality/flagged-reading.js';
import type { Instant } from '../time/instant.js';
import type { Bucket, SeriesSpan } from './series-store.js';

/** How far the processor is, for health, metrics and the page. */
export interface PathStatus {
  readonly readingsStored: number;
  readonly readingsDuplicate: number;
  /** Bytes of the journal that were not judged yet, and not stored yet. */
  readonly judgeBehindBytes: number;
  readonly storeBehindBytes: number;
  /** How long the newest message of the stretch judged last had been waiting. */
  readonly judgeBehindMs: number;
  /** When the newest message that is stored and in the ledger was received; null before the first. */
  readonly storedUpTo: Instant | null;
  /** Since when the series store takes nothing, and whether a person must change something first; null when it does. */
  readonly storeWaiting: { readonly since: Instant; readonly refused: boolean } | null;
  /** Stretches of the journal that could not be read. */
  readonly journalDamaged: number;
  /** What only a new start of the processor mends, such as a store whose thread is gone; null when there is nothing of the kind. */
  readonly failed: string | null;
  /** What stops work, in words, such as a store that does not answer. Empty when all is well. */
  readonly problems: readonly string[];
  /** What a person should put right though work goes on: a rule's level for which a station has no limit. */
  readonly warnings: readonly string[];
}

/** The processor as the console asks it, in the same process or from another one. */
export abstract class LiveSeries {
  /** Newest readings of each (station, metric) that changed after `cursor` (0: all), and the cursor to ask with next. */
  abstract latestAfter(cursor: number): Promise<{ cursor: number; readings: FlaggedReading[] }>;
  abstract buckets(span: SeriesSpan, bucketMs: number): Promise<Bucket[]>;
  /** As `SeriesStore.readings`. */
  abstract readings(span: SeriesSpan, limit: number): Promise<FlaggedReading[]>;
  abstract status(): Promise<PathStatus>;
}
