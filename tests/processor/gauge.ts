import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import type { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { openJournal as openJournalOf } from '../../apps/broker/src/open-journal.js';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { SqlAlertDesk } from '@canh/adapters/records-sql/sql-alert-desk';
import { SqlAlertStore } from '@canh/adapters/records-sql/sql-alert-store';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import { SqlDeviceAttributes } from '@canh/adapters/records-sql/sql-device-attributes';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { SqlLedger } from '@canh/adapters/records-sql/sql-ledger';
import { SqlQuarantine } from '@canh/adapters/records-sql/sql-quarantine';
import { SqlRegistry } from '@canh/adapters/records-sql/sql-registry';
import type { JournalOffset } from '@canh/core/readings/journal';
import type { Catalogue } from '@canh/core/rules/catalogue';
import { LatestValues } from '@canh/core/series/latest-values';
import type { SeriesStore, Summary } from '@canh/core/series/series-store';
import { DAY_MS, MINUTE_MS, type Instant } from '@canh/core/time/instant';
import { openLog } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import { InventoryWatch } from '../../apps/processor/src/inventory-watch.js';
import { openPath } from '../../apps/processor/src/open-path.js';
import type { Path } from '../../apps/processor/src/path.js';
import type { StoreWriter } from '../../apps/processor/src/store-writer.js';

const text = { vi: 'x', en: 'x' };

/** One gauge, critical from 6 m held for ten minutes. */
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
      levels: [{ severity: 'critical', limit: { kind: 'fixed', value: 6 }, deadBand: 0.1, holdMs: 10 * MINUTE_MS }],
      guidance: { cause: text, consequence: text, response: text },
    },
  ],
};
export const FROM = 1_790_000_000_000;

const openJournal = (folder: string, records: RecordsDatabase): Promise<FileJournalWriter> =>
  openJournalOf(join(folder, 'journal'), { checkpoints: new SqlCheckpoints(records), ledger: new SqlLedger(records) });

export interface RunningPath {
  readonly path: Path;
  readonly writer: StoreWriter;
  close(): Promise<void>;
}

/** Starts the path in a folder that `Gauge.open` has made. The store's own reader takes about `storeReadBytes` at a time: a message, or many. */
export async function startPath(
  folder: string,
  records: RecordsDatabase,
  store: SeriesStore,
  storeReadBytes = 1,
): Promise<RunningPath> {
  const directory = join(folder, 'journal');
  const inventory = await InventoryWatch.open(new SqlRegistry(records), CATALOGUE, { now: () => Infinity });
  const [forJudge, forStore] = [new FileJournalReader(directory), new FileJournalReader(directory)];
  const { path, writer } = await openPath({
    forJudge,
    forStore,
    store,
    inventory,
    checkpoints: new SqlCheckpoints(records),
    ledger: new SqlLedger(records),
    quarantine: new SqlQuarantine(records),
    alerts: new SqlAlertStore(records),
    attributes: new SqlDeviceAttributes(records),
    latest: new LatestValues(0),
    window: { pastMs: 36_500 * DAY_MS, futureMs: 36_500 * DAY_MS, lateMs: DAY_MS },
    clock: systemClock,
    log: openLog('processor', { logLevel: 'silent' }),
    storeReadBytes,
  });
  path.start();
  const close = async (): Promise<void> => {
    await path.close();
    await Promise.all([forJudge.close(), forStore.close()]);
  };
  return { path, writer, close };
}

/** Journal, records and the processor's path over them, without the process around it. Each message is a minute later than the one before. */
export class Gauge {
  private sent = 0;

  private constructor(
    readonly folder: string,
    readonly records: RecordsDatabase,
    private journal: FileJournalWriter,
  ) {}

  static async open(): Promise<Gauge> {
    const folder = await mkdtemp(join(tmpdir(), 'canh-path-'));
    const records = await openRecords(join(folder, 'records.sqlite'), { waitMs: 50 });
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
    return new Gauge(folder, records, await openJournal(folder, records));
  }

  start(store: SeriesStore, storeReadBytes?: number): Promise<RunningPath> {
    return startPath(this.folder, this.records, store, storeReadBytes);
  }

  async send(...levels: number[]): Promise<void> {
    for (const level of levels) {
      const at = FROM + this.sent * MINUTE_MS;
      this.sent += 1;
      await this.receive({ ts: at, values: { level_m: level } }, at);
    }
  }

  /** Resolves when a message of the gauge is on disk, with the place behind it. */
  receive(payload: unknown, receivedAt: Instant): Promise<JournalOffset> {
    return this.journal.append({
      kind: 'telemetry',
      deviceId: 'g-1',
      receivedAt,
      payload: Buffer.from(JSON.stringify(payload)),
    });
  }

  /** As somebody does who needs the room: the folder is gone, and the next start makes a new one. */
  replaceJournal(): Promise<void> {
    return this.reopenJournal((folder) => rm(folder, { recursive: true }));
  }

  /** While the broker is down, something happens to its folder. */
  async reopenJournal(meanwhile: (folder: string) => Promise<void>): Promise<void> {
    await this.journal.close();
    await meanwhile(join(this.folder, 'journal'));
    this.journal = await openJournal(this.folder, this.records);
  }

  stored(store: SeriesStore): Promise<Summary> {
    return store.summary({ stationId: 'g', metric: 'level_m', from: FROM, to: FROM + 100_000 * MINUTE_MS });
  }

  async alerts(): Promise<string[]> {
    return (await new SqlAlertDesk(this.records).list('all', 100)).map(({ state }) => state);
  }

  async remove(): Promise<void> {
    await this.journal.close();
    await this.records.destroy();
    await rm(this.folder, { recursive: true, force: true });
  }
}
