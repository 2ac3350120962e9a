import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openRecords } from '@canh/adapters/records-sql/open-records';
import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import type { LedgerView, StationView } from '@canh/contract/views.dto';
import { riverProvince } from '../acceptance/river-province.js';
import { type Api, CanhProcess, temporaryFolder } from '../support/canh-process.js';
import { eventually } from '../support/eventually.js';

const TELEMETRY = 'v1/devices/me/telemetry';
const GATEWAY = 'v1/gateway/telemetry';
const NAMES = 100_000;
const NAMES_AT_A_MOMENT = 63;
const MOMENTS_OF_A_MESSAGE = 40;
const AT_ONCE = 5;
/** Of one message, however much is wrong with it. */
const FAULTS_KEPT = 20;

let canh: CanhProcess;
let api: Api;
let token = '';
beforeAll(async () => {
  const dataDir = await temporaryFolder();
  [token = ''] = (await riverProvince(dataDir, ['thach-han'])).map((device) => device.token);
  canh = await CanhProcess.start({ env: { CANH_DATA_DIR: dataDir } });
  api = await canh.signIn();
});
afterAll(() => canh?.remove());

const metricLines = async (): Promise<number> => {
  const text = await (await fetch(`${canh.consoleUrl}/metrics`, { headers: api.headers })).text();
  return text.split('\n').filter((line) => line.startsWith('canh_')).length;
};

it(`T12 ${NAMES} made-up names of metrics and as many of devices make no series: what was declared beside them is stored, the rest is set aside within its bounds`, async () => {
  const client = await connectAsync(canh.mqttUrl, { username: token, reconnectPeriod: 0 });
  await client.publishAsync(TELEMETRY, '{"level_m":1}', { qos: 1 });
  const received = async (): Promise<LedgerView['totals']> => (await api.get<LedgerView>('/api/ledger')).totals;
  await eventually(async () => expect(await received()).toMatchObject({ stored: 1 }));
  const before = await metricLines();
  expect(before).toBeGreaterThan(10);

  const began = Date.now() - 600_000;
  const messages: (readonly [topic: string, payload: string])[] = [];
  let [names, moments] = [0, 0];
  while (names < NAMES) {
    const points = Array.from({ length: MOMENTS_OF_A_MESSAGE }, () => {
      const values: Record<string, number> = { level_m: 2 };
      for (let n = 0; n < NAMES_AT_A_MOMENT; n += 1) values[`made_up_${(names += 1)}`] = n;
      return { ts: began + (moments += 1), values };
    });
    messages.push([TELEMETRY, JSON.stringify(points)]);
  }
  const made = names;
  for (let devices = 0; devices < NAMES;) {
    const behind: Record<string, object[]> = {};
    for (let n = 0; n < 1_000; n += 1) behind[`device-${(devices += 1)}`] = [{ level_m: 3 }];
    messages.push([GATEWAY, JSON.stringify(behind)]);
  }
  for (let at = 0; at < messages.length; at += AT_ONCE)
    await Promise.all(
      messages.slice(at, at + AT_ONCE).map(([topic, payload]) => client.publishAsync(topic, payload, { qos: 1 })),
    );
  await eventually(async () =>
    expect(await received()).toMatchObject({ stored: 1 + moments, received: 1 + moments + made + NAMES }),
  );

  // One reading more, so that everything that is counted has been counted since.
  await client.publishAsync(TELEMETRY, '{"level_m":4}', { qos: 1 });
  await eventually(async () => {
    const [station] = await api.get<StationView[]>('/api/stations');
    expect(station?.latest).toMatchObject([{ metric: 'level_m', value: 4 }]);
  });
  expect(Math.abs((await metricLines()) - before)).toBeLessThan(20);
  await client.endAsync();
  await canh.stop();
  const { store } = await DuckDbSeriesStore.open(join(canh.dataDir, 'series'));
  const series = (await store.latest()).map(({ stationId, metric }) => `${stationId} ${metric}`);
  await store.close();
  expect(series).toEqual(['thach-han level_m']);
  const records = await openRecords(join(canh.dataDir, 'records.sqlite'));
  const kept = records.prepare('select count(*) as n, sum(payload_bytes) as bytes from quarantine').get();
  await records.destroy();
  expect(kept?.['n']).toBe(messages.length * FAULTS_KEPT);
  // Each message's bytes once.
  const sentBytes = messages.reduce((sum, [, payload]) => sum + payload.length, 0);
  expect(Number(kept?.['bytes'])).toBe(sentBytes);
});
