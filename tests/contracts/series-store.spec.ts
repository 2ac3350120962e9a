import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import { InfluxSeriesStore } from '@canh/adapters/series-influx/influx-series-store';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startInfluxDb } from '../support/servers/influx.js';
import { missing } from '../support/servers/series-server.js';
import { startVictoriaMetrics } from '../support/servers/victoria.js';
import { describeSeriesStore, type StoreUnderTest } from './series-store.suite.js';

describeSeriesStore('DuckDB', duckDb, { sequences: true, everyDouble: true });
describeSeriesStore('InfluxDB 1.6', influxDb, { sequences: true, everyDouble: true }, missing('influxd', 'influxdb'));
describeSeriesStore(
  'VictoriaMetrics',
  victoriaMetrics,
  { sequences: false, everyDouble: false },
  missing('victoria-metrics', 'victoria-metrics'),
);

async function duckDb(): Promise<StoreUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'canh-duckdb-'));
  let { store } = await DuckDbSeriesStore.open(folder);
  return {
    store,
    reopen: async () => {
      await store.close();
      ({ store } = await DuckDbSeriesStore.open(folder));
      return store;
    },
    settle: async () => undefined,
    outage: null,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function influxDb(): Promise<StoreUnderTest> {
  const server = await startInfluxDb();
  const open = () =>
    InfluxSeriesStore.open({
      url: server.url,
      token: '',
      org: '',
      bucket: server.database,
      version: '1',
      timeoutMs: 10_000,
    });
  return {
    store: await open(),
    reopen: open,
    settle: async () => undefined,
    outage: { begin: () => server.stop(), end: () => server.restart() },
    remove: () => server.remove(),
  };
}

async function victoriaMetrics(): Promise<StoreUnderTest> {
  const server = await startVictoriaMetrics();
  const open = () =>
    InfluxSeriesStore.open({
      url: server.url,
      token: '',
      org: 'canh',
      bucket: 'canh',
      version: 'victoria',
      timeoutMs: 10_000,
    });
  return {
    store: await open(),
    reopen: open,
    settle: () => server.settle(),
    outage: { begin: () => server.stop(), end: () => server.restart() },
    remove: () => server.remove(),
  };
}
