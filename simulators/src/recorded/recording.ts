import type { Instant } from '@canh/core/time/instant';
import type { MetricMapping } from './metric-mapping.js';

/** One row of a recording: what was measured at one moment. */
export interface RecordedRow {
  /** Line of the file, or number of the value, for messages to a person. */
  readonly line: number;
  readonly at: Instant;
  readonly values: Readonly<Record<string, number>>;
  /** Values that the row should hold and that its source says are missing. */
  readonly missing: number;
}

/** A file of measurements, readable as often as wanted. */
export interface Recording {
  rows(): AsyncIterable<RecordedRow>;
}

export interface RecordingOptions {
  /** Zone of times that are written without one. */
  readonly timezone: string;
  /** Empty: every column that is named like a metric. */
  readonly metrics: readonly MetricMapping[];
  /** How the source writes "missing", beside the empty cell. */
  readonly missing: readonly string[];
  /** Which site of a file that holds several. */
  readonly site: string | null;
}
