import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import { Flag } from '@canh/core/quality/flag';
import { DAY_MS } from '@canh/core/time/instant';
import { openLog } from '@canh/runtime/log';
import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SeriesUpkeep } from '../../apps/processor/src/series-upkeep.js';

const SUNDAY = Date.UTC(2025, 5, 1);
const log = openLog('processor', { logLevel: 'silent' });

let folder: string;
let store: DuckDbSeriesStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canh-upkeep-'));
  ({ store } = await DuckDbSeriesStore.open(folder));
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

it('seals days, keeps each file as long as its setting says, and warns of one that cannot be read', async () => {
  const settings = { seriesRawDays: 10, series5MinDays: 20, seriesHourlyDays: 30 };
  let day = 3;
  const upkeep = new SeriesUpkeep(store, settings, { now: () => SUNDAY + day * DAY_MS }, log);
  const ids = { deviceId: 'gauge', stationId: 'bridge', metric: 'level_m' };
  const reading = { ...ids, value: 3.4, measuredAt: SUNDAY, sequence: 0, receivedAt: SUNDAY, flag: Flag.good };
  await (await store.sift([reading])).store();
  const names = ['2025-06-01.1h.v1.parquet', '2025-06-01.5min.v1.parquet', '2025-06-01.v1.parquet'];
  const files = async () => (await readdir(join(folder, 'days'))).toSorted();
  for (const [at, kept] of [
    [3, 3],
    [12, 2],
    [22, 1],
    [32, 0],
  ] as const) {
    day = at;
    await upkeep.sweep();
    expect(await files()).toEqual(names.slice(0, kept));
  }
  expect(upkeep.warnings).toEqual([]);

  day = 3;
  await (await store.sift([{ ...reading, value: 3.5, measuredAt: SUNDAY + 1 }])).store();
  await upkeep.sweep();
  await truncate(join(folder, 'days', names[2]!), 50);
  expect(await store.readings({ ...ids, from: SUNDAY, to: SUNDAY + DAY_MS }, 10)).toEqual([]);
  await upkeep.sweep();
  expect(upkeep.warnings).toEqual([expect.stringContaining(`${names[2]}.broken-1`)]);
});
