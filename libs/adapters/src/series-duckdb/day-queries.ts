import { type DayFile, type DayKind, STEP_US } from './day-files.ts';
import type { SealedDays } from './sealed-days.ts';

type DayPart = Pick<DayFile, 'day' | 'part'>;

const SERIES = 'device_id, station_id, metric';
const ORDER = 'station_id, metric, device_id';

/**
 * SQL of all readings of a part: the hot ones that it takes in and, where there are any, the sealed ones. They are sorted by a number for each series, which
 * takes a third of the time and memory that its names would.
 */
export function mergedReadings(sealed: SealedDays, { day, part }: DayPart, hot: string): string {
  const raw = sealed.get(day, part, 'raw');
  return `
    WITH names AS MATERIALIZED (
      SELECT (row_number() OVER (ORDER BY ${ORDER}))::INTEGER AS rank, series_id, ${SERIES} FROM series
    )
    SELECT ${SERIES}, make_timestamp(measured_us // 1000 * 1000) AS measured_at, (measured_us % 1000)::USMALLINT AS "sequence",
      make_timestamp(received_at * 1000) AS received_at, value, flag
    FROM (
      SELECT rank, measured_us, received_at, value, flag FROM (
        SELECT rank, measured_us, received_at, value, flag FROM readings JOIN names USING (series_id) WHERE ${hot}
        ${
          raw === null
            ? ''
            : `UNION ALL SELECT rank, epoch_us(measured_at) + "sequence", epoch_ms(received_at), value, flag
               FROM ${sealed.quoted([raw])} JOIN names USING (${SERIES})`
        }
      ) ORDER BY rank, measured_us
    ) JOIN names USING (rank)`;
}

/** SQL that counts what `mergedReadings` must give: whatever it joins, none may be lost. */
export function countOfReadings(sealed: SealedDays, { day, part }: DayPart, hot: string): string {
  const raw = sealed.get(day, part, 'raw');
  return `SELECT ((SELECT count(*) FROM readings WHERE ${hot})
    ${raw === null ? '' : `+ (SELECT count(*) FROM ${sealed.quoted([raw])})`})::DOUBLE`;
}

/** SQL of all steps of a part: those of the hot readings that it takes in, put together with those that are sealed or follow from what is. */
export function mergedSteps(
  sealed: SealedDays,
  { day, part }: DayPart,
  kind: Exclude<DayKind, 'raw'>,
  hot: string,
): string {
  const [raw, finer, same] = [sealed.get(day, part, 'raw'), sealed.get(day, part, '5min'), sealed.get(day, part, kind)];
  const before =
    same !== null
      ? `FROM ${sealed.quoted([same])}`
      : raw !== null
        ? steps(
            SERIES,
            kind,
            `(SELECT ${SERIES}, epoch_us(measured_at) AS measured_us, value, flag FROM ${sealed.quoted([raw])})`,
          )
        : finer !== null
          ? `SELECT * REPLACE (${floored('epoch_us(begins_at)', kind)} AS begins_at) FROM ${sealed.quoted([finer])}`
          : null;
  return `
    SELECT ${SERIES}, begins_at, min("min") AS "min", max("max") AS "max",
      fsum("mean" * "count") / nullif(sum("count"), 0)::DOUBLE AS "mean",
      ${['"count"', ...Object.keys(FLAGS)].map((name) => `sum(${name})::UINTEGER AS ${name}`).join(', ')}
    FROM (
      SELECT ${SERIES}, hot.* EXCLUDE series_id
      FROM (${steps('series_id', kind, `(FROM readings WHERE ${hot})`)}) AS hot JOIN series USING (series_id)
      ${before === null ? '' : `UNION ALL BY NAME ${before}`}
    ) GROUP BY ${SERIES}, begins_at ORDER BY ${ORDER}, begins_at`;
}

/** The columns that count flags, and the flag that each counts. */
const FLAGS = { good: 1, not_evaluated: 2, suspect: 3, failed: 4, missing: 9 };

/** What failed is counted, and takes no part in the rest. */
function steps(key: string, kind: Exclude<DayKind, 'raw'>, source: string): string {
  const trusted = 'FILTER (WHERE flag <> 4)';
  const flags = Object.entries(FLAGS).map(([name, flag]) => `count(*) FILTER (WHERE flag = ${flag}) AS ${name}`);
  return `
    SELECT ${key}, ${floored('measured_us', kind)} AS begins_at, min(value) ${trusted} AS "min", max(value) ${trusted} AS "max",
      favg(value) ${trusted} AS "mean", count(*) ${trusted} AS "count", ${flags.join(', ')}
    FROM ${source} GROUP BY ${key}, begins_at`;
}

function floored(us: string, kind: Exclude<DayKind, 'raw'>): string {
  return `make_timestamp(${us} // ${STEP_US[kind]} * ${STEP_US[kind]})`;
}
