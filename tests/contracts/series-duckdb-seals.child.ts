import { ReadingColumns } from '@canh/core/quality/reading-columns';
import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import { writeSync } from 'node:fs';
import { FEW_ROWS, KEPT_DAYS, sealedBatch, sealsAt } from './series-duckdb.readings.js';

// Appends batch after batch, each a third of a day with some of the days before, and seals what is over, as fast as it can, each day in parts. It says the
// number of each batch that was answered for, and ends only by being killed.
const [folder, first] = process.argv.slice(2);
if (folder === undefined || first === undefined)
  throw new Error('Usage: series-duckdb-seals.child.ts FOLDER FIRST_BATCH');
const { store } = await DuckDbSeriesStore.open(folder);
for (let nth = Number(first); ; nth++) {
  const sifted = await store.sift(ReadingColumns.of(sealedBatch(nth)));
  await sifted.store();
  writeSync(1, `${nth}\n`);
  await store.maintain(sealsAt(nth), KEPT_DAYS, FEW_ROWS);
}
