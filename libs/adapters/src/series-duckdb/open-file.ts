import {
  BIGINT,
  DOUBLE,
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBValue,
  INTEGER,
  UTINYINT,
} from '@duckdb/node-api';
import { appendColumns, cells, emptyColumns, pick, without } from './columns.ts';
import type { Columns, Known, SeriesRow, SpanUs } from './duckdb-questions.js';
import { Newest } from './newest.ts';

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
  CREATE TEMP TABLE late (channel_id INTEGER, nth INTEGER, measured_us BIGINT)`;
const READINGS_TYPES = [INTEGER, BIGINT, BIGINT, DOUBLE, UTINYINT];
const LATE_TYPES = [INTEGER, INTEGER, BIGINT];

const STORED_OF_LATE = `
  SELECT late.nth, readings.value
  FROM late JOIN series USING (channel_id)
    JOIN readings ON readings.series_id = series.series_id AND readings.measured_us = late.measured_us
  WHERE readings.measured_us BETWEEN $first AND $last`;

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

interface Opened {
  readonly instance: DuckDBInstance;
  readonly writer: DuckDBConnection;
  readonly reader: DuckDBConnection;
  readonly series: DuckDBAppender;
  readonly readings: DuckDBAppender;
  readonly late: DuckDBAppender;
}

/** What was sifted and is new. */
interface Held {
  readonly sifted: number;
  readonly fresh: Columns;
  readonly newSeries: readonly SeriesRow[];
}

/** An open file with the memory that belongs to it: one connection writes, one reads, so that a long query does not hold up appends. */
export class OpenFile {
  /** As they are in the file, which is as they are numbered: each append brings all that the ones before it have not. */
  readonly series: SeriesRow[] = [];
  readonly newest = new Newest();
  readonly #open: Opened;
  #held: Held | null = null;

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

  /** Tells what is new, and holds it under the number `sifted`. */
  async sift(sifted: number, columns: Columns, newSeries: readonly SeriesRow[]): Promise<Known> {
    this.#held = null;
    for (const row of newSeries) this.newest.know(row);
    const known: Known = { duplicates: [], conflicts: [] };
    const late = this.newest.notNewer(columns);
    if (late.length > 0) this.#compare(columns, late, await this.#stored(columns, late), known);
    const left = [...known.duplicates, ...known.conflicts.map(({ at }) => at)].toSorted((a, b) => a - b);
    this.#held = { sifted, fresh: without(columns, left), newSeries };
    return known;
  }

  holds(sifted: number): boolean {
    return this.#held?.sifted === sifted;
  }

  /** Stores what is held. When it rejects, the file must be opened again: what the appenders hold then is not what is stored. */
  async store(): Promise<void> {
    const { writer, readings } = this.#open;
    const { fresh, newSeries } = this.#held!;
    this.#held = null;
    const added = newSeries.filter(({ seriesId }) => seriesId >= this.series.length);
    if (fresh.seriesId.length === 0 && added.length === 0) return;
    await writer.run('BEGIN');
    this.#addSeries(added);
    appendColumns(readings, READINGS_TYPES, cells(fresh));
    readings.flushSync();
    await writer.run('COMMIT');
    this.series.push(...added);
    this.newest.take(fresh);
  }

  #addSeries(rows: readonly SeriesRow[]): void {
    const { series } = this.#open;
    for (const row of rows) {
      series.appendInteger(row.seriesId);
      series.appendInteger(row.channelId);
      series.appendVarchar(row.deviceId);
      series.appendVarchar(row.stationId);
      series.appendVarchar(row.metric);
      series.endRow();
    }
    series.flushSync();
  }

  /** The stored values of those of the `late` rows that are stored, by row. */
  async #stored(columns: Columns, late: readonly number[]): Promise<Map<number, number>> {
    const { writer, late: appender } = this.#open;
    const { seriesId, measuredUs } = pick(columns, late);
    const channelId = seriesId.map((series) => this.newest.channelOf[series]!);
    appendColumns(appender, LATE_TYPES, [channelId, Int32Array.from(late), measuredUs]);
    appender.flushSync();
    const first = BigInt(measuredUs.reduce((a, b) => Math.min(a, b)));
    const last = BigInt(measuredUs.reduce((a, b) => Math.max(a, b)));
    const found = await writer.runAndReadAll(STORED_OF_LATE, { first, last });
    await writer.run('DELETE FROM late');
    return new Map(found.getRows() as [number, number][]);
  }

  /** Adds to `known` the late rows that are stored, or stand further up in the same columns. */
  #compare(columns: Columns, late: readonly number[], stored: Map<number, number>, known: Known): void {
    const above = new Map<number, Map<number, number>>();
    for (const row of late) above.set(this.newest.channelOf[columns.seriesId[row]!]!, new Map());
    for (let row = 0; row < columns.seriesId.length; row++) {
      const ofChannel = above.get(this.newest.channelOf[columns.seriesId[row]!]!);
      if (ofChannel === undefined) continue;
      const us = columns.measuredUs[row]!;
      const value = columns.value[row]!;
      const storedValue = stored.get(row) ?? ofChannel.get(us);
      if (storedValue === undefined) ofChannel.set(us, value);
      else if (storedValue === value) known.duplicates.push(row);
      else known.conflicts.push({ at: row, storedValue });
    }
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

  async #columns(sql: string, values: Record<string, DuckDBValue>): Promise<Columns> {
    const rows = (await this.#open.reader.runAndReadAll(sql, values)).getRows() as number[][];
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
