import type { EventEmitter } from 'node:events';
import type { Client } from 'aedes';

/** Of mqtt-packet's packets. */
interface Packet {
  readonly subscriptions?: unknown[];
  readonly unsubscriptions?: unknown[];
}

/** Calls `exceeded` where one packet of this client names more than `most` filters; Aedes, which hears of it next, gets none of them. */
export function boundFilters(client: Client, most: number, exceeded: (filters: number) => void): void {
  const { _parser: parser } = client as unknown as { readonly _parser: EventEmitter };
  parser.prependListener('packet', ({ subscriptions, unsubscriptions }: Packet) => {
    const filters = subscriptions ?? unsubscriptions;
    // An array for these two kinds of packet alone.
    if (!Array.isArray(filters) || filters.length <= most) return;
    exceeded(filters.length);
    filters.length = 0;
  });
}
