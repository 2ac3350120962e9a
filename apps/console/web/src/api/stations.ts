import type { SeriesView, StationView } from '@canh/contract/views.dto';
import { queryOptions } from '@tanstack/react-query';
import type { Live } from '../live/live.js';
import { ask } from './client.js';

/** Stations as they are registered; their newest values go to `live`, which keeps them fresh. */
export const stationsQuery = (live: Live) =>
  queryOptions({
    queryKey: ['stations'],
    queryFn: async ({ signal }) => {
      const stations = await ask<StationView[]>('GET', '/api/stations', { signal });
      live.heardStations(stations);
      return stations;
    },
    refetchInterval: 60_000,
  });

export const periods = ['6h', '24h', '7d'] as const;
export type Period = (typeof periods)[number];

const hourMs = 3_600_000;
export const periodMs: Record<Period, number> = { '6h': 6 * hourMs, '24h': 24 * hourMs, '7d': 168 * hourMs };

/** Enough for one point every two pixels of the widest chart. */
const steps = 360;

/** One metric of one station from `period` ago until now. */
export const seriesQuery = (
  live: Live,
  of: { readonly stationId: string; readonly metric: string; readonly period: Period },
) =>
  queryOptions({
    queryKey: ['series', of.stationId, of.metric, of.period],
    queryFn: ({ signal }) => {
      const to = Math.ceil(live.now() / 1_000) * 1_000;
      const asked = new URLSearchParams({
        metric: of.metric,
        from: String(to - periodMs[of.period]),
        to: String(to),
        steps: String(steps),
      });
      return ask<SeriesView>('GET', `/api/stations/${encodeURIComponent(of.stationId)}/series?${asked.toString()}`, {
        signal,
      });
    },
    refetchInterval: 60_000,
    // Another period of the same metric replaces the drawing when it is there; another metric must not be taken for this one.
    placeholderData: (previous, query) =>
      query?.queryKey[1] === of.stationId && query.queryKey[2] === of.metric ? previous : undefined,
  });
