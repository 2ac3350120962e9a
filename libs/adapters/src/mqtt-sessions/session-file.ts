import { chmodSync, renameSync, rmSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { CanhError } from '@canh/core/canh-error';

const VERSION = 1;
/** https://sqlite.org/rescode.html: SQLITE_CORRUPT, SQLITE_NOTADB. */
const DAMAGED: ReadonlySet<unknown> = new Set([11, 26]);
/** The broker is the only one who opens it; this is for whoever looks at it with another program. */
const WAIT_MS = 2_000;

/** Times are milliseconds, yes and no 1 and 0. A payload is what was handed in, bytes or text. */
const TABLES = `
  create table sessions (
    seq integer primary key, id text not null unique, device_id text not null, standing text not null, idle_ms integer not null
  ) strict;
  create index sessions_by_device on sessions (device_id);
  create table subscriptions (
    seq integer primary key, session_id text not null, topic text not null, qos integer not null, options text not null,
    unique (session_id, topic)
  ) strict;
  create table outgoing (
    seq integer primary key autoincrement, session_id text not null, broker_id text, broker_counter integer, message_id integer,
    cmd text not null, topic text not null, payload any, bytes integer not null, qos integer not null, retain integer not null,
    dup integer not null, expires_at integer
  ) strict;
  create index outgoing_by_session on outgoing (session_id, seq);
  create index outgoing_by_topic on outgoing (topic);
  create table acknowledged (topic text primary key) strict, without rowid;
  create table wills (
    id text primary key, device_id text not null, standing text not null, broker_id text not null, packet text not null, payload any
  ) strict;
  create table retained (topic text primary key, packet text not null, payload any) strict;
`;

/**
 * Opens the sessions, and makes them where there are none. A file that is no database is put beside as `….damaged`: what devices report must
 * come in, whatever became of their sessions. Throws CanhError `SESSIONS_UNOPENABLE`, `SESSIONS_NEWER`.
 */
export function openSessionFile(file: string): { database: DatabaseSync; damaged: string | null } {
  try {
    return { database: open(file), damaged: null };
  } catch (error) {
    if (!isDamage(error)) throw unopenable(file, error);
  }
  const damaged = `${file}.damaged`;
  try {
    renameSync(file, damaged);
    for (const part of ['-wal', '-shm']) rmSync(file + part, { force: true });
    return { database: open(file), damaged };
  } catch (error) {
    throw unopenable(file, error);
  }
}

function open(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: WAIT_MS });
  try {
    if (statSync(file).size === 0) chmodSync(file, 0o600);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216;');
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    if (version > VERSION)
      throw new CanhError(
        'SESSIONS_NEWER',
        `${file} was written by a newer version of Canh. Start that version, or move the file away: devices then begin new sessions.`,
      );
    if (version === 0) database.exec(`BEGIN; ${TABLES} PRAGMA user_version = ${VERSION}; COMMIT;`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && DAMAGED.has(Number(error.errcode) & 0xff);
}

function unopenable(file: string, cause: unknown): unknown {
  if (cause instanceof CanhError) return cause;
  return new CanhError(
    'SESSIONS_UNOPENABLE',
    `The sessions of devices in ${file} cannot be opened (${(cause as Error).message}). Let this user write there, and stop any other program that has it open.`,
    { cause },
  );
}
