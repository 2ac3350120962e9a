// This file starts a thread: from dist as JavaScript, in tests as it stands here with its types stripped. So it imports packages and
// types only, and uses no syntax that needs more than stripping.
import {
  BIGINT,
  DOUBLE,
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBType,
  type DuckDBValue,
  INTEGER,
  listValue,
  UTINYINT,
} from '@duckdb/node-api';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Columns, FromWorker, Question, SeriesRow, SetAside, SpanUs } from './duckdb-questions.js';

const CHUNK_ROWS = 2_048;

const SETTINGS = {
  // The MQTT thread and the processor want the two cores; one query at a time is quick enough on one of them.
  threads: '1',
  memory_limit: '512MB',
  max_temp_directory_size: '2GB',
  // A checkpoint rewrites the last, half-filled row groups: a larger WAL makes that rarer, and reads back in about a second.
  checkpoint_threshold: '64MB',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
};

const TABLES = `
  CREATE TABLE IF NOT EXISTS series (series_id INTEGER, channel_id INTEGER, device_id VARCHAR, station_id VARCHAR, metric VARCHAR);
  CREATE TABLE IF NOT EXISTS readings (series_id INTEGER, measured_us BIGINT, received_at BIGINT, value DOUBLE, flag UTINYINT);
  CREATE TEMP TABLE late (channel_id INTEGER, position INTEGER, series_id INTEGER, measured_us BIGINT, received_at BIGINT, value DOUBLE, flag UTINYINT)`;
const READINGS_TYPES = [INTEGER, BIGINT, BIGINT, DOUBLE, UTINYINT];
const LATE_TYPES = [INTEGER, INTEGER, ...READINGS_TYPES];

const STORE_LATE = `
  INSERT INTO readings
  SELECT series_id, measured_us, received_at, value, flag
  FROM late ANTI JOIN (
    SELECT channel_id, measured_us FROM readings JOIN series USING (series_id) WHERE measured_us BETWEEN $first AND $last
  ) AS stored USING (channel_id, measured_us)
  QUALIFY row_number() OVER (PARTITION BY channel_id, measured_us ORDER BY position) = 1`;

const IN_SPAN = `series_id IN (SELECT series_id FROM series WHERE station_id = $stationId AND metric = $metric)
  AND measured_us >= $fromUs AND measured_us < $toUs`;
const READINGS = `
  SELECT series_id, measured_us::DOUBLE, received_at::DOUBLE, value, flag FROM readings
  WHERE ${IN_SPAN} ORDER BY measured_us, series_id LIMIT $limit`;
// The flags 1, 2, 3 stand in the order of falling trust, so the least trusted is the largest; 4, failed, is left out.
const BUCKETS = `
  SELECT ((measured_us - ((measured_us % $stepUs) + $stepUs) % $stepUs) // 1000)::DOUBLE AS starts_at,
    min(value), max(value), favg(value), count(*)::DOUBLE, max(flag)::DOUBLE
  FROM readings WHERE ${IN_SPAN} AND flag <> 4 GROUP BY starts_at ORDER BY starts_at`;
const SUMMARY = `SELECT count(*)::DOUBLE, coalesce(fsum(value), 0) FROM readings WHERE ${IN_SPAN}`;
const NEWEST = `
  SELECT series_id, max(measured_us)::DOUBLE, arg_max(received_at, measured_us)::DOUBLE, arg_max(value, measured_us), arg_max(flag, measured_us)
  FROM readings`;

// What a person must change first: moving the file aside would not help, and could throw a good file away.
const NOT_THE_FILE =
  /could not set lock|conflicting lock|already (attached|open)|unique file handle|permission denied|read-only|no space left|disk full|out of memory|failed to allocate|too many open files|version number/i;

/** The newest reading of each series and channel: tells a new reading from one that may be stored already, and answers `latest`. */
class Newest {
  #rooms = 0;
  channelOf = new Int32Array(0);
  /** By channel. A channel's id is the id of its first series. */
  ofChannelUs = new Float64Array(0);
  /** By series, as the rest. */
  measuredUs = new Float64Array(0);
  receivedAt = new Float64Array(0);
  value = new Float64Array(0);
  flag = new Uint8Array(0);

  know({ seriesId, channelId }: SeriesRow): void {
    if (seriesId >= this.#rooms) this.#grow(Math.max(1_024, seriesId + 1, this.#rooms * 2));
    this.channelOf[seriesId] = channelId;
  }

  knows(seriesId: number): boolean {
    return seriesId < this.#rooms && this.channelOf[seriesId] !== -1;
  }

  /** Rows that may be stored already: all that are not newer than everything of their channel, this batch included. Mostly none. */
  passNewer({ seriesId, measuredUs }: Columns): number[] {
    const late: number[] = [];
    const { channelOf, ofChannelUs } = this;
    for (let row = 0; row < seriesId.length; row++) {
      const channel = channelOf[seriesId[row]!]!;
      const us = measuredUs[row]!;
      if (us > ofChannelUs[channel]!) ofChannelUs[channel] = us;
      else late.push(row);
    }
    return late;
  }

  take(columns: Columns): void {
    for (let row = 0; row < columns.seriesId.length; row++) {
      const series = columns.seriesId[row]!;
      if (columns.measuredUs[row]! < this.measuredUs[series]!) continue;
      this.measuredUs[series] = columns.measuredUs[row]!;
      this.receivedAt[series] = columns.receivedAt[row]!;
      this.value[series] = columns.value[row]!;
      this.flag[series] = columns.flag[row]!;
      const channel = this.channelOf[series]!;
      if (columns.measuredUs[row]! > this.ofChannelUs[channel]!) this.ofChannelUs[channel] = columns.measuredUs[row]!;
    }
  }

  all(): Columns {
    const { measuredUs, receivedAt, value, flag } = this;
    const seriesId = Int32Array.from({ length: this.#rooms }, (_, series) => series);
    const known = [...seriesId].filter((series) => measuredUs[series] !== -Infinity);
    return pick({ seriesId, measuredUs, receivedAt, value, flag }, known);
  }

  #grow(rooms: number): void {
    const wider = <Held extends Float64Array | Int32Array | Uint8Array>(from: Held, to: Held): Held => (
      to.set(from),
      to
    );
    this.channelOf = wider(this.channelOf, new Int32Array(rooms).fill(-1));
    this.ofChannelUs = wider(this.ofChannelUs, new Float64Array(rooms).fill(-Infinity));
    this.measuredUs = wider(this.measuredUs, new Float64Array(rooms).fill(-Infinity));
    this.receivedAt = wider(this.receivedAt, new Float64Array(rooms));
    this.value = wider(this.value, new Float64Array(rooms));
    this.flag = wider(this.flag, new Uint8Array(rooms));
    this.#rooms = rooms;
  }
}

interface Opened {
  readonly instance: DuckDBInstance;
  readonly writer: DuckDBConnection;
  readonly reader: DuckDBConnection;
  readonly series: DuckDBAppender;
  readonly readings: DuckDBAppender;
  readonly late: DuckDBAppender;
}

/** An open file with the memory that belongs to it: one connection writes, one reads, so that a long query does not hold up appends. */
class OpenFile {
  readonly series: SeriesRow[] = [];
  readonly newest = new Newest();
  readonly #open: Opened;

  private constructor(open: Opened) {
    this.#open = open;
  }

  static async open(path: string): Promise<OpenFile> {
    const instance = await DuckDBInstance.create(path, SETTINGS);
    try {
      const [writer, reader] = [await instance.connect(), await instance.connect()];
      await writer.run(TABLES);
      const series = await writer.createAppender('series');
      const readings = await writer.createAppender('readings');
      const late = await writer.createAppender('late', null, 'temp');
      const file = new OpenFile({ instance, writer, reader, series, readings, late });
      await file.#load();
      return file;
    } catch (error) {
      instance.closeSync();
      throw error;
    }
  }

  async #load(): Promise<void> {
    const rows = await this.#open.reader.runAndReadAll(
      'SELECT series_id, channel_id, device_id, station_id, metric FROM series ORDER BY series_id',
    );
    for (const [seriesId, channelId, deviceId, stationId, metric] of rows.getRows() as [
      number,
      number,
      string,
      string,
      string,
    ][]) {
      const row = { seriesId, channelId, deviceId, stationId, metric };
      this.series.push(row);
      this.newest.know(row);
    }
    this.newest.take(await this.#columns(`${NEWEST} GROUP BY series_id`, {}));
  }

  async append(columns: Columns, newSeries: readonly SeriesRow[]): Promise<number> {
    const { writer, readings } = this.#open;
    await writer.run('BEGIN');
    try {
      this.#addSeries(newSeries);
      const late = this.newest.passNewer(columns);
      const newer = late.length === 0 ? columns : without(columns, late);
      appendColumns(readings, READINGS_TYPES, cells(newer));
      readings.flushSync();
      const lateStored = late.length === 0 ? 0 : await this.#storeLate(pick(columns, late));
      await writer.run('COMMIT');
      this.newest.take(newer);
      if (late.length > 0) await this.#newestAgain(new Set(late.map((row) => columns.seriesId[row]!)));
      return newer.seriesId.length + lateStored;
    } catch (error) {
      // What the appenders and `newest` hold now is not what is stored: the caller opens the file again.
      await writer.run('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  #addSeries(rows: readonly SeriesRow[]): void {
    const { series } = this.#open;
    for (const row of rows) {
      if (this.newest.knows(row.seriesId)) continue;
      series.appendInteger(row.seriesId);
      series.appendInteger(row.channelId);
      series.appendVarchar(row.deviceId);
      series.appendVarchar(row.stationId);
      series.appendVarchar(row.metric);
      series.endRow();
      this.newest.know(row);
    }
    series.flushSync();
  }

  async #storeLate(late: Columns): Promise<number> {
    const channelId = late.seriesId.map((series) => this.newest.channelOf[series]!);
    const position = Int32Array.from(channelId.keys());
    const { writer, late: appender } = this.#open;
    appendColumns(appender, LATE_TYPES, [channelId, position, ...cells(late)]);
    appender.flushSync();
    const first = BigInt(late.measuredUs.reduce((a, b) => Math.min(a, b)));
    const last = BigInt(late.measuredUs.reduce((a, b) => Math.max(a, b)));
    const { rowsChanged } = await writer.run(STORE_LATE, { first, last });
    await writer.run('DELETE FROM late');
    return rowsChanged;
  }

  /** A late reading can still be the newest of its own series: the one of a station that the device came back to. */
  async #newestAgain(series: Set<number>): Promise<void> {
    const { measuredUs, ofChannelUs, channelOf } = this.newest;
    const moved = [...series].filter((seriesId) => measuredUs[seriesId]! < ofChannelUs[channelOf[seriesId]!]!);
    if (moved.length === 0) return;
    const sql = `${NEWEST} WHERE series_id IN (SELECT unnest($moved)) GROUP BY series_id`;
    this.newest.take(await this.#columns(sql, { moved: listValue(moved) }, this.#open.writer));
  }

  readings(span: SpanUs, limit: number): Promise<Columns> {
    return this.#columns(READINGS, { ...bound(span), limit });
  }

  async buckets(span: SpanUs, bucketMs: number): Promise<Float64Array<ArrayBuffer>> {
    const result = await this.#open.reader.runAndReadAll(BUCKETS, {
      ...bound(span),
      stepUs: BigInt(bucketMs) * 1_000n,
    });
    return Float64Array.from((result.getRows() as number[][]).flat());
  }

  async summary(span: SpanUs): Promise<{ count: number; sum: number }> {
    const [[count, sum]] = (await this.#open.reader.runAndReadAll(SUMMARY, bound(span))).getRows() as [
      [number, number],
    ];
    return { count, sum };
  }

  close(): void {
    this.#open.reader.closeSync();
    this.#open.writer.closeSync();
    this.#open.instance.closeSync();
  }

  async #columns(sql: string, values: Record<string, DuckDBValue>, connection = this.#open.reader): Promise<Columns> {
    const rows = (await connection.runAndReadAll(sql, values)).getRows() as number[][];
    const columns = emptyColumns(rows.length);
    for (const [row, [seriesId, measuredUs, receivedAt, value, flag]] of rows.entries()) {
      columns.seriesId[row] = seriesId!;
      columns.measuredUs[row] = measuredUs!;
      columns.receivedAt[row] = receivedAt!;
      columns.value[row] = value!;
      columns.flag[row] = flag!;
    }
    return columns;
  }
}

function bound({ stationId, metric, fromUs, toUs }: SpanUs) {
  return { stationId, metric, fromUs: BigInt(fromUs), toUs: BigInt(toUs) };
}

function emptyColumns(rows: number): Columns {
  const buffer = new ArrayBuffer(rows * 29);
  return {
    measuredUs: new Float64Array(buffer, 0, rows),
    receivedAt: new Float64Array(buffer, rows * 8, rows),
    value: new Float64Array(buffer, rows * 16, rows),
    seriesId: new Int32Array(buffer, rows * 24, rows),
    flag: new Uint8Array(buffer, rows * 28, rows),
  };
}

function pick(from: Columns, rows: readonly number[]): Columns {
  const picked = emptyColumns(rows.length);
  for (let to = 0; to < rows.length; to++) {
    const row = rows[to]!;
    picked.measuredUs[to] = from.measuredUs[row]!;
    picked.receivedAt[to] = from.receivedAt[row]!;
    picked.value[to] = from.value[row]!;
    picked.seriesId[to] = from.seriesId[row]!;
    picked.flag[to] = from.flag[row]!;
  }
  return picked;
}

/** `left` is in rising order. */
function without(from: Columns, left: readonly number[]): Columns {
  const rows: number[] = [];
  for (let row = 0, next = 0; row < from.seriesId.length; row++)
    if (row === left[next]) next += 1;
    else rows.push(row);
  return pick(from, rows);
}

type Cells = Float64Array | Int32Array | Uint8Array;

/** In the order of the columns of `readings`. */
function cells({ seriesId, measuredUs, receivedAt, value, flag }: Columns): Cells[] {
  return [seriesId, measuredUs, receivedAt, value, flag];
}

function appendColumns(appender: DuckDBAppender, types: readonly DuckDBType[], columns: readonly Cells[]): void {
  const rows = columns[0]!.length;
  for (let from = 0; from < rows; from += CHUNK_ROWS) {
    const to = Math.min(from + CHUNK_ROWS, rows);
    const chunk = DuckDBDataChunk.create(types, to - from);
    for (const [column, cells] of columns.entries()) fill(chunk, column, cells.subarray(from, to));
    appender.appendDataChunk(chunk);
  }
}

/** Writes the vector's own memory: `setColumnValues` makes a BigInt of each cell, which costs more than the rest of the append. */
function fill(chunk: DuckDBDataChunk, column: number, cells: Cells): void {
  const vector = chunk.getColumnVector(column) as unknown as { items: BigInt64Array | Cells; flush(): void };
  if (vector.items instanceof BigInt64Array) {
    const words = new Uint32Array(vector.items.buffer, vector.items.byteOffset, cells.length * 2);
    for (let cell = 0; cell < cells.length; cell++) {
      const high = Math.floor(cells[cell]! / 4_294_967_296);
      words[cell * 2] = cells[cell]! - high * 4_294_967_296;
      words[cell * 2 + 1] = high;
    }
  } else vector.items.set(cells);
  vector.flush();
}

function fileIn(directory: string): string {
  return join(directory, 'readings.duckdb');
}

/** Opens the file; one that is broken is kept beside it under another name, and an empty one takes its place. */
async function openOrSetAside(directory: string): Promise<{ file: OpenFile; setAside: SetAside | null }> {
  mkdirSync(directory, { recursive: true });
  const path = fileIn(directory);
  try {
    return { file: await OpenFile.open(path), setAside: null };
  } catch (error) {
    const reason = said(error);
    if (NOT_THE_FILE.test(reason) || !existsSync(path)) throw error;
    let nth = 1;
    while (existsSync(`${path}.broken-${nth}`)) nth += 1;
    const keptAs = `${path}.broken-${nth}`;
    renameSync(path, keptAs);
    if (existsSync(`${path}.wal`)) renameSync(`${path}.wal`, `${keptAs}.wal`);
    return { file: await OpenFile.open(path), setAside: { keptAs, reason } };
  }
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Runs what it is given one after the other, whatever becomes of each. */
function oneAtATime(): <T>(work: () => T | Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => T | Promise<T>) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

function answering(directory: string, opened: OpenFile): (question: Question) => Promise<unknown> {
  const write = oneAtATime();
  const read = oneAtATime();
  let file: OpenFile | null = opened;

  // After a failed append (a full disk) DuckDB takes nothing more until the file is opened again, and no query may run meanwhile:
  // both happen in the line of the reads.
  const open = async () => (file ??= await OpenFile.open(fileIn(directory)));
  const append = async ({ columns, newSeries }: Extract<Question, { kind: 'append' }>) => {
    const current = await read(open);
    try {
      return { stored: await current.append(columns, newSeries) };
    } catch (error) {
      file = null;
      await read(() => current.close());
      throw error;
    }
  };

  return (question) => {
    switch (question.kind) {
      case 'append':
        return write(() => append(question));
      case 'readings':
        return read(async () => (await open()).readings(question.span, question.limit));
      case 'buckets':
        return read(async () => (await open()).buckets(question.span, question.bucketMs));
      case 'summary':
        return read(async () => (await open()).summary(question.span));
      case 'latest':
        return read(async () => (await open()).newest.all());
      case 'close':
        return write(() => read(() => file?.close()));
    }
  };
}

async function work(port: MessagePort, directory: string): Promise<void> {
  const tell = (message: FromWorker) => port.postMessage(message);
  try {
    const { file, setAside } = await openOrSetAside(directory);
    const answer = answering(directory, file);
    port.on('message', (question: Question) => {
      const { id } = question;
      answer(question).then(
        (answer) => tell({ kind: 'answer', id, answer }),
        (error: unknown) => tell({ kind: 'failed', id, reason: said(error) }),
      );
    });
    tell({ kind: 'opened', series: file.series, setAside });
  } catch (error) {
    tell({ kind: 'not-opened', reason: said(error) });
  }
}

await work(parentPort!, (workerData as { directory: string }).directory);
