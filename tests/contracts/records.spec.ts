import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as firstRecords from '@canh/adapters/records-sql/migrations/0001-first-records';
import { NodeSqliteDialect } from '@canh/adapters/records-sql/node-sqlite-dialect';
import { openRecords } from '@canh/adapters/records-sql/open-records';
import { keyedHash, loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlAlertDesk } from '@canh/adapters/records-sql/sql-alert-desk';
import { SqlAlertStore } from '@canh/adapters/records-sql/sql-alert-store';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import { SqlCredentialDesk } from '@canh/adapters/records-sql/sql-credential-desk';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { SqlLedger } from '@canh/adapters/records-sql/sql-ledger';
import { SqlLedgerDesk } from '@canh/adapters/records-sql/sql-ledger-desk';
import { SqlOutbox } from '@canh/adapters/records-sql/sql-outbox';
import { SqlQuarantine } from '@canh/adapters/records-sql/sql-quarantine';
import { SqlQuarantineDesk } from '@canh/adapters/records-sql/sql-quarantine-desk';
import { SqlRegistry } from '@canh/adapters/records-sql/sql-registry';
import { DAY_MS } from '@canh/core/time/instant';
import { buildChildren, type Children } from './records.children.js';
import { ledgerSuite } from './records-ledger.suite.js';
import { credentialsSuite } from './records-credentials.suite.js';
import { quarantineSuite } from './records-quarantine.suite.js';
import { recordsSuite } from './records.suite.js';
import { logger, NIGHT, quangTri, raised, thachHan } from './records.story.js';

for (const suite of [recordsSuite, credentialsSuite, quarantineSuite, ledgerSuite])
  suite('SQLite', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'canh-records-'));
    return { address: join(folder, 'records.sqlite'), remove: () => rm(folder, { recursive: true }) };
  });

describe('records in one file of SQLite', () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'canh-records-'));
    file = join(folder, 'data', 'records.sqlite');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('are written through to the disk, checked for references, and read by nobody else', async () => {
    const database = await openRecords(file);
    const pragma = (name: string) => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
    expect(['journal_mode', 'synchronous', 'foreign_keys', 'busy_timeout'].map(pragma)).toEqual(['wal', 2, 1, 5_000]);
    for (const name of await readdir(join(folder, 'data')))
      expect([name, (await stat(join(folder, 'data', name))).mode & 0o777]).toEqual([name, 0o600]);
    await database.destroy();
  });

  it('take back a move that was made under a clock of the future, with the next word of that device', async () => {
    const database = await openRecords(file);
    let now = NIGHT;
    const desk = new SqlInventoryDesk(database, { now: () => now });
    await desk.putArea(quangTri);
    for (const id of [logger.stationId, 'bridge', 'harbour']) await desk.putStation({ ...thachHan, id });
    const move = (stationId: string, at: number) => {
      now = at;
      return desk.putDevice({ ...logger, stationId });
    };
    const former = async () =>
      (await new SqlRegistry(database).inventory()).former!.map(({ device, until }) => [
        device.stationId,
        until - NIGHT,
      ]);
    await move(logger.stationId, NIGHT);
    await move('bridge', NIGHT + 1_000);
    await move('harbour', NIGHT + 10 * 365 * DAY_MS);
    await move('harbour', NIGHT + 5_000);
    expect(await former()).toEqual([
      [logger.stationId, 1_000],
      ['bridge', 5_000],
    ]);
    for (let nth = 0; nth < 120; nth += 1) await move(['bridge', 'harbour'][nth % 2]!, NIGHT + 10_000 + nth);
    expect((await former()).length).toBe(100);
    expect((await former()).at(-1)).toEqual(['bridge', 10_119]);
    await database.destroy();
  });

  it('hold no token that could be read out of the file', async () => {
    const database = await openRecords(file);
    const desk = new SqlInventoryDesk(database);
    await desk.putArea(quangTri);
    await desk.putStation(thachHan);
    await desk.putDevice(logger);
    const token = await new SqlCredentialDesk(database, await loadServerKey(folder)).issue('logger-7');
    await database.destroy();
    const bytes = await readFile(file);
    expect(bytes.includes('logger-7')).toBe(true);
    expect(bytes.includes(token)).toBe(false);
    expect(bytes.includes(Buffer.from(token, 'base64url'))).toBe(false);
  });

  it('let the thread go on while another process writes, and then take their turn', async () => {
    const database = await openRecords(file);
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    let saved: number | null = null;
    const saving = new SqlAlertStore(database)
      .apply([raised('thach-han', NIGHT)], NIGHT)
      .then((count) => (saved = count));
    // Had it waited inside SQLite, this thread would have stood still and never come to let the other one go.
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    expect(saved).toBeNull();
    other.exec('COMMIT');
    await saving;
    expect(saved).toBe(1);
    other.close();
    await database.destroy();
  });

  it('say so when another process never ends its transaction, and work again when it did', async () => {
    const database = await openRecords(file, { waitMs: 50 });
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    const store = new SqlAlertStore(database);
    await expect(store.apply([raised('thach-han', NIGHT)], NIGHT)).rejects.toMatchObject({ code: 'RECORDS_BUSY' });
    expect(await new SqlAlertDesk(database).list('all', 10)).toEqual([]);
    other.exec('COMMIT');
    expect(await store.apply([raised('thach-han', NIGHT)], NIGHT)).toBe(1);
    other.close();
    await database.destroy();
  });

  it('are not changed by a step that a full disk stopped, and take it when there is room', async () => {
    const database = await openRecords(file);
    const quarantine = new SqlQuarantine(database);
    const big = {
      offset: 1,
      part: 0,
      kind: 'telemetry',
      senderId: '',
      deviceId: '',
      receivedAt: NIGHT,
      reason: 'not-json',
      detail: '',
      payload: new Uint8Array(randomBytes(400_000)),
    } as const;
    const pages = Object.values(database.prepare('PRAGMA page_count').get() ?? {})[0];
    database.prepare(`PRAGMA max_page_count = ${Number(pages) + 10}`).get();
    await expect(quarantine.keep([{ ...big, offset: 7, payload: new Uint8Array(1) }, big])).rejects.toMatchObject({
      code: 'RECORDS_UNWRITABLE',
    });
    expect(await new SqlQuarantineDesk(database).counts()).toEqual([]);
    database.prepare('PRAGMA max_page_count = 1000000').get();
    await quarantine.keep([big]);
    const [kept] = await new SqlQuarantineDesk(database).newest({}, 5);
    expect(kept?.offset).toBe(1);
    expect(Buffer.compare(kept?.payload ?? new Uint8Array(), big.payload)).toBe(0);
    await database.destroy();
  });

  it('are not opened where there is something else, or where nothing can be written', async () => {
    const other = join(folder, 'other.sqlite');
    await writeFile(other, randomBytes(10_000));
    await expect(openRecords(folder)).rejects.toMatchObject({ code: 'RECORDS_UNOPENABLE' });
    await expect(openRecords(join(other, 'records.sqlite'))).rejects.toMatchObject({ code: 'RECORDS_UNOPENABLE' });
    await expect(openRecords(other)).rejects.toMatchObject({ code: 'RECORDS_DAMAGED' });
  });

  it('are not opened when pages of them have rotted', async () => {
    await (await openRecords(file)).destroy();
    const bytes = await readFile(file);
    randomBytes(bytes.length - 4_096).copy(bytes, 4_096);
    await writeFile(file, bytes);
    await expect(openRecords(file)).rejects.toMatchObject({ code: 'RECORDS_DAMAGED' });
  });

  it.each([
    ['where the store was, if it was anywhere', { judge: 4_096, store: 2_048 }, 2_048],
    ['at the beginning, if nothing was stored', { judge: 4_096 }, 0],
  ])('of the first version keep what they hold, and begin their ledger %s', async (_, places, expected) => {
    await mkdir(dirname(file));
    const first = new DatabaseSync(file);
    const kysely = new Kysely<unknown>({ dialect: new NodeSqliteDialect(first, 1_000) });
    const provider = { getMigrations: async () => ({ '0001-first-records': firstRecords }) };
    const { error } = await new Migrator({ db: kysely, provider }).migrateToLatest();
    expect(error).toBeUndefined();
    first.exec(`insert into quarantine values (16, 0, 'logger-7', ${NIGHT}, 'not-json', 'why', x'ff00', 2)`);
    first.exec("insert into quarantine_counts values ('not-json', 1)");
    first.exec("update counters set value = 1 where name = 'quarantine-rows'");
    for (const [follower, place] of Object.entries(places))
      first.exec(`insert into followers values ('${follower}', ${place})`);
    await kysely.destroy();

    for (let opening = 0; opening < 2; opening += 1) {
      const database = await openRecords(file);
      const desk = new SqlQuarantineDesk(database);
      expect(await desk.newest({}, 10)).toEqual([
        {
          offset: 16,
          part: 0,
          kind: null,
          senderId: '',
          deviceId: 'logger-7',
          receivedAt: NIGHT,
          reason: 'not-json',
          detail: 'why',
          payload: new Uint8Array([0xff, 0]),
          replayedAt: null,
        },
      ]);
      expect(await desk.requestReplay({})).toBe(0);
      const checkpoints = new SqlCheckpoints(database);
      expect(await checkpoints.offset('judge')).toBe(4_096);
      expect(await checkpoints.offset('store')).toBe(expected);
      // The store may be taken back meanwhile: what it had is not counted for that.
      await checkpoints.rewindStore(0);
      expect(await new SqlLedger(database).place()).toEqual({ offset: expected, begun: [], counts: [] });
      await checkpoints.rewindStore(expected);
      expect(await new SqlLedgerDesk(database).begunAt()).toBe(expected);
      await database.destroy();
    }
    const database = await openRecords(file);
    await new SqlLedger(database).settle({ next: 8_192, lines: [], counts: [], at: NIGHT });
    expect(await new SqlLedgerDesk(database).begunAt()).toBe(expected);
    await database.destroy();
  });

  it('of a version without digests keep what was delivered and what waits, under the same names', async () => {
    await mkdir(dirname(file));
    const old = new DatabaseSync(file);
    const kysely = new Kysely<unknown>({ dialect: new NodeSqliteDialect(old, 1_000) });
    const provider = { getMigrations: async () => ({ '0001-first-records': firstRecords }) };
    expect((await new Migrator({ db: kysely, provider }).migrateToLatest()).error).toBeUndefined();
    const alert = JSON.stringify({ id: 'a', severity: 'warning', worst: 'warning', version: 1 });
    old.exec(`insert into alerts values ('a', 'r', 's', 'active', 'warning', 1, 1, null, 1, '${alert}')`);
    for (const change of [1, 2]) {
      old.exec(
        `insert into alert_events values (${change}, 'a', 'r', 's', 'raised', ${change}, 'warning', null, null, null)`,
      );
      old.exec(`insert into notices values ('n${change}', ${change}, 'a', 'raised', ${NIGHT}, '${alert}', 1)`);
      old.exec(
        `insert into deliveries values ('d${change}', 'n${change}', 0, 'lan', 'Lan', 'email', 'lan@quangtri.example', 'vi', 'warning',
          '${change === 1 ? 'accepted' : 'pending'}', 1, ${change === 1 ? 'null' : NIGHT})`,
      );
      old.exec(
        `insert into attempts values ('d${change}', 1, ${NIGHT}, '${change === 1 ? 'accepted' : 'failed'}', 'ok')`,
      );
    }
    await kysely.destroy();

    const database = await openRecords(file);
    const outbox = new SqlOutbox(database);
    expect(await outbox.ofAlert('a')).toMatchObject([
      { deliveryId: 'd1', digest: false, state: 'accepted', attempts: [{ outcome: { kind: 'accepted' } }] },
      { deliveryId: 'd2', digest: false, state: 'pending', nextAttemptAt: NIGHT },
    ]);
    const [waiting] = await outbox.due(NIGHT, 10, 'email');
    expect(waiting).toMatchObject({ id: 'd2', kind: 'single', notice: { id: 'n2' }, attempts: 1 });
    await outbox.record(
      'd2',
      { at: NIGHT + 1, outcome: { kind: 'accepted', answer: '250' } },
      { state: 'accepted', nextAttemptAt: null },
    );
    expect((await outbox.ofAlert('a'))[1]).toMatchObject({ state: 'accepted', attempts: [{}, {}] });
    expect(database.prepare('pragma foreign_key_check').all()).toEqual([]);
    await database.destroy();
  });

  it('of a newer version are left as they are', async () => {
    await (await openRecords(file)).destroy();
    const newer = new DatabaseSync(file);
    newer.exec("insert into kysely_migration (name, timestamp) values ('9999-later', '2030-01-01T00:00:00.000Z')");
    newer.close();
    await expect(openRecords(file)).rejects.toMatchObject({ code: 'RECORDS_NEWER' });
  });
});

describe('the server key', () => {
  let children: Children;
  let folder: string;

  beforeAll(async () => {
    children = await buildChildren();
  });
  afterAll(() => children.end());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'canh-key-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is made once, for its owner only, and is the same for all who start at once', async () => {
    for (let round = 0; round < 3; round += 1) {
      const dataDir = join(folder, `data-${round}`);
      const starters = Array.from({ length: 6 }, (_, n) =>
        children.start({ kind: 'server-key', dataDir }, n % 2 === 0 ? 'process' : 'thread'),
      );
      await Promise.all(starters.map(({ ready }) => ready));
      for (const starter of starters) starter.say();
      const keys = await Promise.all(starters.map(({ result }) => result));
      expect(new Set(keys).size).toBe(1);
      expect((await loadServerKey(dataDir)).export().toString('hex')).toBe(keys[0]);
      expect(await readdir(dataDir)).toEqual(['server.key']);
      expect(await stat(join(dataDir, 'server.key'))).toMatchObject({ size: 32, mode: 0o100600 });
    }
  });

  it('is not replaced when it is damaged', async () => {
    await writeFile(join(folder, 'server.key'), 'too short');
    await expect(loadServerKey(folder)).rejects.toMatchObject({ code: 'BAD_SERVER_KEY' });
    expect(await readFile(join(folder, 'server.key'), 'utf8')).toBe('too short');
  });

  it('says so where it cannot be kept', async () => {
    await writeFile(join(folder, 'a-file'), '');
    await expect(loadServerKey(join(folder, 'a-file'))).rejects.toMatchObject({ code: 'BAD_SERVER_KEY' });
  });

  it('hashes the same secret differently for another purpose and in another installation', async () => {
    const key = await loadServerKey(folder);
    const other = await loadServerKey(join(folder, 'other'));
    const hashes = [
      keyedHash(key, 'device-token', 'x'),
      keyedHash(key, 'session', 'x'),
      keyedHash(other, 'session', 'x'),
    ];
    expect(new Set(hashes).size).toBe(3);
    expect(keyedHash(key, 'session', 'x')).toBe(hashes[1]);
  });
});
