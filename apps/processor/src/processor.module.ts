import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Module, type DynamicModule } from '@nestjs/common';
import { loadCatalogue } from '@canh/adapters/device-catalogue/device-catalogue';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { takeLock } from '@canh/adapters/process-lock/process-lock';
import { processorSocket } from '@canh/adapters/processor-link/socket-path';
import { openRecords } from '@canh/adapters/records-sql/open-records';
import { SqlAlertStore } from '@canh/adapters/records-sql/sql-alert-store';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import { SqlClockRecord } from '@canh/adapters/records-sql/sql-clock-record';
import { SqlDeviceAttributes } from '@canh/adapters/records-sql/sql-device-attributes';
import { SqlLedger } from '@canh/adapters/records-sql/sql-ledger';
import { SqlQuarantine } from '@canh/adapters/records-sql/sql-quarantine';
import { SqlRegistry } from '@canh/adapters/records-sql/sql-registry';
import { START } from '@canh/core/readings/journal';
import { ReadingColumns } from '@canh/core/quality/reading-columns';
import { LatestValues } from '@canh/core/series/latest-values';
import { SeriesStore } from '@canh/core/series/series-store';
import { DAY_MS, MINUTE_MS } from '@canh/core/time/instant';
import { makeDataDir } from '@canh/runtime/data-dir';
import { openLog } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import { Registry as MetricsRegistry } from 'prom-client';
import { InventoryWatch } from './inventory-watch.js';
import { LiveController } from './live.controller.js';
import { openPath } from './open-path.js';
import { openSeries } from './open-series.js';
import { Processor, PROCESSOR_PARTS, type ProcessorParts } from './processor.js';
import { processorMetrics } from './processor.metrics.js';
import type { ProcessorSettings } from './processor.settings.js';
import { Retention } from './retention.js';
import { SteadyClock } from './steady-clock.js';

/** The wiring of the processor: it reads like the way of a reading. */
@Module({})
export class ProcessorModule {
  static async open(settings: ProcessorSettings): Promise<DynamicModule> {
    const log = openLog('processor', settings);
    await makeDataDir(settings.dataDir);
    const unlock = takeLock(join(settings.dataDir, 'processor.lock'), 'processing this data folder');
    const records = await openRecords(settings.recordsFile);
    const catalogue = await loadCatalogue(settings.devicesDir);
    const inventory = await InventoryWatch.open(new SqlRegistry(records), catalogue, systemClock);
    const steady = await SteadyClock.open(systemClock, new SqlClockRecord(records));
    const { store, empty, upkeep } = await openSeries(settings, log, steady);
    const latest = new LatestValues(systemClock.now());
    latest.put(ReadingColumns.of(await store.latest().catch(() => [])));

    const checkpoints = new SqlCheckpoints(records);
    const quarantine = new SqlQuarantine(records);
    const window = {
      pastMs: settings.readingMaxAgeDays * DAY_MS,
      futureMs: settings.readingMaxAheadMinutes * MINUTE_MS,
      lateMs: settings.readingLateMinutes * MINUTE_MS,
    };
    if (empty && (await checkpoints.offset('store')) !== START) {
      log.warn({ event: 'series.refilling' }, 'the series store is empty and is filled again from the journal');
      // Kept before anything is stored: a crash halfway must not take the old place for true.
      await checkpoints.rewindStore(START);
    }
    const forJudge = new FileJournalReader(settings.journalDir);
    const forStore = new FileJournalReader(settings.journalDir);
    const clock = systemClock;
    const ledger = new SqlLedger(records);
    const alerts = new SqlAlertStore(records);
    const attributes = new SqlDeviceAttributes(records);
    const ports = { checkpoints, ledger, quarantine, alerts, attributes, inventory, store, latest };
    const { path, writer } = await openPath({ ...ports, forJudge, forStore, window, clock, log });
    const close = async (): Promise<void> => {
      await Promise.all([forJudge.close(), forStore.close()]);
      await records.destroy();
      unlock();
    };
    const oldestUnsealed = async () => (await upkeep?.oldestUnsealed()) ?? null;
    const judged = () => path.kept;
    const retention = new Retention({ settings, checkpoints, ledger, judged, oldestUnsealed, clock, steady, log });
    const parts: ProcessorParts = { path, writer, store, inventory, retention, upkeep, closeJournal: close };
    return {
      module: ProcessorModule,
      controllers: [LiveController],
      providers: [
        { provide: PROCESSOR_PARTS, useValue: parts },
        { provide: LatestValues, useValue: latest },
        { provide: SeriesStore, useValue: store },
        { provide: MetricsRegistry, useValue: processorMetrics(path, writer, clock) },
        Processor,
      ],
    };
  }
}

/** Makes the local socket free to be listened on: only the holder of the data folder's lock gets here, so what is left is stale. */
export async function freeSocket(dataDir: string): Promise<string> {
  const socket = processorSocket(dataDir);
  if (process.platform !== 'win32') await rm(socket, { force: true });
  return socket;
}

/** Only this user may ask. */
export async function protectSocket(socket: string): Promise<void> {
  if (process.platform !== 'win32') await chmod(socket, 0o600);
}
