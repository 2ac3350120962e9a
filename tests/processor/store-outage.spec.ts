import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InfluxSeriesStore } from '@canh/adapters/series-influx/influx-series-store';
import type { SeriesStore } from '@canh/core/series/series-store';
import { eventually } from '../support/eventually.js';
import { startInfluxDb, type InfluxDbServer } from '../support/servers/influx.js';
import { missing } from '../support/servers/series-server.js';
import { Gauge, type RunningPath } from './gauge.js';

const times = (count: number, level: number): number[] => Array.from({ length: count }, () => level);

describe.skipIf(missing('influxd', 'influxdb'))('the processor, when its series store is down', () => {
  let server: InfluxDbServer;
  let gauge: Gauge;
  let store: SeriesStore;
  let running: RunningPath;

  beforeEach(async () => {
    server = await startInfluxDb();
    gauge = await Gauge.open();
    store = await InfluxSeriesStore.open({
      url: server.url,
      token: '',
      org: '',
      bucket: server.database,
      version: '1',
      timeoutMs: 2_000,
    });
    running = await gauge.start(store);
  });

  afterEach(async () => {
    await running.close();
    await store.close();
    await gauge.remove();
    await server.remove();
  });

  it('goes on raising alerts, says so, and stores everything once the store is back', async () => {
    await gauge.send(...times(50, 1));
    await eventually(async () => expect(await gauge.stored(store)).toEqual({ count: 50, sum: 50 }));

    await server.kill();
    await gauge.send(...times(200, 2), ...times(11, 7));
    await eventually(async () => expect(await gauge.alerts()).toEqual(['active']));
    await eventually(() => expect(running.writer.problem?.message).toContain('does not answer'));
    expect(running.writer.behindBytes).toBeGreaterThan(0);

    await server.restart();
    await gauge.send(1);
    await eventually(async () => expect(await gauge.stored(store)).toEqual({ count: 262, sum: 50 + 400 + 77 + 1 }));
    await eventually(() => expect([running.writer.problem, running.writer.behindBytes]).toEqual([null, 0]));
    // The judge reads for itself, and may come there later.
    await eventually(async () => expect(await gauge.alerts()).toEqual(['returned']));
  });

  it('stops in order while the store is down, and fills it from the journal at the next start', async () => {
    await server.kill();
    await gauge.send(...times(100, 7));
    await eventually(async () => expect(await gauge.alerts()).toEqual(['active']));
    await running.close();

    await server.restart();
    running = await gauge.start(store);
    await eventually(async () => expect(await gauge.stored(store)).toEqual({ count: 100, sum: 700 }));
    expect(await gauge.alerts()).toEqual(['active']);
  });
});
