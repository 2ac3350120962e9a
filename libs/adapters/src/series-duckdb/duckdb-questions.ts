/** One device's metric at one station. A device that moved has a row for each station, all of them of one channel. */
export interface SeriesRow {
  readonly seriesId: number;
  /** The identity of a reading is (channel, time, sequence): the station is where it was, not what it is. */
  readonly channelId: number;
  readonly deviceId: string;
  readonly stationId: string;
  readonly metric: string;
}

/** Readings as columns, all over one buffer, which is handed over and not copied. `measuredUs` holds the sequence in its last three digits. */
export interface Columns {
  readonly measuredUs: Float64Array<ArrayBuffer>;
  readonly receivedAt: Float64Array<ArrayBuffer>;
  readonly value: Float64Array<ArrayBuffer>;
  readonly seriesId: Int32Array<ArrayBuffer>;
  readonly flag: Uint8Array<ArrayBuffer>;
}

/** A span as the worker needs it; `fromUs` belongs to it, `toUs` does not. */
export interface SpanUs {
  readonly stationId: string;
  readonly metric: string;
  readonly fromUs: number;
  readonly toUs: number;
}

/** Rows that are stored already, or stand twice among those asked for; both rising. */
export interface Known {
  readonly duplicates: number[];
  readonly conflicts: { readonly at: number; readonly storedValue: number }[];
}

/** For how many days what a day comes to is kept after it. */
export interface KeepDays {
  readonly raw: number;
  readonly '5min': number;
  readonly '1h': number;
}

/** What could not be done, and why: as it is now, whether it was tried again or is to be tried later. */
export interface Undone {
  /** A day as `2026-11-20`, or `removed files`. */
  readonly what: string;
  readonly reason: string;
}

/** Names of files of days that were written, and that were removed for their age; and what was found to be wrong. */
export interface Maintained {
  readonly sealed: readonly string[];
  readonly removed: readonly string[];
  readonly failed: readonly Undone[];
  readonly setAside: readonly SetAside[];
}

/** What the worker is asked, and what it answers to each. */
export interface Questions {
  /** Tells what is new and holds it until it is stored, or the next is sifted. */
  sift: { ask: { columns: Columns; newSeries: readonly SeriesRow[] }; answer: Known };
  /** Stores what the question `sifted` holds. */
  store: { ask: { sifted: number }; answer: object };
  readings: { ask: { span: SpanUs; limit: number }; answer: Columns };
  /** at, min, max, mean, count and flag, one after the other for each step. */
  buckets: { ask: { span: SpanUs; bucketMs: number }; answer: Float64Array<ArrayBuffer> };
  summary: { ask: { span: SpanUs }; answer: { count: number; sum: number } };
  latest: { ask: object; answer: Columns };
  maintain: { ask: { now: number; keep: KeepDays; rowsAtOnce: number }; answer: Maintained };
  oldestUnsealed: { ask: object; answer: { receivedAt: number | null } };
  close: { ask: object; answer: object };
}

export type Question = {
  [Kind in keyof Questions]: { readonly id: number; readonly kind: Kind } & Questions[Kind]['ask'];
}[keyof Questions];

/** A file that would not open: where it was kept, and why. */
export interface SetAside {
  readonly keptAs: string;
  readonly reason: string;
}

export type FromWorker =
  | {
      readonly kind: 'opened';
      readonly series: readonly SeriesRow[];
      readonly rebuilt: boolean;
      readonly setAside: SetAside | null;
    }
  | { readonly kind: 'not-opened'; readonly reason: string }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string };
