import { DatabaseSync } from 'node:sqlite';
import { CanhError } from '@canh/core/canh-error';

/**
 * Takes `file` for this holder alone, against other processes and other threads, and returns how to give it back. Throws CanhError
 * `LOCKED` where another has it. The lock is SQLite's own on an empty database: the kernel gives it back when the process dies, however
 * it dies, so there is no stale lock to guess about.
 */
export function takeLock(file: string, what: string): () => void {
  const database = new DatabaseSync(file);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
  } catch (cause) {
    database.close();
    throw new CanhError(
      'LOCKED',
      `Another process of Canh is ${what} (${file}). Stop it, or give this one its own CANH_DATA_DIR.`,
      { cause },
    );
  }
  return () => database.close();
}
