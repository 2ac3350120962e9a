import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { SqlAlertStore } from '@canh/adapters/records-sql/sql-alert-store';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import { SqlDeviceAttributes } from '@canh/adapters/records-sql/sql-device-attributes';
import { SqlLedger } from '@canh/adapters/records-sql/sql-ledger';
import { SqlQuarantine } from '@canh/adapters/records-sql/sql-quarantine';
import { SqlRegistry } from '@canh/adapters/records-sql/sql-registry';
import type { TimeWindow } from '@canh/core/readings/accept-time';
import type { JournalOffset } from '@canh/core/readings/journal';
import { RuleStates } from '@canh/core/rules/rule-states';
import { LatestValues } from '@canh/core/series/latest-values';
import type { Log } from '@canh/runtime/log';
import { InventoryWatch } from '../../../apps/processor/src/inventory-watch.js';
import { Path } from '../../../apps/processor/src/path.js';
import { cutAt, readBatch, type ReadBatch } from '../../../apps/processor/src/read-batch.js';
import { Retention } from '../../../apps/processor/src/retention.js';
import { StoreWriter } from '../../../apps/processor/src/store-writer.js';
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
const READ_BYTES = 4 * 2 ** 20;
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
    // As `openJournal` does it.
    const checkpoints = through('checkpoints', new SqlCheckpoints(records.database));
    const kept = [await checkpoints.offset('judge'), await checkpoints.offset('store')];
    const { offset, begun } = await through('ledger', new SqlLedger(records.database)).place();
    const after = Math.max(...kept, offset, ...begun.map(({ next }) => next));
    const journal = await FileJournalWriter.open(disk.folder(owner), { after, segmentBytes });
    return new Broker(ground, owner, journal);
  }

  accept({ kind, senderId, payload }: Sent): Promise<unknown> | null {
    const { owner, ground } = this;
    if (!owner.alive) return null;
    const { time } = ground;
    return time.as(owner, () => this.journal.append({ kind, deviceId: senderId, receivedAt: time.wall(), payload }));
  }
}

/** One life of the process that judges and stores, wired as `ProcessorModule` wires it. */
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
    const quarantine = through('quarantine', new SqlQuarantine(records));
    const alerts = through('alerts', new SqlAlertStore(records));
    const attributes = through('attributes', new SqlDeviceAttributes(records));
    const inventory = await InventoryWatch.open(through('registry', new SqlRegistry(records)), CATALOGUE);
    const store = new SimulatedSeriesStore(server, owner);
    const clock = { now: () => time.wall() };
    const latest = new LatestValues(clock.now());
    const window = WINDOW;
    const log = logOf(time);

    const judgeFrom = await checkpoints.offset('judge');
    const storeFrom = await checkpoints.offset('store');
    const folder = disk.folder(owner);
    const forJudge = new FileJournalReader(folder);
    const forStore = new FileJournalReader(folder);
    const read = async (from: JournalOffset, until: JournalOffset | null): Promise<ReadBatch> => {
      const found = cutAt(until, await forStore.read(from, READ_BYTES));
      if (found.entries.length > 0) await inventory.refresh();
      return readBatch(from, found, inventory.devices, window);
    };
    const storeParts = { store, checkpoints, ledger, quarantine, window, clock, log, read };
    const writer = new StoreWriter(storeParts, storeFrom, await ledger.place(), judgeFrom);
    const states = new RuleStates(await checkpoints.ruleStates());
    const journal = {
      read: (from: JournalOffset, maxBytes: number) => {
        processor.judgedTo = from;
        return forJudge.read(from, maxBytes);
      },
      close: () => forJudge.close(),
    };
    const parts = { journal, inventory, alerts, checkpoints, quarantine, attributes, latest, window, clock, log };
    const path = new Path(parts, states, judgeFrom, writer);
    const processor = new Processor(path, writer);
    const settings = {
      journalDir: folder as unknown as string,
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
