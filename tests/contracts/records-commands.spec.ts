import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as firstRecords from '@canh/adapters/records-sql/migrations/0001-first-records';
import * as ledger from '@canh/adapters/records-sql/migrations/0002-ledger';
import * as formerDevices from '@canh/adapters/records-sql/migrations/0003-former-devices';
import * as mqttCommands from '@canh/adapters/records-sql/migrations/0004-mqtt-commands';
import * as deviceCredentials from '@canh/adapters/records-sql/migrations/0005-device-credentials';
import { NodeSqliteDialect } from '@canh/adapters/records-sql/node-sqlite-dialect';
import { openRecords } from '@canh/adapters/records-sql/open-records';
import { SqlCommandDesk, SqlCommandQueue } from '@canh/adapters/records-sql/sql-device-commands';
import { DAY_MS } from '@canh/core/time/instant';
import { NIGHT } from './records.story.js';

const BEFORE_GATEWAYS = {
  '0001-first-records': firstRecords,
  '0002-ledger': ledger,
  '0003-former-devices': formerDevices,
  '0004-mqtt-commands': mqttCommands,
  '0005-device-credentials': deviceCredentials,
};

describe('commands in the records', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'canh-commands-'));
    file = join(folder, 'records.sqlite');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('that were sent before gateways could be told are known to have gone to their device', async () => {
    const older = new DatabaseSync(file);
    const kysely = new Kysely<unknown>({ dialect: new NodeSqliteDialect(older, 1_000) });
    const { error } = await new Migrator({
      db: kysely,
      provider: { getMigrations: async () => BEFORE_GATEWAYS },
    }).migrateToLatest();
    expect(error).toBeUndefined();
    older.exec('PRAGMA foreign_keys = OFF');
    older.exec("insert into devices (id, name, station_id, profile_id, gateway_id) values ('d', 'd', 's', 'p', 'g')");
    const insert = older.prepare(
      "insert into device_commands values (?, 'd', 'm', '{}', 'x', 1, 2, ?, ?, null, null, null)",
    );
    insert.run(1, 'sent', NIGHT);
    insert.run(2, 'waiting', null);
    await kysely.destroy();

    const database = await openRecords(file);
    expect(await new SqlCommandQueue(database).open(0, 10)).toMatchObject([
      { id: 1, state: 'sent', sentThrough: 'd', gateway: { id: 'g', deviceName: 'd' } },
      { id: 2, state: 'waiting', sentThrough: null },
    ]);
    await database.destroy();
  });

  it('are kept for thirty days at most', async () => {
    const database = await openRecords(file);
    const desk = new SqlCommandDesk(database);
    const command = { deviceId: 'd', method: 'm', params: '{}', by: 'x' };
    await expect(desk.send({ ...command, expiresAt: NIGHT + 30 * DAY_MS + 1 }, NIGHT)).rejects.toMatchObject({
      code: 'BAD_COMMAND',
      message: expect.stringContaining('30 days') as string,
    });
    await expect(desk.send({ ...command, expiresAt: NIGHT + 30 * DAY_MS }, NIGHT)).rejects.toMatchObject({
      code: 'UNKNOWN_DEVICE',
    });
    await database.destroy();
  });
});
