import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { Kysely, type Transaction } from 'kysely';
import { Migrator } from 'kysely/migration';
import { CanhError } from '@canh/core/canh-error';
import * as firstRecords from './migrations/0001-first-records.js';
import * as ledger from './migrations/0002-ledger.js';
import * as formerDevices from './migrations/0003-former-devices.js';
import * as mqttCommands from './migrations/0004-mqtt-commands.js';
import * as deviceCredentials from './migrations/0005-device-credentials.js';
import * as commandGateways from './migrations/0006-command-gateways.js';
import * as digests from './migrations/0007-digests.js';
import * as confirmations from './migrations/0008-confirmations.js';
import { NodeSqliteDialect } from './node-sqlite-dialect.js';
import type { Schema } from './schema.js';
import { isBusy, primaryCode, SQLITE } from './sqlite-errors.js';

/** In the order of their names; one that was released is never changed. */
const MIGRATIONS = {
  '0001-first-records': firstRecords,
  '0002-ledger': ledger,
  '0003-former-devices': formerDevices,
  '0004-mqtt-commands': mqttCommands,
  '0005-device-credentials': deviceCredentials,
  '0006-command-gateways': commandGateways,
  '0007-digests': digests,
  '0008-confirmations': confirmations,
};

/** The records of one data folder, over one connection. Every thread and process opens its own. */
export class RecordsDatabase extends Kysely<Schema> {
  constructor(
    readonly file: string,
    private readonly sqlite: DatabaseSync,
    waitMs: number,
  ) {
    super({ dialect: new NodeSqliteDialect(sqlite, waitMs) });
  }

  /** One transaction that writes: all of it or nothing, one at a time over all processes. Use only `transaction` inside, or it waits for itself. */
  async write<Result>(work: (transaction: Transaction<Schema>) => Promise<Result>): Promise<Result> {
    try {
      return await this.transaction().execute(work);
    } catch (error) {
      throw unwritable(this.file, error) ?? error;
    }
  }

  /** Several reads of the same moment, whoever writes meanwhile. */
  readTogether<Result>(work: (snapshot: Transaction<Schema>) => Promise<Result>): Promise<Result> {
    return this.transaction().setAccessMode('read only').setIsolationLevel('repeatable read').execute(work);
  }

  /** A statement for a question that cannot wait for a promise. */
  prepare(text: string): StatementSync {
    return this.sqlite.prepare(text);
  }
}

function unwritable(file: string, cause: unknown): CanhError | null {
  const code = primaryCode(cause);
  if (code === SQLITE.full || code === SQLITE.io || code === SQLITE.readOnly || code === SQLITE.cannotOpen)
    return new CanhError(
      'RECORDS_UNWRITABLE',
      `The records in ${file} cannot be written (${(cause as Error).message}). ` +
        `Make room on that disk and let this user write there; nothing of this step was saved.`,
      { cause },
    );
  if (code === SQLITE.busy)
    return new CanhError('RECORDS_BUSY', `Another process does not stop writing to ${file}. Look for one that hangs.`, {
      cause,
    });
  return null;
}

/** As long as one process waits for another's transaction before it gives up. */
const WAIT_MS = 5_000;

/**
 * Opens the records and brings their tables up to date; creates them where there are none. Any number of threads and processes may do
 * this at once. Rejects with CanhError `RECORDS_UNOPENABLE`, `RECORDS_DAMAGED`, `RECORDS_NEWER` or `RECORDS_BUSY`.
 */
export async function openRecords(
  file: string,
  { waitMs = WAIT_MS }: { waitMs?: number } = {},
): Promise<RecordsDatabase> {
  const connection = await connect(file, waitMs);
  const database = new RecordsDatabase(file, connection, waitMs);
  try {
    await migrate(database);
    return database;
  } catch (error) {
    if (connection.isOpen) connection.close();
    throw error;
  }
}

async function connect(file: string, waitMs: number): Promise<DatabaseSync> {
  const began = performance.now();
  for (;;) {
    let connection: DatabaseSync | undefined;
    try {
      mkdirSync(dirname(file), { recursive: true });
      connection = new DatabaseSync(file, { enableForeignKeyConstraints: true, timeout: waitMs });
      // It holds password hashes. By name and never by a handle of our own: closing one would drop the locks of this process's other connections.
      if (statSync(file).size === 0) chmodSync(file, 0o600);
      connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;');
      return connection;
    } catch (error) {
      connection?.close();
      // Several first openers turn the write-ahead log on at once; SQLite does not wait for that lock by itself.
      if (!isBusy(error)) throw unopenable(file, error);
      if (performance.now() - began >= waitMs) throw unwritable(file, error) ?? error;
      await pause(5);
    }
  }
}

function unopenable(file: string, cause: unknown): CanhError {
  const why = (cause as Error).message;
  return (
    damaged(file, cause) ??
    new CanhError(
      'RECORDS_UNOPENABLE',
      `The records in ${file} cannot be opened (${why}). Let this user write to that folder, or name another.`,
      { cause },
    )
  );
}

function damaged(file: string, cause: unknown): CanhError | null {
  const code = primaryCode(cause);
  if (code !== SQLITE.notADatabase && code !== SQLITE.corrupt) return null;
  const why = (cause as Error).message;
  return new CanhError(
    'RECORDS_DAMAGED',
    `${file} is not a database that can be read (${why}). Put it aside and restore a backup.`,
    { cause },
  );
}

async function migrate(database: RecordsDatabase): Promise<void> {
  await database.write(async (transaction) => {
    const provider = { getMigrations: async () => MIGRATIONS };
    const { error, results } = await new Migrator({ db: transaction, provider }).migrateToLatest();
    if (error === undefined) return;
    // What SQLite itself says of the file comes before what Kysely makes of it.
    if (error instanceof Error && primaryCode(error) !== undefined) throw damaged(database.file, error) ?? error;
    const failed = results?.find(({ status }) => status === 'Error');
    if (failed === undefined)
      throw new CanhError(
        'RECORDS_NEWER',
        `${database.file} was written by a newer version of Canh. Start that version, or restore a backup that this one made.`,
        { cause: error },
      );
    // Thrown here, so that what the earlier steps did is rolled back too.
    throw new CanhError(
      'RECORDS_MIGRATION_FAILED',
      `${database.file} could not be brought up to date: step ${failed.migrationName} failed. It is as it was; start the version that wrote it, and report this.`,
      { cause: error },
    );
  });
}
