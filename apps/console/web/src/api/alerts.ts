import type { AcknowledgeAlert } from '@canh/contract/commands.dto';
import type { AlertDetailView, AlertView } from '@canh/contract/views.dto';
import { queryOptions } from '@tanstack/react-query';
import type { OpenAlerts } from '../live/live.js';
import { ask } from './client.js';

/** The server tells of no more than this; the newest changes come first. */
const openAtMost = 1_000;

export async function openAlerts(signal: AbortSignal): Promise<OpenAlerts> {
  const alerts = await ask<AlertView[]>('GET', '/api/alerts?which=open', { signal });
  return { alerts, complete: alerts.length < openAtMost };
}

/** One alert with its history, guidance and deliveries. */
export const alertDetailQuery = (id: string) =>
  queryOptions({
    queryKey: ['alert', id],
    queryFn: ({ signal }) => ask<AlertDetailView>('GET', `/api/alerts/${encodeURIComponent(id)}`, { signal }),
    // Deliveries go on without the alert changing.
    refetchInterval: 5_000,
  });

/** Says "seen" of this alert as the officer saw it: its id and its version. */
export const acknowledge = ({ id, version }: { readonly id: string; readonly version: number }): Promise<AlertView> =>
  ask('POST', `/api/alerts/${encodeURIComponent(id)}/acknowledge`, { body: { version } satisfies AcknowledgeAlert });

export const oneAlert = (id: string): Promise<AlertDetailView> => ask('GET', `/api/alerts/${encodeURIComponent(id)}`);
