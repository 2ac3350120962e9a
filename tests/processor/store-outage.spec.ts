import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { SqlAlertDesk } from '@canh/adapters/records-sql/sql-alert-desk';
import { SqlAlertStore } from '@canh/adapters/records-sql/sql-alert-store';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import { SqlDeviceAttributes } from '@canh/adapters/records-sql/sql-device-attributes';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { SqlQuarantine } from '@canh/adapters/records-sql/sql-quarantine';
import { SqlRegistry } from '@canh/adapters/records-sql/sql-registry';
import { InfluxSeriesStore } from '@canh/adapters/series-influx/influx-series-store';
import type { Catalogue } from '@canh/core/rules/catalogue';
import { LatestValues } from '@canh/core/series/latest-values';
import type { SeriesStore } from '@canh/core/series/series-store';
import { DAY_MS, MINUTE_MS } from '@canh/core/time/instant';
import { openLog } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import { InventoryWatch } from '../../apps/processor/src/inventory-watch.js';
import { Path } from '../../apps/processor/src/path.js';
import { readBatch } from '../../apps/processor/src/read-batch.js';
import { StoreWriter } from '../../apps/processor/src/store-writer.js';
import { eventually } from '../support/eventually.js';
import { missing } from '../support/servers/series-server.js';
import { startInfluxDb, type InfluxDbServer } from '../support/servers/influx.js';

const text = { vi: 'x', en: 'x' };
const CATALOGUE: Catalogue = {
  profiles: new Map([
    [
      'gauge',
      {
        id: 'gauge',
        kind: 'water',
        names: text,
        intervalMs: MINUTE_MS,
        metrics: [{ name: 'level_m', names: text, unit: 'm', plausible: { min: -5, max: 60 }, decimals: 2 }],
      },
    ],
  ]),
  rules: [
    {
      kind: 'threshold',
      id: 'level',
      version: 1,
      names: text,
      profileIds: ['gauge'],
      metric: 'level_m',
      direction: 'above',
      levels: [{ severity: 'critical', limit: { kind: 'fixed', value: 6 }, deadBand: 0.1, holdMs: 0 }],
      guidance: { cause: text, consequence: text, response: text },
    },
  ],
};
const FROM = 1_790_000_000_000;

/** The processor's path over real parts, without the process around it. */
interface Running {
  readonly path: Path;
  readonly writer: StoreWriter;
  close(): Promise<void>;
}

describe.skipIf(missing('influxd', 'influxdb'))('the processor, when its series store is down', () => {
  let folder: string;
  let server: InfluxDbServer;
  let records: RecordsDatabase;
  let journal: FileJournalWriter;
  let store: SeriesStore;
  let running: Running;
  let sent = 0;

  const start = async (): Promise<Running> => {
    const log = openLog('processor', { logLevel: 'silent' });
    const inventory = await InventoryWatch.open(new SqlRegistry(records), CATALOGUE);
    const [checkpoints, quarantine] = [new SqlCheckpoints(records), new SqlQuarantine(records)];
    const window = { pastMs: 36_500 * DAY_MS, futureMs: 36_500 * DAY_MS };
    const [forJudge, forStore] = [
      new FileJournalReader(join(folder, 'journal')),
      new FileJournalReader(join(folder, 'journal')),
    ];
    const storeOffset = await checkpoints.offset('store');
    let writer!: StoreWriter;
    const path = await Path.open(
      {
        journal: forJudge,
        inventory,
        alerts: new SqlAlertStore(records),
        checkpoints,
        quarantine,
        attributes: new SqlDeviceAttributes(records),
        latest: new LatestValues(0),
        window,
        clock: systemClock,
        log,
      },
      (judgeOffset) => {
        const read = async (from: number) => readBatch(await forStore.read(from, 1), inventory.devices, window);
        return (writer = new StoreWriter(
          { store, checkpoints, quarantine, clock: systemClock, log, read },
          storeOffset,
          judgeOffset,
        ));
      },
    );
    path.start();
    return {
      path,
      writer,
      close: async () => {
        await path.close();
        await Promise.all([forJudge.close(), forStore.close()]);
      },
    };
  };

  const send = async (level: number): Promise<void> => {
    const at = FROM + sent * MINUTE_MS;
    sent += 1;
    await journal.append({
      kind: 'telemetry',
      deviceId: 'g-1',
      receivedAt: at,
      payload: Buffer.from(JSON.stringify({ ts: at, values: { level_m: level } })),
    });
  };
  const stored = () => store.summary({ stationId: 'g', metric: 'level_m', from: FROM, to: FROM + 100_000 * MINUTE_MS });
  const states = async () => (await new SqlAlertDesk(records).list('all', 100)).map(({ state }) => state);

  beforeEach(async () => {
    sent = 0;
    folder = await mkdtemp(join(tmpdir(), 'canh-outage-'));
    server = await startInfluxDb();
    records = await openRecords(join(folder, 'records.sqlite'));
    const inventory = new SqlInventoryDesk(records);
    await inventory.putArea({ id: 'x', names: text, parentId: null, validFrom: null, validTo: null });
    await inventory.putStation({
      id: 'g',
      names: text,
      areaId: 'x',
      ownerUnit: 'x',
      position: { latitude: 16, longitude: 107 },
      profileId: 'gauge',
      limits: [],
    });
    await inventory.putDevice({ id: 'g-1', name: 'g-1', stationId: 'g', profileId: 'gauge', gatewayId: null });
    journal = await FileJournalWriter.open(join(folder, 'journal'));
    store = await InfluxSeriesStore.open({
      url: server.url,
      token: '',
      org: '',
      bucket: server.database,
      version: '1',
      timeoutMs: 2_000,
    });
    running = await start();
  });

  afterEach(async () => {
    await running.close();
    await journal.close();
    await store.close();
    await records.destroy();
    await server.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it('goes on raising alerts, says so, and stores everything once the store is back', async () => {
    for (let index = 0; index < 50; index += 1) await send(1);
    await eventually(async () => expect(await stored()).toEqual({ count: 50, sum: 50 }));

    await server.kill();
    for (let index = 0; index < 200; index += 1) await send(2);
    await send(7);
    await eventually(async () => expect(await states()).toEqual(['active']));
    await eventually(() => expect(running.writer.problem).toContain('does not answer'));

    await server.restart();
    await send(1);
    await eventually(async () => expect(await stored()).toEqual({ count: 252, sum: 50 + 400 + 7 + 1 }));
    await eventually(() => expect(running.writer.problem).toBeNull());
    expect(await states()).toEqual(['returned']);
  });

  it('stops in order while the store is down, and fills it from the journal at the next start', async () => {
    await server.kill();
    for (let index = 0; index < 100; index += 1) await send(7);
    await eventually(async () => expect(await states()).toEqual(['active']));
    await running.close();

    await server.restart();
    running = await start();
    await eventually(async () => expect(await stored()).toEqual({ count: 100, sum: 700 }));
    expect(await states()).toEqual(['active']);
  });
});
