import { type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import { emptyColumns } from './columns.ts';
import { DAY_US, type DayFile, type DayKind, STEP_US } from './day-files.ts';
import type { Columns, SpanUs } from './duckdb-questions.js';
import type { SealedDays } from './sealed-days.ts';

/** A span without an end still opens so few files at a time when only its first readings are wanted. */
const DAYS_AT_ONCE = 16;

const HOT_SPAN = `series_id IN (SELECT series_id FROM series WHERE station_id = $stationId AND metric = $metric)
  AND measured_us >= $fromUs::BIGINT AND measured_us < $toUs::BIGINT`;
const sealedSpan = (time: string) =>
  `station_id = $stationId AND metric = $metric
  AND ${time} >= make_timestamp($fromUs::BIGINT) AND ${time} < make_timestamp($toUs::BIGINT)`;
const SEALED_US = `epoch_us(measured_at) + "sequence"`;

/** Answers questions about spans from the hot file and the sealed days together. */
export class SpanQueries {
  readonly #connection: DuckDBConnection;
  readonly #sealed: SealedDays;

  constructor(connection: DuckDBConnection, sealed: SealedDays) {
    this.#connection = connection;
    this.#sealed = sealed;
  }

  async readings(span: SpanUs, limit: number): Promise<Columns> {
    const rows: number[][] = [];
    for (const part of this.#parts(span)) {
      if (rows.length >= limit) break;
      const more = await this.#rows(
        part,
        () => this.#raw(part),
        (files) => `
          SELECT series_id, measured_us::DOUBLE, received_at::DOUBLE, value, flag FROM (
            SELECT series_id, measured_us, received_at, value, flag FROM readings WHERE ${HOT_SPAN}
            ${files.length === 0 ? '' : `UNION ALL SELECT series_id, ${SEALED_US}, epoch_ms(received_at), value, flag FROM ${this.#sealed.quoted(files)} JOIN series USING (device_id, station_id, metric) WHERE ${sealedSpan('measured_at')}`}
          ) AS found (series_id, measured_us, received_at, value, flag) ORDER BY measured_us, series_id LIMIT $limit`,
        { limit: limit - rows.length },
      );
      for (const row of more) rows.push(row);
    }
    return toColumns(rows);
  }

  async summary(span: SpanUs): Promise<{ count: number; sum: number }> {
    const [row] = await this.#rows(
      span,
      () => this.#raw(span),
      (files) => `
        SELECT count(*)::DOUBLE, coalesce(fsum(value), 0) FROM (
          SELECT value FROM readings WHERE ${HOT_SPAN}
          ${files.length === 0 ? '' : `UNION ALL SELECT value FROM ${this.#sealed.quoted(files)} WHERE ${sealedSpan('measured_at')}`}
        )`,
    );
    return { count: row![0]!, sum: row![1]! };
  }

  /** at, min, max, mean, count and flag, one after the other for each step. */
  async buckets(span: SpanUs, bucketMs: number): Promise<Float64Array<ArrayBuffer>> {
    const stepUs = bucketMs * 1_000;
    const rows = await this.#rows(
      span,
      () => this.#sealed.days(span.fromUs, span.toUs).flatMap((day) => this.#filesFor(day, span, stepUs)),
      (files) => `
        SELECT ((us - ((us % $stepUs::BIGINT) + $stepUs::BIGINT) % $stepUs::BIGINT) // 1000)::DOUBLE AS begins_at,
          min(low), max(high), fsum(total) / sum(readings), sum(readings)::DOUBLE, max(flag)::DOUBLE
        FROM (
          SELECT measured_us AS us, value AS low, value AS high, value AS total, 1 AS readings, flag
          FROM readings WHERE ${HOT_SPAN} AND flag <> 4
          ${files.some(isRaw) ? this.#ofRaw(files.filter(isRaw)) : ''}
          ${files.every(isRaw) ? '' : this.#ofSteps(files.filter((file) => !isRaw(file)))}
        ) GROUP BY begins_at ORDER BY begins_at`,
      { stepUs: BigInt(stepUs) },
    );
    return Float64Array.from(rows.flat());
  }

  // The flags 1, 2, 3 stand in the order of falling trust, so the least trusted is the largest; 4, failed, is left out.
  #ofRaw(files: readonly DayFile[]): string {
    return `UNION ALL SELECT ${SEALED_US}, value, value, value, 1, flag
      FROM ${this.#sealed.quoted(files)} WHERE ${sealedSpan('measured_at')} AND flag <> 4`;
  }

  #ofSteps(files: readonly DayFile[]): string {
    return `UNION ALL SELECT epoch_us(begins_at), "min", "max", "mean" * "count", "count",
        CASE WHEN missing > 0 THEN 9 WHEN suspect > 0 THEN 3 WHEN not_evaluated > 0 THEN 2 ELSE 1 END
      FROM ${this.#sealed.quoted(files)} WHERE ${sealedSpan('begins_at')} AND "count" > 0`;
  }

  /** Of each part of a day the coarsest file that gives the same steps as its readings, or the finest there is. */
  #filesFor(day: number, span: SpanUs, stepUs: number): DayFile[] {
    const fromUs = Math.max(span.fromUs, day * DAY_US);
    const toUs = Math.min(span.toUs, (day + 1) * DAY_US);
    const fits = (kind: Exclude<DayKind, 'raw'>) => [stepUs, fromUs, toUs].every((time) => time % STEP_US[kind] === 0);
    const [hours, minutes] = [fits('1h'), fits('5min')];
    return this.#sealed.parts(day).flatMap((part) => {
      const get = (kind: DayKind) => this.#sealed.get(day, part, kind);
      return (
        (hours ? get('1h') : null) ?? (minutes ? get('5min') : null) ?? get('raw') ?? get('5min') ?? get('1h') ?? []
      );
    });
  }

  #raw(span: SpanUs): DayFile[] {
    return this.#sealed.days(span.fromUs, span.toUs).flatMap((day) => this.#sealed.raw(day));
  }

  /** The span, cut between days so that each part touches only so many sealed ones. */
  #parts(span: SpanUs): SpanUs[] {
    const days = this.#sealed.days(span.fromUs, span.toUs);
    const cuts = days.filter((_, nth) => nth > 0 && nth % DAYS_AT_ONCE === 0).map((day) => day * DAY_US);
    const edges = [span.fromUs, ...cuts, span.toUs];
    return edges.slice(1).map((toUs, nth) => ({ ...span, fromUs: edges[nth]!, toUs }));
  }

  #rows(
    { stationId, metric, fromUs, toUs }: SpanUs,
    choose: () => readonly DayFile[],
    sql: (files: readonly DayFile[]) => string,
    values: Record<string, DuckDBValue> = {},
  ): Promise<number[][]> {
    const bound = { stationId, metric, fromUs: BigInt(fromUs), toUs: BigInt(toUs), ...values };
    return this.#sealed.reading(this.#connection, choose, async (files) => {
      const result = await this.#connection.runAndReadAll(sql(files), bound);
      return result.getRows() as number[][];
    });
  }
}

function isRaw({ kind }: DayFile): boolean {
  return kind === 'raw';
}

/** Rows of series, measured in µs, received in ms, value and flag. */
export function toColumns(rows: readonly number[][]): Columns {
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
