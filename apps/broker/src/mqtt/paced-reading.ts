import type { Client } from 'aedes';

/**
 * Lets Aedes read from this client only while `mayRead` says so; otherwise that calls `again` when it does. Aedes waits for what it has
 * read before it reads on, but not where packets come one by one; and its own `pause` loses count of what is under way.
 */
export function paceReading(client: Client, mayRead: (again: () => void) => boolean): void {
  const { conn } = client;
  const read = conn.read.bind(conn) as (size?: number) => unknown;
  const again = (): void => {
    if (!conn.destroyed) conn.emit('readable');
  };
  // The stream itself asks for nothing, to fill its own buffer up to its bound.
  conn.read = (size?: number) => (size === 0 || mayRead(again) ? read(size) : null);
}
