import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { Bucket, SeriesSpan, Summary } from '@canh/core/series/series-store';
import type { Instant } from '@canh/core/time/instant';

/** Which readings may be stored already: one metric of some devices, whatever their station. Both ends belong to the span. */
export interface Lookup {
  readonly metric: string;
  readonly deviceIds: readonly string[];
  readonly from: Instant;
  readonly to: Instant;
}

export interface StoredValue {
  readonly deviceId: string;
  /** As `keyOf` makes it. */
  readonly key: number;
  readonly value: number;
}

/** How one dialect is read back. */
export interface SeriesReader {
  readings(span: SeriesSpan, limit: number): Promise<FlaggedReading[]>;
  buckets(span: SeriesSpan, bucketMs: number): Promise<Bucket[]>;
  summary(span: SeriesSpan): Promise<Summary>;
  latest(): Promise<FlaggedReading[]>;
  /** The key of the newest reading that each device has of the metric; devices that have none are left out. */
  newest(of: Pick<Lookup, 'metric' | 'deviceIds'>): Promise<ReadonlyMap<string, number>>;
  stored(lookup: Lookup): Promise<StoredValue[]>;
}

/** Characters that mean something in a regular expression of RE2, escaped. */
export function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** Each device by its whole id. */
export function anyOf(deviceIds: readonly string[]): string {
  return `^(?:${deviceIds.map(literally).join('|')})$`;
}

const ASKED_AT_ONCE = 8;

/** Works on a few items at a time. */
export async function someAtOnce<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values();
  const one = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, one));
}
