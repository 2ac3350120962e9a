import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import {
  SqliteAdapter,
  SqliteDialect,
  SqliteDriver,
  type DatabaseConnection,
  type SqliteDatabase,
  type SqliteDialectConfig,
  type TransactionSettings,
} from 'kysely';
import { CanhError } from '@canh/core/canh-error';
import { isBusy } from './sqlite-errors.js';

/** Kysely over Node's own SQLite, for a file that several processes write to. */
export class NodeSqliteDialect extends SqliteDialect {
  constructor(
    private readonly database: DatabaseSync,
    private readonly waitMs: number,
  ) {
    super({ database: kyselyView(database) });
  }

  override createDriver(): SqliteDriver {
    return new ImmediateDriver(this.database, this.waitMs, { database: kyselyView(this.database) });
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalDdlAdapter();
  }
}

/** SQLite does roll back CREATE TABLE; with this Kysely's migrations run inside one transaction, so two first openers cannot meet. */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** Between two tries to begin. Short: who writes much leaves others a moment that is only a little longer. */
export const LONGEST_PAUSE_MS = 4;

/**
 * Transactions that write take the write lock before they read. A plain BEGIN would read first and then fail with SQLITE_BUSY_SNAPSHOT,
 * which no waiting cures, whenever another process has written in between.
 */
class ImmediateDriver extends SqliteDriver {
  constructor(
    private readonly database: DatabaseSync,
    private readonly waitMs: number,
    config: SqliteDialectConfig,
  ) {
    super(config);
  }

  override async beginTransaction(_connection: DatabaseConnection, settings?: TransactionSettings): Promise<void> {
    if (settings?.accessMode === 'read only') return this.database.exec('BEGIN');
    const began = performance.now();
    for (let pauseMs = 1; !this.beganImmediately(); pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      if (performance.now() - began >= this.waitMs)
        throw new CanhError(
          'RECORDS_BUSY',
          `Another process has been writing to ${this.database.location() ?? 'the records'} for ${this.waitMs} ms. ` +
            `Try again; if it stays so, look for a process that hangs.`,
        );
      await pause(pauseMs);
    }
  }

  /** SQLite's own waiting would stand the whole thread still, and with it every device that is connected to it. */
  private beganImmediately(): boolean {
    this.database.exec('PRAGMA busy_timeout = 0');
    try {
      this.database.exec('BEGIN IMMEDIATE');
      return true;
    } catch (error) {
      if (isBusy(error)) return false;
      throw error;
    } finally {
      this.database.exec(`PRAGMA busy_timeout = ${this.waitMs}`);
    }
  }

  override async rollbackTransaction(_connection: DatabaseConnection): Promise<void> {
    // A full disk has rolled it back already; a second rollback would hide that error behind its own.
    if (this.database.isTransaction) this.database.exec('ROLLBACK');
  }
}

/** Multi-row inserts have a text for each number of rows, so the statements that are kept need a bound. */
const STATEMENTS_KEPT = 256;

/** The part of the database that Kysely asks for. Prepared statements are kept: parsing one costs more than most of them take to run. */
function kyselyView(database: DatabaseSync): SqliteDatabase {
  const kept = new Map<string, StatementSync>();
  const prepared = (text: string): StatementSync => {
    const known = kept.get(text);
    if (known !== undefined) return known;
    const statement = database.prepare(text);
    if (kept.size >= STATEMENTS_KEPT)
      for (const oldest of kept.keys()) {
        kept.delete(oldest);
        break;
      }
    kept.set(text, statement);
    return statement;
  };
  return {
    close: () => database.close(),
    prepare: (text) => {
      const statement = prepared(text);
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...(parameters as never[])),
        run: (parameters) => statement.run(...(parameters as never[])),
        // A statement that is being walked through cannot serve a second caller.
        iterate: (parameters) => database.prepare(text).iterate(...(parameters as never[])),
      };
    },
  };
}
