import { ReadingColumns } from '@canh/core/quality/reading-columns';
import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import { Flag } from '@canh/core/quality/flag';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';
import { openLog } from '@canh/runtime/log';
import { mkdir, mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SeriesUpkeep } from '../../apps/processor/src/series-upkeep.js';
import { SteadyClock } from '../../apps/processor/src/steady-clock.js';

const SUNDAY = Date.UTC(2025, 5, 1);
const settings = { seriesRawDays: 10, series5MinDays: 20, seriesHourlyDays: 30 };
const ids = { deviceId: 'gauge', stationId: 'bridge', metric: 'level_m' };
const reading = { ...ids, value: 3.4, measuredAt: SUNDAY, sequence: 0, receivedAt: SUNDAY, flag: Flag.good };
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

const files = async () => (await readdir(join(folder, 'days'))).toSorted();

it('seals days, keeps each file as long as its setting says, and warns of one that cannot be read', async () => {
  let day = 3;
  const clock = { now: () => SUNDAY + day * DAY_MS };
  const upkeep = new SeriesUpkeep(store, settings, clock, log, new SteadyClock(clock, clock.now));
  await (await store.sift(ReadingColumns.of([reading]))).store();
  const names = ['2025-06-01.1h.v1.parquet', '2025-06-01.5min.v1.parquet', '2025-06-01.v1.parquet'];
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
  await (await store.sift(ReadingColumns.of([{ ...reading, value: 3.5, measuredAt: SUNDAY + 1 }]))).store();
  await upkeep.sweep();
  await truncate(join(folder, 'days', names[2]!), 50);
  expect(await store.readings({ ...ids, from: SUNDAY, to: SUNDAY + DAY_MS }, 10)).toEqual([]);
  await upkeep.sweep();
  expect(upkeep.warnings).toEqual([expect.stringContaining(`${names[2]}.broken-1`)]);
});

it('seals the other days when one cannot be, says so until it is, and tries it less often', async () => {
  const clock = { now: () => SUNDAY + 3 * DAY_MS };
  const upkeep = new SeriesUpkeep(store, settings, clock, log);
  const readings = [0, 1].map((day) => SUNDAY + day * DAY_MS);
  await (
    await store.sift(ReadingColumns.of(readings.map((at) => ({ ...reading, measuredAt: at, receivedAt: at + 137 }))))
  ).store();
  const inTheWay = join(folder, 'days', '2025-06-01.v1.parquet.tmp');
  await mkdir(join(inTheWay, 'something'), { recursive: true });
  const sealed = async (date: string) => (await files()).includes(`${date}.v1.parquet`);

  // Tried by the first sweep and the second, not by the third, by the fourth, and not by the three that follow.
  for (let sweeps = 1; sweeps <= 7; sweeps += 1) {
    await upkeep.sweep();
    expect(upkeep.warnings).toEqual([expect.stringMatching(/2025-06-01 .*not sealed.*parquet\.tmp/)]);
    expect(await upkeep.oldestUnsealed()).toBe(SUNDAY + 137);
    expect([await sealed('2025-06-01'), await sealed('2025-06-02')]).toEqual([false, true]);
    if (sweeps === 4) await rm(inTheWay, { recursive: true });
  }
  await upkeep.sweep();
  expect(await sealed('2025-06-01')).toBe(true);
  expect(upkeep.warnings).toEqual([]);
  expect(await upkeep.oldestUnsealed()).toBeNull();
  expect((await store.summary({ ...ids, from: SUNDAY, to: SUNDAY + 3 * DAY_MS })).count).toBe(2);
});

it('seals, but removes nothing for its age, from when the clock was put wrong until a day later', async () => {
  let [now, wrongMs] = [SUNDAY + 3 * DAY_MS, 0];
  const clock = { now: () => now + wrongMs };
  const upkeep = new SeriesUpkeep(store, settings, clock, log, new SteadyClock(clock, () => now));
  await (await store.sift(ReadingColumns.of([reading]))).store();
  await upkeep.sweep();
  await (await store.sift(ReadingColumns.of([{ ...reading, measuredAt: SUNDAY + DAY_MS, receivedAt: now }]))).store();
  wrongMs = 730 * DAY_MS;
  now += 10 * MINUTE_MS;
  await upkeep.sweep();
  expect(await files()).toHaveLength(6);
  expect((await store.readings({ ...ids, from: SUNDAY, to: SUNDAY + 3 * DAY_MS }, 10)).length).toBe(2);
  now += DAY_MS - HOUR_MS;
  await upkeep.sweep();
  expect(await files()).toHaveLength(6);
  now += HOUR_MS;
  await upkeep.sweep();
  expect(await files()).toEqual([]);
});
