import { ReadingColumns } from '@canh/core/quality/reading-columns';
import { mkdtemp, rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import * as firstRecords from '@canh/adapters/records-sql/migrations/0001-first-records';
import { NodeSqliteDialect } from '@canh/adapters/records-sql/node-sqlite-dialect';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import { SqlLedger } from '@canh/adapters/records-sql/sql-ledger';
import { SqlLedgerDesk } from '@canh/adapters/records-sql/sql-ledger-desk';
import { SqlQuarantine } from '@canh/adapters/records-sql/sql-quarantine';
import { SqlQuarantineDesk } from '@canh/adapters/records-sql/sql-quarantine-desk';
import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import { DEFAULT_TIME_WINDOW } from '@canh/core/readings/accept-time';
import { START, type JournalOffset } from '@canh/core/readings/journal';
import { KnownDevices } from '@canh/core/stations/known-devices';
import type { Device, Station } from '@canh/core/stations/station';
import { HOUR_MS, MINUTE_MS, type Instant } from '@canh/core/time/instant';
import { openLog } from '@canh/runtime/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cutAt, readBatch } from '../../../../processor/src/read-batch.js';
import { StoreWriter } from '../../../../processor/src/store-writer.js';
import { QuarantineRows } from './quarantine-rows.js';
import { reconcile, type Reconciled } from './reconcile.js';

const MIDNIGHT = Date.UTC(2026, 5, 1);
const text = { vi: 'x', en: 'x' };
const station = (id: string): Station => ({
  id,
  names: text,
  areaId: 'x',
  ownerUnit: 'x',
  position: { latitude: 16, longitude: 107 },
  profileId: 'gauge',
  limits: [],
});
const device = (stationId: string): Device => ({
  id: 'gauge-1',
  name: 'gauge-1',
  stationId,
  profileId: 'gauge',
  gatewayId: null,
});
/** The gauge at the bridge, or at the harbour since somebody moved it there. */
function devicesWith(movedAt: Instant | null): KnownDevices {
  const inventory = {
    areas: [],
    stations: [station('bridge'), station('harbour')],
    devices: [device(movedAt === null ? 'bridge' : 'harbour')],
    former: movedAt === null ? [] : [{ device: device('bridge'), until: movedAt }],
  };
  const metrics = [{ name: 'level_m', names: text, unit: 'm', plausible: { min: -5, max: 60 }, decimals: 2 }];
  return new KnownDevices(
    inventory,
    new Map([['gauge', { id: 'gauge', kind: 'water', names: text, intervalMs: MINUTE_MS, metrics }]]),
  );
}

describe('reconciling after an upgrade from a version without a ledger', () => {
  let folder: string;
  let journal: FileJournalWriter;
  let reader: FileJournalReader;
  let store: DuckDbSeriesStore;
  let records: RecordsDatabase;
  let now: Instant;
  let devices: KnownDevices;

  const receive = (at: Instant, payload: string): Promise<JournalOffset> =>
    journal.append({ kind: 'telemetry', deviceId: 'gauge-1', receivedAt: at, payload: Buffer.from(payload) });
  const level = (ts: Instant, level_m = 1): string => JSON.stringify({ ts, values: { level_m } });
  const read = async (from: JournalOffset, until: JournalOffset | null) =>
    readBatch(from, cutAt(until, await reader.read(from, 4 << 20)), devices, DEFAULT_TIME_WINDOW);

  /** Received a minute apart, from one minute after midnight to another; returns where the last of them ends. */
  async function receiveMinutes(from: number, to: number): Promise<JournalOffset> {
    let end = START;
    for (let minute = from; minute < to; minute += 1)
      end = await receive(MIDNIGHT + minute * MINUTE_MS, level(MIDNIGHT + minute * MINUTE_MS));
    return end;
  }

  async function firstVersion(stored: JournalOffset): Promise<void> {
    const file = new DatabaseSync(join(folder, 'records.sqlite'));
    const kysely = new Kysely<unknown>({ dialect: new NodeSqliteDialect(file, 1_000) });
    const provider = { getMigrations: async () => ({ '0001-first-records': firstRecords }) };
    expect((await new Migrator({ db: kysely, provider }).migrateToLatest()).error).toBeUndefined();
    for (const follower of ['judge', 'store'])
      file.prepare('insert into followers (follower, journal_offset) values (?, ?)').run(follower, stored);
    await kysely.destroy();
    const { readings } = await read(START, stored);
    await (await store.sift(ReadingColumns.of(readings))).store();
  }

  async function thisVersion(head: JournalOffset): Promise<void> {
    records = await openRecords(join(folder, 'records.sqlite'));
    const [checkpoints, ledger] = [new SqlCheckpoints(records), new SqlLedger(records)];
    const log = openLog('processor', { logLevel: 'silent' });
    const quarantine = new SqlQuarantine(records);
    const parts = {
      store,
      checkpoints,
      ledger,
      quarantine,
      window: DEFAULT_TIME_WINDOW,
      clock: { now: () => now },
      log,
    };
    const writer = new StoreWriter({ ...parts, read }, await checkpoints.offset('store'), await ledger.place(), head);
    writer.start();
    await expect.poll(() => (now += MINUTE_MS) > 0 && writer.kept, { timeout: 20_000 }).toBe(head);
    await writer.close();
  }

  const reconciled = (): Promise<Reconciled> =>
    reconcile(
      {
        journal: reader,
        journalIsWhole: true,
        ledger: new SqlLedger(records),
        ledgerDesk: new SqlLedgerDesk(records),
        rows: () => QuarantineRows.read(new SqlQuarantineDesk(records)),
        series: store,
        devices,
        window: DEFAULT_TIME_WINDOW,
        storeOffset: () => new SqlCheckpoints(records).offset('store'),
        wholeMilliseconds: false,
      },
      { from: 0, to: MIDNIGHT * 2, deviceId: null },
    );

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'canh-reconcile-'));
    journal = await FileJournalWriter.open(join(folder, 'journal'));
    reader = new FileJournalReader(join(folder, 'journal'));
    ({ store } = await DuckDbSeriesStore.open(join(folder, 'series')));
    now = MIDNIGHT + 6 * HOUR_MS;
    devices = devicesWith(null);
  });
  afterEach(async () => {
    await store.close();
    await journal.close();
    await reader.close();
    await records.destroy();
    await rm(folder, { recursive: true });
  });

  it('compares the whole hours behind the place where the ledger began, and says since when that is', async () => {
    await firstVersion(await receiveMinutes(0, 150));
    await thisVersion(await receiveMinutes(150, 300));
    expect(await reconciled()).toMatchObject({
      differences: [],
      notes: [],
      hoursCompared: 2,
      booksFrom: MIDNIGHT + 150 * MINUTE_MS,
      devices: [{ messages: 300, stored: 300 }],
    });
  }, 60_000);

  it('still finds a figure that was changed since', async () => {
    await firstVersion(await receiveMinutes(0, 150));
    await thisVersion(await receiveMinutes(150, 300));
    const hour = MIDNIGHT + 3 * HOUR_MS;
    await records.updateTable('ledger').set({ stored: 59 }).where('hour', '=', hour).execute();
    expect((await reconciled()).differences).toMatchObject([{ kind: 'ledger', hours: { first: hour, last: hour } }]);
  }, 60_000);

  it('looks in the store for what came before, and asks for no rows that nobody kept then', async () => {
    await receiveMinutes(0, 60);
    await receive(MIDNIGHT + HOUR_MS, level(MIDNIGHT, 9));
    await receive(MIDNIGHT + HOUR_MS, '{"level_m":');
    await firstVersion(await receiveMinutes(60, 70));
    await thisVersion(await receiveMinutes(120, 180));
    expect(await reconciled()).toMatchObject({ differences: [], booksFrom: MIDNIGHT + 2 * HOUR_MS, hoursCompared: 1 });
    await store.close();
    ({ store } = await DuckDbSeriesStore.open(join(folder, 'empty')));
    expect((await reconciled()).differences).toMatchObject([{ kind: 'not-stored', count: 130 }]);
  }, 60_000);

  it('has all of it in the books where nothing had been stored', async () => {
    await firstVersion(START);
    await thisVersion(await receiveMinutes(0, 60));
    expect(await reconciled()).toMatchObject({ differences: [], booksFrom: null, hoursCompared: 1 });
  }, 60_000);

  it('holds against the ledger what a device counted and nobody received', async () => {
    await firstVersion(START);
    let end = START;
    // 4 comes after all, two hours after its gap; 7 and 8 never do.
    for (const [minute, seq] of [1, 2, 3, 5, 6, 9, 4].entries())
      end = await receive(
        MIDNIGHT + minute * 30 * MINUTE_MS,
        JSON.stringify({ ts: MIDNIGHT + minute * 30 * MINUTE_MS, seq, values: { level_m: 1 } }),
      );
    await thisVersion(end);
    expect(await reconciled()).toMatchObject({ differences: [] });
    const changed = records.updateTable('ledger').set((row) => ({ missing: row('missing', '+', 1) }));
    await changed.where('hour', '=', MIDNIGHT + 2 * HOUR_MS).execute();
    expect((await reconciled()).differences).toMatchObject([
      {
        kind: 'ledger',
        what: ['missing: 2 in the journal, 3 in the ledger'],
        hours: { first: MIDNIGHT + 2 * HOUR_MS, last: MIDNIGHT + 2 * HOUR_MS },
      },
    ]);
  }, 60_000);

  it('looks for the readings of a device that was moved where it stood when they came', async () => {
    await firstVersion(START);
    await thisVersion(await receiveMinutes(0, 90));
    devices = devicesWith(MIDNIGHT + 90 * MINUTE_MS);
    await records.destroy();
    await thisVersion(await receiveMinutes(90, 150));
    expect(await reconciled()).toMatchObject({ differences: [], devices: [{ received: 150, stored: 150 }] });
    const of = (stationId: string) =>
      store.summary({ stationId, metric: 'level_m', from: MIDNIGHT, to: MIDNIGHT + 3 * HOUR_MS });
    expect([(await of('bridge')).count, (await of('harbour')).count]).toEqual([90, 60]);
    devices = devicesWith(MIDNIGHT + 80 * MINUTE_MS);
    expect((await reconciled()).differences).toMatchObject([{ kind: 'not-stored', count: 10 }]);
  }, 60_000);
});
