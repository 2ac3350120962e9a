import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CanhError } from '@canh/core/canh-error';

/**
 * Keeps a second writer out of the folder, in this process or another. The lock is SQLite's own on an empty database: the kernel gives
 * it back when the process dies, however it dies, so there is no stale lock to guess about.
 */
export function lockFolder(directory: string): () => void {
  const database = new DatabaseSync(join(directory, 'writer.lock'));
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
  } catch (cause) {
    database.close();
    throw new CanhError(
      'JOURNAL_LOCKED',
      `Another process of Canh is writing to ${directory}. Stop it, or give this one its own CANH_DATA_DIR.`,
      { cause },
    );
  }
  return () => database.close();
}
