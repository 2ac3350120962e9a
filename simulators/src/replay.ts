import { extname } from 'node:path';
import { CanhError } from '@canh/core/canh-error';
import { SECOND_MS, type Instant } from '@canh/core/time/instant';
import type { Publisher } from './fleet.js';
import { InFlight } from './in-flight.js';
import { csvRecording } from './recorded/csv.js';
import type { MetricMapping } from './recorded/metric-mapping.js';
import type { RecordedRow, Recording } from './recorded/recording.js';
import { usgsRecording } from './recorded/usgs.js';
import { wallClock, type WallClock } from './wall-clock.js';

/** How sources write "missing" when nobody says otherwise. */
export const MISSING_WORDS = [
  'NA',
  'N/A',
  'NaN',
  'nan',
  'null',
  'NULL',
  '-',
  '-999999',
  '-999999.0',
  '-9999',
  '-999',
] as const;

/** An array of more readings than this is not sent: a door has limits, and a resend should be small. */
export const MOST_ROWS_PER_MESSAGE = 50;
/** PUBLISHes of a replay without a PUBACK yet; beyond them the file is not read on. */
const ON_THE_WAY = 200;
/** Distinct time stamps kept to number the rows that share one. Rows of one time stand close together in every file there is. */
const TIMES_REMEMBERED = 100_000;
/** A payload's `seq` counts to 999. */
const MOST_SEQ = 999;

export interface ReplayOptions {
  readonly file: string;
  readonly fleet: Publisher;
  readonly deviceId: string;
  /** Which column is which metric; none: every column that is named like a metric, and what is known of well-known files. */
  readonly metrics?: readonly MetricMapping[];
  /** Zone of times written without one. */
  readonly timezone: string;
  /** Words for "missing" (default MISSING_WORDS); an empty cell always is. */
  readonly missing?: readonly string[];
  /** Which site of a file that holds several. */
  readonly site?: string;
  /** `keep` sends the recorded times; `end-now` shifts all by the same amount, so that the latest one is now. */
  readonly time?: 'keep' | 'end-now';
  /** Rows in one PUBLISH, 1 (default) to 50. */
  readonly rowsPerMessage?: number;
  /** Messages a second at most; as fast as the server acknowledges when not set. */
  readonly ratePerSecond?: number;
  readonly clock?: WallClock;
  /** Stops after what is on the way; the report tells how far it came. */
  readonly signal?: AbortSignal;
  /** Called for each acknowledged message: rows acknowledged and rows to send. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface ReplayReport {
  /** Rows of the file. */
  readonly rows: number;
  /** Single values that the server acknowledged. */
  readonly sent: number;
  /** Values that the file marks as missing; they are not sent. */
  readonly missing: number;
  /** PUBLISHes acknowledged. */
  readonly messages: number;
  /** Times of the earliest and the latest row, as sent. */
  readonly first: Instant;
  readonly last: Instant;
  /** Of the values acknowledged, in the metric's unit. */
  readonly sum: Readonly<Record<string, number>>;
  readonly count: Readonly<Record<string, number>>;
}

interface Item {
  readonly ts: Instant;
  readonly values: Readonly<Record<string, number>>;
  readonly seq?: number;
}

/**
 * Sends a recording as one device: every value that is not missing, acknowledged, each under its own time. The file is read through once
 * before anything is sent, so a file with a mistake sends nothing. Rejects with CanhError for a wrong file or option, or when the device
 * is refused.
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const { fleet, deviceId, clock = wallClock, rowsPerMessage = 1, ratePerSecond, signal, onProgress } = options;
  if (!Number.isInteger(rowsPerMessage) || rowsPerMessage < 1 || rowsPerMessage > MOST_ROWS_PER_MESSAGE)
    throw new CanhError(
      'BAD_OPTION',
      `${rowsPerMessage} rows a message cannot be. Give a whole number from 1 to ${MOST_ROWS_PER_MESSAGE}.`,
    );
  if (ratePerSecond !== undefined && !(ratePerSecond > 0))
    throw new CanhError('BAD_OPTION', `A rate of ${ratePerSecond} messages a second cannot be. Give a number above 0.`);

  const recording = openRecording(options);
  const survey = await surveyed(options.file, recording);
  const shift = options.time === 'end-now' ? clock.now() - survey.last : 0;
  if (survey.first + shift <= 0)
    throw new CanhError(
      'BAD_RECORDING',
      `${options.file} begins before 1970, which no device can report. Replay it with --time end-now.`,
    );

  const sum: Record<string, number> = {};
  const count: Record<string, number> = {};
  let sent = 0;
  let messages = 0;
  let done = 0;
  let failure: Error | null = null;
  const onTheWay = new InFlight(ON_THE_WAY, clock, signal);

  const send = (items: readonly Item[]): Promise<void> =>
    fleet.publish(deviceId, items.length === 1 ? items[0] : items).then(
      () => {
        messages += 1;
        done += items.length;
        for (const { values } of items)
          for (const [metric, value] of Object.entries(values)) {
            sum[metric] = (sum[metric] ?? 0) + value;
            count[metric] = (count[metric] ?? 0) + 1;
            sent += 1;
          }
        onProgress?.(done, survey.toSend);
      },
      (error: Error) => {
        failure ??= error;
      },
    );

  const started = clock.now();
  const number = numbering(options.file);
  let begun = 0;
  let batch: Item[] = [];
  const flush = async (): Promise<void> => {
    if (ratePerSecond !== undefined) await clock.until(started + (begun * SECOND_MS) / ratePerSecond, signal);
    if (signal?.aborted === true) return;
    begun += 1;
    const items = batch;
    batch = [];
    await onTheWay.add(send(items));
  };
  for await (const row of recording.rows()) {
    if (failure !== null || signal?.aborted === true) break;
    const seq = number(row);
    if (Object.keys(row.values).length === 0) continue;
    batch.push({ ts: row.at + shift, values: row.values, ...(seq === 0 ? {} : { seq }) });
    if (batch.length >= rowsPerMessage) await flush();
  }
  if (batch.length > 0 && failure === null && signal?.aborted !== true) await flush();
  await onTheWay.drained();
  if (failure !== null) throw failure as Error;
  return {
    rows: survey.rows,
    sent,
    missing: survey.missing,
    messages,
    first: survey.first + shift,
    last: survey.last + shift,
    sum,
    count,
  };
}

/** Chooses the reader by the file's name: `.json` is USGS, everything else CSV. */
export function openRecording({
  file,
  timezone,
  metrics = [],
  missing = MISSING_WORDS,
  site = null,
}: {
  readonly file: string;
  readonly timezone: string;
  readonly metrics?: readonly MetricMapping[];
  readonly missing?: readonly string[];
  readonly site?: string | null;
}): Recording {
  const options = { timezone, metrics, missing, site };
  return extname(file).toLowerCase() === '.json' ? usgsRecording(file, options) : csvRecording(file, options);
}

async function surveyed(
  file: string,
  recording: Recording,
): Promise<{ rows: number; toSend: number; missing: number; first: Instant; last: Instant }> {
  let [rows, toSend, missing] = [0, 0, 0];
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const number = numbering(file);
  for await (const row of recording.rows()) {
    number(row);
    rows += 1;
    missing += row.missing;
    if (Object.keys(row.values).length > 0) toSend += 1;
    first = Math.min(first, row.at);
    last = Math.max(last, row.at);
  }
  if (rows === 0)
    throw new CanhError(
      'EMPTY_RECORDING',
      `${file} holds no measurements. Name a CSV with a header and rows, or a USGS JSON file.`,
    );
  return { rows, toSend, missing, first, last };
}

/** Tells rows that share a time apart: 0 for the first, then 1, 2, … */
function numbering(file: string): (row: RecordedRow) => number {
  const seen = new Map<Instant, number>();
  return ({ at, line }) => {
    const seq = (seen.get(at) ?? -1) + 1;
    if (seq > MOST_SEQ)
      throw new CanhError(
        'BAD_RECORDING',
        `${file}: line ${line} is row ${seq + 1} with the same time; ${MOST_SEQ + 1} can be told apart. Check its time column.`,
      );
    seen.set(at, seq);
    if (seen.size > TIMES_REMEMBERED) seen.delete(seen.keys().next().value as Instant);
    return seq;
  };
}
