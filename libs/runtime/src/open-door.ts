import { once } from 'node:events';
import type { Server } from 'node:net';
import { CanhError } from '@canh/core/canh-error';

/** Connections that the kernel keeps until they are accepted, up to its own limit: of more at one moment, each tries again a second later. */
const BACKLOG = 4_096;

/** Why a port cannot be opened, and the way out. `setting` is what the person who starts it can change. */
export function portNotOpen(host: string, port: number, setting: string, cause: unknown): CanhError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const badHost = code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EINVAL';
  const why = code === 'EADDRINUSE' ? 'it is in use by another program' : message;
  const wayOut = badHost
    ? 'Set CANH_HOST to an address of this machine.'
    : `Free it, or set ${setting} to another one.`;
  return new CanhError('PORT_NOT_OPEN', `Port ${port} on ${host} cannot be opened: ${why}. ${wayOut}`, { cause });
}

/** Listens, or throws CanhError `PORT_NOT_OPEN`. */
export async function openDoor(server: Server, host: string, port: number, setting: string): Promise<void> {
  server.listen({ port, host, backlog: BACKLOG });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw portNotOpen(host, port, setting, cause);
  }
}
