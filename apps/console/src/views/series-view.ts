import type { Alert } from '@canh/core/alerts/alert';
import type { Bucket, SeriesSpan } from '@canh/core/series/series-store';
import type { FiringView, SeriesView } from '@canh/contract/views.dto';
import type { Metric } from '@canh/core/stations/profile';
import type { Station } from '@canh/core/stations/station';
import { limitView } from './station-view.js';

export function seriesView(
  { stationId, metric: name, from, to }: SeriesSpan,
  bucketMs: number,
  { unit, decimals }: Metric,
  station: Station,
  buckets: readonly Bucket[],
  alerts: readonly Alert[],
): SeriesView {
  return {
    stationId,
    metric: name,
    unit,
    decimals,
    from,
    to,
    bucketMs,
    buckets: buckets.map(({ at, min, max, mean, count, flag }) => ({ at, min, max, mean, count, flag })),
    limits: station.limits
      .filter(
        ({ metric, validFrom, validTo }) =>
          metric === name && (validFrom ?? -Infinity) < to && (validTo ?? Infinity) > from,
      )
      .map(limitView),
    firing: alerts.filter(({ evidence }) => evidence.metric === name).map(firingView),
  };
}

const firingView = (alert: Alert): FiringView => ({
  alertId: alert.id,
  severity: alert.worst,
  from: alert.raisedAt,
  to: 'returnedAt' in alert ? alert.returnedAt : null,
});
