import { CanhError } from '@canh/core/canh-error';
import type { Flag } from '@canh/core/quality/flag';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { ReadingColumns } from '@canh/core/quality/reading-columns';
import type { Series } from '@canh/core/stations/series';
import {
  type Bucket,
  checkBuckets,
  type RefusedReading,
  type SeriesSpan,
  SeriesStore,
  type Sifted,
  StoreUnavailable,
  type Summary,
} from '@canh/core/series/series-store';
import type { Instant } from '@canh/core/time/instant';
import { extname, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import type {
  Columns,
  FromWorker,
  KeepDays,
  Maintained,
  Questions,
  SeriesRow,
  SetAside,
  SpanUs,
} from './duckdb-questions.js';

/** How many may wait in the worker: each append holds a batch. Counted apart, so that many questions do not keep appends out. */
const MOST_WAITING = { appends: 256, questions: 1_000 };

/** Of one sealed file, and of one transaction: what is deleted, sorted and summed up is kept in memory, or in a file for a while where that is too little. */
const ROWS_AT_ONCE = 8_000_000;

/** DuckDB locks its file against other processes only; two threads of this one would ruin it. */
const openHere = new Set<string>();

interface Waiting {
  readonly as: keyof typeof MOST_WAITING;
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export interface OpenedDuckDb {
  readonly store: DuckDbSeriesStore;
  /** Nothing is stored: the file is new, or took the place of a broken one. The journal must be played from its beginning. */
  readonly rebuilt: boolean;
  /** The file that would not open, kept under another name; null on an ordinary day. */
  readonly setAside: SetAside | null;
}

/**
 * Readings in one DuckDB file, in a thread of its own: appends are written by whole columns, and a checkpoint stalls nobody else.
 * The file is no source of truth: what it holds can be had from the journal.
 */
export class DuckDbSeriesStore extends SeriesStore {
  readonly #directory: string;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #waitingAs = { appends: 0, questions: 0 };
  #lastId = 0;
  #lastSifted = 0;
  /** Why nothing can be asked any more. */
  #ended: string | null = null;
  #closed: Promise<void> | null = null;
  readonly #series: SeriesRow[];
  readonly #channels = new Map<string, Map<string, SeriesRow[]>>();
  readonly #ids = new WeakMap<Series, number>();
  /** Series that no committed append has carried yet: each append carries them until one is committed. */
  readonly #unconfirmed = new Map<number, SeriesRow>();

  private constructor(directory: string, worker: Worker, series: readonly SeriesRow[]) {
    super();
    this.#directory = directory;
    this.#worker = worker;
    this.#series = [];
    for (const row of series) this.#know(row);
    worker.on('message', (message: FromWorker) => this.#hear(message));
    worker.on('error', (error) => this.#end(error.message));
    worker.on('exit', (code) => this.#end(`its thread ended with code ${code}`));
  }

  /**
   * Opens `readings.duckdb` in the directory, and makes both if they are not there. Rejects with CanhError `STORE_NOT_OPENED` when a
   * person must change something first (another process has it, no right to write, no space); a broken file is set aside instead.
   */
  static async open(directory: string): Promise<OpenedDuckDb> {
    const path = resolve(directory);
    if (openHere.has(path)) throw notOpened(path, 'it is open in this process already');
    openHere.add(path);
    const worker = new Worker(new URL(`./duckdb-worker${extname(import.meta.url)}`, import.meta.url), {
      name: 'duckdb',
      workerData: { directory: path },
    });
    const first = await firstMessage(worker);
    if (first.kind === 'opened') {
      const { series, rebuilt, setAside } = first;
      return { store: new DuckDbSeriesStore(path, worker, series), rebuilt, setAside };
    }
    await worker.terminate();
    openHere.delete(path);
    throw notOpened(path, first.kind === 'not-opened' ? first.reason : first.kind);
  }

  /** Why it answers nothing any more, though nobody has closed it; null while it does. */
  get lost(): string | null {
    return this.#ended === null || this.#closed !== null
      ? null
      : this.#unavailable(this.#ended, 'Start the process again.').message;
  }

  async sift(readings: ReadingColumns): Promise<Sifted> {
    const columns = this.#toColumns(readings);
    const newSeries = [...this.#unconfirmed.values()];
    const sifted = this.#lastId + 1;
    this.#lastSifted = sifted;
    const known = await this.#ask('sift', { columns, newSeries }, [columns.value.buffer]);
    let stored: Promise<readonly RefusedReading[]> | null = null;
    return { ...known, store: () => (stored ??= this.#store(sifted, newSeries)) };
  }

  async #store(sifted: number, newSeries: readonly SeriesRow[]): Promise<readonly RefusedReading[]> {
    if (sifted !== this.#lastSifted)
      throw this.#unavailable('what was to be stored was let go of when more was sifted', 'Sift it again.');
    await this.#ask('store', { sifted });
    for (const { seriesId } of newSeries) this.#unconfirmed.delete(seriesId);
    return [];
  }

  /** Null: what is answered for is on disk. */
  startedAt(): Promise<Instant | null> {
    return Promise.resolve(null);
  }

  async readings(span: SeriesSpan, limit: number): Promise<FlaggedReading[]> {
    return this.#fromColumns(await this.#ask('readings', { span: inUs(span), limit }));
  }

  async buckets(span: SeriesSpan, bucketMs: number): Promise<Bucket[]> {
    checkBuckets(span, bucketMs);
    const cells = await this.#ask('buckets', { span: inUs(span), bucketMs });
    return Array.from({ length: cells.length / 6 }, (_, step) => {
      const [at, min, max, mean, count, flag] = cells.subarray(step * 6, step * 6 + 6);
      return { at: at!, min: min!, max: max!, mean: mean!, count: count!, flag: flag as Flag };
    });
  }

  summary(span: SeriesSpan): Promise<Summary> {
    return this.#ask('summary', { span: inUs(span) });
  }

  async latest(): Promise<FlaggedReading[]> {
    const newest = new Map<string, Map<string, FlaggedReading>>();
    for (const reading of this.#fromColumns(await this.#ask('latest', {}))) {
      const ofStation = newest.get(reading.stationId) ?? new Map<string, FlaggedReading>();
      newest.set(reading.stationId, ofStation);
      const before = ofStation.get(reading.metric);
      if (before === undefined || microseconds(before) < microseconds(reading)) ofStation.set(reading.metric, reading);
    }
    return [...newest.values()].flatMap((ofStation) => [...ofStation.values()]);
  }

  /**
   * Seals the days that are over (UTC, by the time of measuring; one is over 26 hours after its end) in Parquet files under `days/`, merges
   * into them what came late, and removes what is older than `keep` says. To be called every few minutes; what it reads and writes holds up
   * appends and questions for a moment only. What fails with one day is told in `failed`, keeps no other day from being sealed, and is tried
   * again after a growing number of calls. `rowsAtOnce` is how many rows are moved in one transaction, and the most that one
   * file is given: a day with more has several parts. Rejects with StoreUnavailable when nothing could be done, or the file had to be opened
   * again halfway; the next call goes on.
   */
  maintain(now: Instant, keep: KeepDays, rowsAtOnce = ROWS_AT_ONCE): Promise<Maintained> {
    return this.#ask('maintain', { now, keep, rowsAtOnce });
  }

  /** When the oldest reading came in that is in no sealed file, and so is lost with the hot one; null where there is none. */
  async oldestUnsealed(): Promise<Instant | null> {
    return (await this.#ask('oldestUnsealed', {})).receivedAt;
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    const closed = this.#ask('close', {});
    // Nothing more is taken; what waits already is still answered.
    this.#ended ??= 'it was closed';
    // Whatever became of it: what was answered for is in the file or in its write-ahead log.
    await closed.catch(() => undefined);
    await this.#worker.terminate();
    this.#end(this.#ended);
  }

  #ask<Kind extends keyof Questions>(
    kind: Kind,
    ask: Questions[Kind]['ask'],
    transfer: ArrayBuffer[] = [],
  ): Promise<Questions[Kind]['answer']> {
    if (this.#ended !== null) return Promise.reject(this.#unavailable(this.#ended, 'Start the process again.'));
    const as = kind === 'sift' || kind === 'store' ? 'appends' : 'questions';
    if (this.#waitingAs[as] >= MOST_WAITING[as] && kind !== 'close')
      return Promise.reject(this.#unavailable(`${MOST_WAITING[as]} ${as} are waiting already`, 'Ask again later.'));
    const id = (this.#lastId += 1);
    this.#waitingAs[as] += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { as, resolve, reject });
      this.#worker.postMessage({ id, kind, ...ask }, transfer);
    });
  }

  #hear(message: FromWorker): void {
    if (message.kind !== 'answer' && message.kind !== 'failed') return;
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id);
    this.#waitingAs[waiting.as] -= 1;
    if (message.kind === 'answer') waiting.resolve(message.answer);
    else waiting.reject(this.#unavailable(message.reason, 'See that the disk has space and is well.'));
  }

  #end(why: string): void {
    openHere.delete(this.#directory);
    this.#ended ??= why;
    for (const waiting of this.#waiting.values())
      waiting.reject(this.#unavailable(this.#ended, 'Start the process again.'));
    this.#waiting.clear();
  }

  #unavailable(reason: string, wayOut: string): StoreUnavailable {
    return new StoreUnavailable(`The series store in ${this.#directory} does not answer: ${reason}. ${wayOut}`);
  }

  #toColumns({ length: rows, series, measuredAt, sequence, value, receivedAt, flag }: ReadingColumns): Columns {
    const buffer = new ArrayBuffer(rows * 29);
    const columns = {
      measuredUs: new Float64Array(buffer, 0, rows),
      receivedAt: new Float64Array(buffer, rows * 8, rows),
      value: new Float64Array(buffer, rows * 16, rows),
      seriesId: new Int32Array(buffer, rows * 24, rows),
      flag: new Uint8Array(buffer, rows * 28, rows),
    };
    columns.value.set(value.subarray(0, rows));
    columns.receivedAt.set(receivedAt.subarray(0, rows));
    columns.flag.set(flag.subarray(0, rows));
    const { measuredUs, seriesId } = columns;
    for (let row = 0; row < rows; row++) {
      measuredUs[row] = measuredAt[row]! * 1_000 + sequence[row]!;
      seriesId[row] = this.#ids.get(series[row]!) ?? this.#idOf(series[row]!);
    }
    return columns;
  }

  #fromColumns(columns: Columns): FlaggedReading[] {
    return Array.from(columns.seriesId, (seriesId, row) => {
      const { deviceId, stationId, metric } = this.#series[seriesId]!;
      const measuredUs = columns.measuredUs[row]!;
      const measuredAt = Math.floor(measuredUs / 1_000);
      return {
        deviceId,
        stationId,
        metric,
        value: columns.value[row]!,
        measuredAt,
        sequence: measuredUs - measuredAt * 1_000,
        receivedAt: columns.receivedAt[row]!,
        flag: columns.flag[row] as Flag,
      };
    });
  }

  /** Told by its names: for each series there is another object whenever the devices were changed. */
  #idOf(series: Series): number {
    const { deviceId, stationId, metric } = series;
    const channel = this.#channels.get(deviceId)?.get(metric);
    let row = channel?.find((one) => one.stationId === stationId);
    if (row === undefined) {
      const seriesId = this.#series.length;
      row = { seriesId, channelId: channel?.[0]?.channelId ?? seriesId, deviceId, stationId, metric };
      this.#know(row);
      this.#unconfirmed.set(seriesId, row);
    }
    this.#ids.set(series, row.seriesId);
    return row.seriesId;
  }

  #know(row: SeriesRow): void {
    this.#series[row.seriesId] = row;
    const ofDevice = this.#channels.get(row.deviceId) ?? new Map<string, SeriesRow[]>();
    this.#channels.set(row.deviceId, ofDevice);
    ofDevice.set(row.metric, [...(ofDevice.get(row.metric) ?? []), row]);
  }
}

function notOpened(directory: string, reason: string): CanhError {
  return new CanhError(
    'STORE_NOT_OPENED',
    `The series store in ${directory} did not open: ${reason}. Stop whatever else uses it, see that this process may write there, then start again.`,
  );
}

function microseconds({ measuredAt, sequence }: FlaggedReading): number {
  return measuredAt * 1_000 + sequence;
}

function inUs({ stationId, metric, from, to }: SeriesSpan): SpanUs {
  return { stationId, metric, fromUs: from * 1_000, toUs: to * 1_000 };
}

function firstMessage(worker: Worker): Promise<FromWorker> {
  return new Promise((resolve) => {
    const failed = (reason: string) => resolve({ kind: 'not-opened', reason });
    worker.once('message', resolve);
    worker.once('error', (error) => failed(error.message));
    worker.once('exit', (code) => failed(`its thread ended with code ${code}`));
  });
}
