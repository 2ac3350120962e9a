import { once } from 'node:events';
import type { Server } from 'node:net';
import { CanhError } from '@canh/core/canh-error';

/** Why a port cannot be opened, and the way out. `setting` is what the person who starts it can change. */
export function portNotOpen(host: string, port: number, setting: string, cause: unknown): CanhError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const why = code === 'EADDRINUSE' ? 'it is in use by another program' : message;
  return new CanhError(
    'PORT_NOT_OPEN',
    `Port ${port} on ${host} cannot be opened: ${why}. Free it, or set ${setting} to another one.`,
    { cause },
  );
}

/** Listens, or throws CanhError `PORT_NOT_OPEN`. */
export async function openDoor(server: Server, host: string, port: number, setting: string): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw portNotOpen(host, port, setting, cause);
  }
}
