import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { Limit } from '@canh/core/stations/limit';
import type { LatestValueView, LimitView, StationView } from '@canh/contract/views.dto';
import type { KnownStation } from '../directory.js';
import { textView } from './local-text-view.js';

export function stationView(
  { station, profile, areaNames, metrics }: KnownStation,
  latest: readonly FlaggedReading[],
): StationView {
  const { id, names, ownerUnit, position, limits } = station;
  return {
    id,
    names: textView(names),
    kind: profile.kind,
    areaNames: textView(areaNames),
    ownerUnit,
    latitude: position.latitude,
    longitude: position.longitude,
    profileId: profile.id,
    intervalMs: profile.intervalMs,
    metrics: metrics.map((metric) => ({
      name: metric.name,
      names: textView(metric.names),
      unit: metric.unit,
      decimals: metric.decimals,
    })),
    limits: limits.map(limitView),
    latest: latest.map(latestView),
  };
}

export const latestView = ({ metric, value, flag, measuredAt, receivedAt }: FlaggedReading): LatestValueView => ({
  metric,
  value,
  flag,
  measuredAt,
  receivedAt,
});

export const limitView = ({ name, metric, value, validFrom, validTo, document }: Limit): LimitView => ({
  name,
  metric,
  value,
  validFrom,
  validTo,
  document,
});

/** Readings by their station, in the order in which stations first appear. */
export function byStation(readings: readonly FlaggedReading[]): Map<string, FlaggedReading[]> {
  const stations = new Map<string, FlaggedReading[]>();
  for (const reading of readings) {
    const known = stations.get(reading.stationId);
    if (known === undefined) stations.set(reading.stationId, [reading]);
    else known.push(reading);
  }
  return stations;
}
