import type { Alert, AlertEvent } from '@canh/core/alerts/alert';
import type { Bucket, SeriesSpan } from '@canh/core/series/series-store';
import type { FiringView, SeriesView, SeverityStepView } from '@canh/contract/views.dto';
import type { Metric } from '@canh/core/stations/profile';
import type { Station } from '@canh/core/stations/station';
import { limitView } from './station-view.js';

/** An alert, and its history where that may tell of another severity than its worst. */
export interface Fired {
  readonly alert: Alert;
  readonly history: readonly AlertEvent[];
}

export function seriesView(
  { stationId, metric: name, from, to }: SeriesSpan,
  bucketMs: number,
  { unit, decimals }: Metric,
  station: Station,
  buckets: readonly Bucket[],
  fired: readonly Fired[],
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
    firing: fired.map(firingView),
  };
}

const firingView = ({ alert, history }: Fired): FiringView => ({
  alertId: alert.id,
  severity: alert.worst,
  since: alert.since,
  from: alert.raisedAt,
  to: 'returnedAt' in alert ? alert.returnedAt : null,
  steps: stepsOf(alert, history),
});

function stepsOf({ worst, raisedAt }: Alert, history: readonly AlertEvent[]): SeverityStepView[] {
  const steps = history
    .filter(({ kind }) => kind === 'raised' || kind === 'severity-changed')
    .map(({ at, severity }) => ({ at, severity }));
  // Of a very long history the beginning is not told: until the first step that is, the alert was no worse than its worst.
  return steps[0]?.at === raisedAt ? steps : [{ at: raisedAt, severity: worst }, ...steps];
}
