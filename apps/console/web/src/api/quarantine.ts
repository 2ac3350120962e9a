import type { ReplayQuarantined } from '@canh/contract/commands.dto';
import type { QuarantineView, ReplayRequestedView } from '@canh/contract/views.dto';
import { queryOptions } from '@tanstack/react-query';
import { ask } from './client.js';
import { hourMs } from './ledger.js';

export const quarantineQuery = queryOptions({
  queryKey: ['quarantine'],
  queryFn: ({ signal }) => ask<QuarantineView>('GET', '/api/quarantine', { signal }),
  refetchInterval: 15_000,
});

/** What of a device was quarantined within an hour. */
export const quarantinedInHourQuery = (of: { readonly deviceId: string; readonly hour: number }) =>
  queryOptions({
    queryKey: ['quarantine', of.deviceId, of.hour],
    queryFn: ({ signal }) => {
      const asked = new URLSearchParams({
        deviceId: of.deviceId,
        from: String(of.hour),
        to: String(of.hour + hourMs),
      });
      return ask<QuarantineView>('GET', `/api/quarantine?${asked.toString()}`, { signal });
    },
    refetchInterval: 15_000,
  });

/** Asks for messages to be decoded once more. */
export const requestReplay = (of: ReplayQuarantined): Promise<ReplayRequestedView> =>
  ask('POST', '/api/quarantine/replay', { body: of });
