import { ReadingColumns } from '@canh/core/quality/reading-columns';
import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import { writeSync } from 'node:fs';
import { killedBatch } from './series-duckdb.readings.js';

// Appends batch after batch, from the one it was told on, and says the number of each that was answered for. It ends only by being killed.
const [folder, first] = process.argv.slice(2);
if (folder === undefined || first === undefined) throw new Error('Usage: series-duckdb.child.ts FOLDER FIRST_BATCH');
const { store } = await DuckDbSeriesStore.open(folder);
for (let nth = Number(first); ; nth++) {
  const sifted = await store.sift(ReadingColumns.of(killedBatch(nth)));
  await sifted.store();
  writeSync(1, `${nth}\n`);
}
