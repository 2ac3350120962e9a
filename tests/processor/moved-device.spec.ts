import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { START } from '@canh/core/readings/journal';
import type { SeriesStore } from '@canh/core/series/series-store';
import { HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';
import { eventually } from '../support/eventually.js';
import { FROM, Gauge, type RunningPath } from './gauge.js';

const text = { vi: 'x', en: 'x' };

let gauge: Gauge;
let store: DuckDbSeriesStore;
let running: RunningPath;

async function openStore(): Promise<boolean> {
  const open = await DuckDbSeriesStore.open(join(gauge.folder, 'series'));
  store = open.store;
  return open.rebuilt;
}

beforeEach(async () => {
  gauge = await Gauge.open();
  await openStore();
  running = await gauge.start(store);
});
afterEach(async () => {
  await running.close();
  await store.close();
  await gauge.remove();
});

/** The gauge is taken to another station, as of the time of the journal. */
async function move(stationId: string, at: number): Promise<void> {
  const desk = new SqlInventoryDesk(gauge.records, { now: () => at });
  await desk.putStation({
    id: stationId,
    names: text,
    areaId: 'x',
    ownerUnit: 'x',
    position: { latitude: 16, longitude: 107 },
    profileId: 'gauge',
    limits: [],
  });
  await desk.putDevice({ id: 'g-1', name: 'g-1', stationId, profileId: 'gauge', gatewayId: null });
}

async function sums(series: SeriesStore): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const stationId of ['g', 'bridge', 'harbour'])
    found[stationId] = (
      await series.summary({ stationId, metric: 'level_m', from: FROM, to: FROM + 1_000 * MINUTE_MS })
    ).sum;
  return found;
}

describe('a device that is moved', () => {
  it('has each of its readings where it stood then, also when a lost store is filled again', async () => {
    await gauge.send(1, 1, 1);
    await eventually(async () => expect((await sums(store))['g']).toBe(3));
    await move('bridge', FROM + 3 * MINUTE_MS);
    await gauge.send(2, 2);
    await eventually(async () => expect((await sums(store))['bridge']).toBe(4));
    await move('harbour', FROM + 5 * MINUTE_MS);
    await gauge.send(5);
    const where = { g: 3, bridge: 4, harbour: 5 };
    await eventually(async () => expect(await sums(store)).toEqual(where));

    await running.close();
    await store.close();
    await rm(join(gauge.folder, 'series'), { recursive: true });
    expect(await openStore()).toBe(true);
    await new SqlCheckpoints(gauge.records).rewindStore(START);
    running = await gauge.start(store);
    await eventually(async () => expect(await sums(store)).toEqual(where));
  });

  it('has each of them where it stood then, too, when it was moved before they could be stored', async () => {
    await running.close();
    await gauge.send(1, 1, 1);
    await move('bridge', FROM + 3 * MINUTE_MS);
    // Measured before the move and received after it: it stands where the device stood when it came.
    await gauge.receive({ ts: FROM + 30_000, values: { level_m: 2 } }, FROM + 3 * MINUTE_MS);
    await move('harbour', FROM + HOUR_MS);
    running = await gauge.start(store);
    await eventually(async () => expect(await sums(store)).toEqual({ g: 3, bridge: 2, harbour: 0 }));
  });
});
