import {
  BIGINT,
  DOUBLE,
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBInstance,
  INTEGER,
  UTINYINT,
} from '@duckdb/node-api';
import { appendColumns, cells, pick, without } from './columns.ts';
import { DAY_US, type DayFolder } from './day-files.ts';
import type { Columns, Known, Maintained, SeriesRow, SetAside } from './duckdb-questions.js';
import { Newest } from './newest.ts';
import { SealedDays } from './sealed-days.ts';
import { type Alone, Sealing, type SealingOrder } from './sealing.ts';
import { SpanQueries, toColumns } from './span-queries.ts';
import { Statements } from './statements.ts';
import { loadSealed, loadSeries, makeTables } from './tables.ts';

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

const LATE = 'CREATE TEMP TABLE late (channel_id INTEGER, nth INTEGER, measured_us BIGINT)';
const READINGS_TYPES = [INTEGER, BIGINT, BIGINT, DOUBLE, UTINYINT];
const LATE_TYPES = [INTEGER, INTEGER, BIGINT];

const HOT_OF_LATE = `
  SELECT late.nth, readings.value
  FROM late JOIN series USING (channel_id)
    JOIN readings ON readings.series_id = series.series_id AND readings.measured_us = late.measured_us
  WHERE readings.measured_us BETWEEN $first::BIGINT AND $last::BIGINT`;
// The stations are what the files are sorted by.
const SEALED_OF_LATE = (files: string) => `
  SELECT late.nth, sealed.value
  FROM late JOIN series USING (channel_id)
    JOIN ${files} AS sealed
      ON sealed.station_id = series.station_id AND sealed.metric = series.metric AND sealed.device_id = series.device_id
      AND epoch_us(sealed.measured_at) + sealed."sequence" = late.measured_us
  WHERE sealed.measured_at BETWEEN make_timestamp($first::BIGINT // 1000 * 1000) AND make_timestamp($last::BIGINT)`;

const NEWEST = `
  SELECT series_id, max(measured_us)::DOUBLE, arg_max(received_at, measured_us)::DOUBLE, arg_max(value, measured_us), arg_max(flag, measured_us)
  FROM (FROM readings UNION ALL FROM newest) GROUP BY series_id`;

interface Opened {
  readonly instance: DuckDBInstance;
  readonly writer: DuckDBConnection;
  readonly reader: DuckDBConnection;
  readonly series: DuckDBAppender;
  readonly readings: DuckDBAppender;
  readonly late: DuckDBAppender;
  readonly tender: Statements;
}

/** What was sifted and is new. */
interface Held {
  readonly sifted: number;
  readonly fresh: Columns;
  readonly newSeries: readonly SeriesRow[];
}

/**
 * An open file, and the sealed days beside it, with the memory that belongs to them. One connection writes, one reads, and one seals, so
 * that none waits for another's long work.
 */
export class OpenFile {
  /** As they are in the file, which is as they are numbered: each append brings all that the ones before it have not. */
  readonly series: SeriesRow[] = [];
  readonly newest = new Newest();
  readonly questions: SpanQueries;
  readonly #open: Opened;
  readonly #sealed: SealedDays;
  #held: Held | null = null;
  /** Nothing was stored since the file is new. */
  #filling = false;

  private constructor(open: Opened, sealed: SealedDays) {
    this.#open = open;
    this.#sealed = sealed;
    this.questions = new SpanQueries(open.reader, sealed);
  }

  /** What is wrong beside the file, and does not keep it from opening, is told in `notes`. */
  static async open(path: string, folder: DayFolder, notes: SetAside[]): Promise<OpenFile> {
    const instance = await DuckDBInstance.create(path, SETTINGS);
    try {
      const [writer, reader] = [await instance.connect(), await instance.connect()];
      const sealed = new SealedDays(folder, notes);
      await makeTables(writer, sealed);
      await loadSealed(writer, sealed);
      await writer.run(LATE);
      const series = await writer.createAppender('series');
      const readings = await writer.createAppender('readings');
      const late = await writer.createAppender('late', null, 'temp');
      const tender = new Statements(await instance.connect());
      const file = new OpenFile({ instance, writer, reader, series, readings, late, tender }, sealed);
      await file.#load();
      return file;
    } catch (error) {
      instance.closeSync();
      throw error;
    }
  }

  async #load(): Promise<void> {
    const { reader } = this.#open;
    for (const row of await loadSeries(reader)) {
      this.series.push(row);
      this.newest.know(row);
    }
    this.newest.take(toColumns((await reader.runAndReadAll(NEWEST)).getRows() as number[][]));
    this.#filling = (await reader.runAndReadAll('FROM filling')).currentRowCount > 0;
  }

  /** The journal must be played from its beginning: the file is new, whatever days are sealed beside it. */
  get filling(): boolean {
    return this.#filling;
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
    // All of it can be in sealed files already: that, too, is the end of filling.
    if (fresh.seriesId.length === 0 && added.length === 0 && !this.#filling) return;
    await writer.run('BEGIN');
    this.#addSeries(added);
    appendColumns(readings, READINGS_TYPES, cells(fresh));
    readings.flushSync();
    if (this.#filling) await writer.run('DELETE FROM filling');
    await writer.run('COMMIT');
    this.#filling = false;
    for (const row of added) this.series.push(row);
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
    const [first, last] = [measuredUs.reduce((a, b) => Math.min(a, b)), measuredUs.reduce((a, b) => Math.max(a, b))];
    const bound = { first: BigInt(first), last: BigInt(last) };
    const hot = await writer.runAndReadAll(HOT_OF_LATE, bound);
    const days = new Set(Array.from(measuredUs, (us) => Math.floor(us / DAY_US)));
    const found = await this.#sealed.reading(
      writer,
      () => [...days].flatMap((day) => this.#sealed.raw(day)),
      async (files) =>
        files.length === 0
          ? []
          : (await writer.runAndReadAll(SEALED_OF_LATE(this.#sealed.quoted(files)), bound)).getRows(),
    );
    await writer.run('DELETE FROM late');
    return new Map([...hot.getRows(), ...found] as [number, number][]);
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

  /** Seals, merges and removes what is due. `alone` runs its work where nothing is stored or asked meanwhile. */
  maintain(order: SealingOrder, alone: Alone): Promise<Omit<Maintained, 'setAside'>> {
    return new Sealing(this.#open.tender, this.#sealed, order, alone).run();
  }

  /** When the oldest row of the hot file came in. */
  async oldestUnsealed(): Promise<number | null> {
    const found = await this.#open.reader.runAndReadAll('SELECT min(received_at)::DOUBLE FROM readings');
    return (found.getRows() as [number | null][])[0]![0];
  }

  /** Rejects when the file takes nothing any more. */
  async prove(): Promise<void> {
    await this.#open.writer.run('SELECT 1');
  }

  async close(): Promise<void> {
    await this.#open.tender.end();
    this.#open.reader.closeSync();
    this.#open.writer.closeSync();
    this.#open.instance.closeSync();
  }
}
