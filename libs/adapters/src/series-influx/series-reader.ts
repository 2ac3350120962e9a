import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { Bucket, SeriesSpan, Summary } from '@canh/core/series/series-store';

/** How one dialect is read back. */
export interface SeriesReader {
  readings(span: SeriesSpan, limit: number): Promise<FlaggedReading[]>;
  buckets(span: SeriesSpan, bucketMs: number): Promise<Bucket[]>;
  summary(span: SeriesSpan): Promise<Summary>;
  latest(): Promise<FlaggedReading[]>;
}
