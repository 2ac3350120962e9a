import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import type { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { SqlAlertStore } from '@canh/adapters/records-sql/sql-alert-store';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import { SqlDeviceAttributes } from '@canh/adapters/records-sql/sql-device-attributes';
import { SqlLedger } from '@canh/adapters/records-sql/sql-ledger';
import { SqlQuarantine } from '@canh/adapters/records-sql/sql-quarantine';
import { SqlRegistry } from '@canh/adapters/records-sql/sql-registry';
import type { TimeWindow } from '@canh/core/readings/accept-time';
import type { JournalOffset, JournalReader } from '@canh/core/readings/journal';
import { LatestValues } from '@canh/core/series/latest-values';
import type { Log } from '@canh/runtime/log';
import { openJournal } from '../../../apps/broker/src/open-journal.js';
import { InventoryWatch } from '../../../apps/processor/src/inventory-watch.js';
import { openPath } from '../../../apps/processor/src/open-path.js';
import type { Path } from '../../../apps/processor/src/path.js';
import { Retention } from '../../../apps/processor/src/retention.js';
import type { StoreWriter } from '../../../apps/processor/src/store-writer.js';
import type { Chance } from './chance.js';
import type { SimulatedDisk } from './disk.js';
import { gated, type RecordsWeather } from './gate.js';
import type { Door } from './publisher.js';
import { CATALOGUE } from './province.js';
import type { Records } from './records.js';
import type { Sent } from './sent.js';
import { SimulatedSeriesStore, type SeriesServer } from './series-server.js';
import type { Owner, VirtualTime } from './virtual-time.js';

/** What processes stand on. */
export interface Ground {
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly disk: SimulatedDisk;
  readonly server: SeriesServer;
  readonly records: Records;
  readonly weather: RecordsWeather;
  readonly segmentBytes: number;
  readonly keptMs: number;
  readonly happened: (what: string, owner: Owner) => void;
}

export const WINDOW: TimeWindow = { pastMs: 7 * 86_400_000, futureMs: 300_000, lateMs: 900_000 };
const SWEEP_EVERY_MS = 4_000;

const gatedBy = (ground: Ground, owner: Owner) => {
  const { time, chance, weather, happened } = ground;
  return <Port extends object>(name: string, port: Port): Port =>
    gated(port, name, owner, time, chance, weather, happened);
};

/** One life of the process that takes messages in. */
export class Broker implements Door {
  private constructor(
    private readonly ground: Ground,
    private readonly owner: Owner,
    readonly journal: FileJournalWriter,
  ) {}

  static async start(ground: Ground, owner: Owner): Promise<Broker> {
    const { segmentBytes, disk, records } = ground;
    const through = gatedBy(ground, owner);
    const places = {
      checkpoints: through('checkpoints', new SqlCheckpoints(records.database)),
      ledger: through('ledger', new SqlLedger(records.database)),
    };
    const journal = await openJournal(disk.folder(owner), places, { segmentBytes });
    return new Broker(ground, owner, journal);
  }

  accept({ kind, senderId, payload }: Sent): Promise<unknown> | null {
    const { owner, ground } = this;
    if (!owner.alive) return null;
    const { time } = ground;
    return time.as(owner, () => this.journal.append({ kind, deviceId: senderId, receivedAt: time.wall(), payload }));
  }
}

/** One life of the process that judges and stores. */
export class Processor {
  /** Where the judge has asked to read on: all before it is judged and saved. */
  judgedTo: JournalOffset = 0;

  private constructor(
    readonly path: Path,
    readonly writer: StoreWriter,
  ) {}

  static async start(ground: Ground, owner: Owner): Promise<Processor> {
    const { time, disk, server } = ground;
    const records = ground.records.database;
    const through = gatedBy(ground, owner);
    const checkpoints = through('checkpoints', new SqlCheckpoints(records));
    const ledger = through('ledger', new SqlLedger(records));
    const clock = { now: () => time.wall() };
    const log = logOf(time);
    const folder = disk.folder(owner);
    const reader = new FileJournalReader(folder);
    const forJudge: JournalReader = {
      read: (from, maxBytes) => {
        processor.judgedTo = from;
        return reader.read(from, maxBytes);
      },
      close: () => reader.close(),
    };
    const { path, writer } = await openPath({
      forJudge,
      forStore: new FileJournalReader(folder),
      store: new SimulatedSeriesStore(server, owner),
      checkpoints,
      ledger,
      quarantine: through('quarantine', new SqlQuarantine(records)),
      alerts: through('alerts', new SqlAlertStore(records)),
      attributes: through('attributes', new SqlDeviceAttributes(records)),
      inventory: await InventoryWatch.open(through('registry', new SqlRegistry(records)), CATALOGUE, clock),
      latest: new LatestValues(clock.now()),
      window: WINDOW,
      clock,
      log,
    });
    const processor = new Processor(path, writer);
    const settings = {
      journalDir: folder,
      journalKeepHours: ground.keptMs / 3_600_000,
      journalMaxGb: 1,
      ledgerKeepDays: 400,
    };
    const retention = new Retention({ settings, checkpoints, ledger, judged: () => path.kept, clock, log });
    time.as(owner, () => {
      path.start();
      setInterval(() => void retention.sweep(), SWEEP_EVERY_MS);
    });
    return processor;
  }
}

function logOf(time: VirtualTime): Log {
  const note = (fields: { readonly event: string }): void => time.note(`log ${fields.event}`);
  return { info: note, warn: note, error: note } as unknown as Log;
}
