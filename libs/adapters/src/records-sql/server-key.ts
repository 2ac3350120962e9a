import { createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { CanhError } from '@canh/core/canh-error';

/** The secret of one installation. Without it the hashes in the records are worth nothing to a thief, and tokens cannot be checked. */
export type ServerKey = KeyObject;

const KEY_BYTES = 32;

/**
 * The key in `server.key` of the data folder; makes it where there is none. Processes that start at once get the same one.
 * Rejects with CanhError `BAD_SERVER_KEY`.
 */
export async function loadServerKey(dataDir: string): Promise<ServerKey> {
  const file = join(dataDir, 'server.key');
  try {
    return (await keyIn(file)) ?? (await made(dataDir, file));
  } catch (cause) {
    if (cause instanceof CanhError) throw cause;
    throw new CanhError(
      'BAD_SERVER_KEY',
      `The server key ${file} can be neither read nor made (${(cause as Error).message}). Let this user read and write that folder.`,
      { cause },
    );
  }
}

/** What is kept of a secret that somebody else holds. A hash for one purpose never matches one for another. */
export function keyedHash(
  key: ServerKey,
  purpose: 'device-token' | 'device-password' | 'session',
  secret: string,
): string {
  return createHmac('sha256', key).update(`${purpose}:${secret}`).digest('base64url');
}

async function keyIn(file: string): Promise<ServerKey | null> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (bytes === null) return null;
  if (bytes.length !== KEY_BYTES)
    throw new CanhError(
      'BAD_SERVER_KEY',
      `${file} has ${bytes.length} bytes where a server key has ${KEY_BYTES}. Restore it from a backup; with a new one every device needs a new token.`,
    );
  return createSecretKey(bytes);
}

/** Written whole beside its place and then linked there, which only one process can do. */
async function made(dataDir: string, file: string): Promise<ServerKey> {
  await mkdir(dataDir, { recursive: true });
  const draft = `${file}.${randomBytes(8).toString('hex')}`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(randomBytes(KEY_BYTES));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(draft, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await unlink(draft).catch(() => undefined);
  }
  await syncFolder(dataDir);
  const key = await keyIn(file);
  if (key === null)
    throw new CanhError('BAD_SERVER_KEY', `${file} was made and is gone again. Look for what empties that folder.`);
  return key;
}

/** A name in a folder outlives a power cut only when the folder was synced too. */
async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder, and does not need to.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
