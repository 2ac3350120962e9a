import type { DuckDBConnection } from '@duckdb/node-api';
import { type DayFile, type DayKind, nameOf } from './day-files.ts';
import type { SeriesRow } from './duckdb-questions.js';
import { listed, newestVersions, removable, type SealedDays } from './sealed-days.ts';

/**
 * `readings` is the hot part: what is in no sealed file. `newest` has the last of each series that was sealed, `sealed` the files that
 * count, `removable` names of files that may be there and do not, and `filling` a row as long as nothing was stored since the file is new.
 */
const TABLES = `
  CREATE TABLE IF NOT EXISTS series (series_id INTEGER, channel_id INTEGER, device_id VARCHAR, station_id VARCHAR, metric VARCHAR);
  CREATE TABLE IF NOT EXISTS readings (series_id INTEGER, measured_us BIGINT, received_at BIGINT, value DOUBLE, flag UTINYINT);
  CREATE TABLE IF NOT EXISTS newest (series_id INTEGER, measured_us BIGINT, received_at BIGINT, value DOUBLE, flag UTINYINT);
  CREATE TABLE IF NOT EXISTS removable (name VARCHAR);
  CREATE TABLE IF NOT EXISTS sealed (day INTEGER, kind VARCHAR, version INTEGER, part INTEGER DEFAULT 1);
  CREATE TABLE IF NOT EXISTS filling (nothing_stored BOOLEAN);
  INSERT INTO filling SELECT true WHERE NOT EXISTS (FROM series)`;

/** Makes the tables where they are not there, or takes the place of a file that was lost: then what is sealed is found again. */
export async function makeTables(writer: DuckDBConnection, sealed: SealedDays): Promise<void> {
  const known = await writer.runAndReadAll(
    `SELECT 1 FROM duckdb_tables() WHERE table_name = 'sealed' AND NOT temporary`,
  );
  if (known.currentRowCount > 0) return;
  await writer.run('BEGIN');
  try {
    await writer.run(TABLES);
    const found = sealed.folder.files();
    const files = newestVersions(found);
    for (const file of files) sealed.add(file);
    await writer.run(listed(files));
    await writer.run(removable(found.filter((file) => !files.includes(file))));
    await knowSealed(writer, sealed);
    await writer.run('COMMIT');
  } catch (error) {
    await writer.run('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** The list of sealed files, made to agree with the folder. */
export async function loadSealed(writer: DuckDBConnection, sealed: SealedDays): Promise<void> {
  // A file from before days had parts.
  await writer.run('ALTER TABLE sealed ADD COLUMN IF NOT EXISTS part INTEGER DEFAULT 1');
  const rows = await writer.runAndReadAll('SELECT day, part, kind, version FROM sealed');
  for (const [day, part, kind, version] of rows.getRows() as [number, number, DayKind, number][]) {
    const file = { day, part, kind, version };
    sealed.add(file);
    if (!sealed.folder.has(file)) await sealed.setAside(writer, file, 'the file is gone');
  }
  sealed.folder.removeUnfinished();
  const forgotten = await writer.runAndReadAll('SELECT name FROM removable');
  const names = new Set((forgotten.getRows() as string[][]).map(([name]) => name));
  const counts = (file: DayFile) => sealed.get(file.day, file.part, file.kind)?.version === file.version;
  for (const file of sealed.folder.files())
    if (!counts(file) && !names.has(nameOf(file)))
      sealed.tell(
        file,
        'it is not on the list in readings.duckdb, and is not read. Move readings.duckdb away to have the list made anew',
      );
}

/** Series that were sealed, each with its last reading. */
async function knowSealed(writer: DuckDBConnection, sealed: SealedDays): Promise<void> {
  await sealed.reading(
    writer,
    () => sealed.days().flatMap((day) => sealed.raw(day)),
    async (files) => {
      if (files.length === 0) return;
      await writer.run(`
        CREATE TEMP TABLE found AS
          SELECT (row_number() OVER () - 1)::INTEGER AS series_id, * FROM (
            SELECT device_id, station_id, metric, max(us) AS measured_us, arg_max(epoch_ms(received_at), us) AS received_at,
              arg_max(value, us) AS value, arg_max(flag, us) AS flag
            FROM (SELECT *, epoch_us(measured_at) + "sequence" AS us FROM ${sealed.quoted(files)})
            GROUP BY device_id, station_id, metric);
        INSERT INTO series
          SELECT series_id, min(series_id) OVER (PARTITION BY device_id, metric), device_id, station_id, metric FROM found;
        INSERT INTO newest SELECT series_id, measured_us, received_at, value, flag FROM found;
        DROP TABLE found`);
    },
  );
}

export async function loadSeries(reader: DuckDBConnection): Promise<SeriesRow[]> {
  const rows = await reader.runAndReadAll(
    'SELECT series_id, channel_id, device_id, station_id, metric FROM series ORDER BY series_id',
  );
  return (rows.getRows() as [number, number, string, string, string][]).map(
    ([seriesId, channelId, deviceId, stationId, metric]) => ({ seriesId, channelId, deviceId, stationId, metric }),
  );
}
