import { join } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import type { LedgerView } from '@canh/contract/views.dto';
import { riverProvince } from '../acceptance/river-province.js';
import { upTo } from '../faults/mutation/packets.js';
import { times } from '../faults/process/length.js';
import { CanhProcess, temporaryFolder } from '../support/canh-process.js';
import { eventually } from '../support/eventually.js';
import { faultSeed, seededRandom } from '../support/seeded.js';
import { steadyPort } from '../support/steady-port.js';

const TELEMETRY = 'v1/devices/me/telemetry';
const READINGS = times(400, 10_000);
const MOST_TIMES = 5;
/** Between them the device comes back, and Canh too. */
const STRETCHES = times(4, 40);

let canh: CanhProcess;
let token = '';
beforeAll(async () => {
  const dataDir = await temporaryFolder();
  [token = ''] = (await riverProvince(dataDir, ['thach-han'])).map((device) => device.token);
  const [mqtt, http] = [await steadyPort(), await steadyPort()];
  canh = await CanhProcess.start({
    env: { CANH_DATA_DIR: dataDir, CANH_MQTT_PORT: String(mqtt), CANH_HTTP_PORT: String(http) },
  });
});
afterAll(() => canh?.remove());

const dial = async (): Promise<MqttClient> => {
  const client = await connectAsync(canh.mqttUrl, { username: token, reconnectPeriod: 0 });
  client.on('error', () => undefined);
  return client;
};

it(`T10 of ${READINGS} readings, each sent one to ${MOST_TIMES} times over reconnects, kills and restarts, each is stored once`, async () => {
  const chance = seededRandom(faultSeed('replays'));
  const began = Date.now() - READINGS * 1_000;
  const readings = Array.from({ length: READINGS }, (_, seq) => ({
    // Some share a millisecond, and are told apart by their count.
    ts: began + (seq - (seq % 3)) * 1_000,
    seq,
    values: { level_m: upTo(chance, 1_000) / 100 },
  }));
  const copies = readings
    .flatMap((reading) => Array.from({ length: 1 + upTo(chance, MOST_TIMES) }, () => reading))
    .map((reading) => ({ reading, by: chance() }))
    .toSorted((a, b) => a.by - b.by)
    .map(({ reading }) => JSON.stringify(reading));
  let client = await dial();
  const each = Math.ceil(copies.length / STRETCHES);
  for (let stretch = 0; stretch < STRETCHES; stretch += 1) {
    const batch = copies.slice(stretch * each, (stretch + 1) * each);
    await Promise.all(batch.map((payload) => client.publishAsync(TELEMETRY, payload, { qos: 1 })));
    client.stream.destroy();
    if (stretch % 3 === 1) await canh.kill().then(() => canh.restart());
    if (stretch % 3 === 2) await canh.stop().then(() => canh.restart());
    client = await dial();
  }
  const api = await canh.signIn();
  await eventually(async () => {
    const { totals } = await api.get<LedgerView>('/api/ledger');
    expect(totals).toMatchObject({ received: copies.length, stored: READINGS, duplicate: copies.length - READINGS });
  });
  await client.endAsync(true);
  await canh.stop();
  const { store } = await DuckDbSeriesStore.open(join(canh.dataDir, 'series'));
  const found = await store.summary({ stationId: 'thach-han', metric: 'level_m', from: 0, to: Date.UTC(2100, 0) });
  await store.close();
  expect(found).toMatchObject({ count: READINGS });
  expect(found.sum).toBeCloseTo(
    readings.reduce((sum, { values }) => sum + values.level_m, 0),
    3,
  );
});
