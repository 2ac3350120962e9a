import { DatabaseSync } from 'node:sqlite';
import { CanhError } from '@canh/core/canh-error';

const SQLITE_BUSY = 5;

/** One that nobody refers to would be collected, and its lock given back. */
const heldHere = new Set<DatabaseSync>();

/**
 * Takes `file` for this holder alone, against other processes and other threads, and returns how to give it back. Throws CanhError
 * `LOCKED` where another has it, `DATA_DIR_UNWRITABLE` where it cannot be opened. The lock is SQLite's own on an empty database: the kernel gives it back when the process dies, however
 * it dies, so there is no stale lock to guess about.
 */
export function takeLock(file: string, what: string): () => void {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
  } catch (cause) {
    database?.close();
    if ((cause as { errcode?: number }).errcode !== SQLITE_BUSY)
      throw new CanhError(
        'DATA_DIR_UNWRITABLE',
        `${file} cannot be opened (${(cause as Error).message}). Give CANH_DATA_DIR a folder that this user may write.`,
        { cause },
      );
    throw new CanhError(
      'LOCKED',
      `Another process of Canh is ${what} (${file}). Stop it, or give this one its own CANH_DATA_DIR.`,
      { cause },
    );
  }
  const held = database;
  heldHere.add(held);
  return () => {
    heldHere.delete(held);
    held.close();
  };
}
