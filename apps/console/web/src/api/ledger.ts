import type { LedgerReadingsView, LedgerView } from '@canh/contract/views.dto';
import { queryOptions } from '@tanstack/react-query';
import type { Live } from '../live/live.js';
import { ask } from './client.js';

export const ledgerLengths = ['1h', '6h', '24h', '7d'] as const;
/** How far back the ledger goes. */
export type LedgerLength = (typeof ledgerLengths)[number];

export const hourMs = 3_600_000;
const lengthMs: Record<LedgerLength, number> = {
  '1h': hourMs,
  '6h': 6 * hourMs,
  '24h': 24 * hourMs,
  '7d': 168 * hourMs,
};

/** What became of everything from `length` ago until now, of one device or of all. */
export const ledgerQuery = (live: Live, of: { readonly length: LedgerLength; readonly device: string | null }) =>
  queryOptions({
    queryKey: ['ledger', of.length, of.device],
    queryFn: ({ signal }) => {
      const now = Math.ceil(live.now());
      const asked = new URLSearchParams({ from: String(now - lengthMs[of.length]), to: String(now + 1) });
      if (of.device !== null) asked.set('deviceId', of.device);
      return ask<LedgerView>('GET', `/api/ledger?${asked.toString()}`, { signal });
    },
    refetchInterval: 10_000,
  });

/** The stored readings of a device that were received within an hour. */
export const ledgerReadingsQuery = (of: { readonly deviceId: string; readonly hour: number }) =>
  queryOptions({
    queryKey: ['ledger-readings', of.deviceId, of.hour],
    queryFn: ({ signal }) => {
      const asked = new URLSearchParams({ deviceId: of.deviceId, hour: String(of.hour) });
      return ask<LedgerReadingsView>('GET', `/api/ledger/readings?${asked.toString()}`, { signal });
    },
  });
