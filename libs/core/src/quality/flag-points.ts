import { timeFault, type TimeWindow } from '../readings/accept-time.js';
import type { Fault, Point } from '../readings/decode-telemetry.js';
import { seriesOf, type KnownDevice, type KnownMetric } from '../stations/known-devices.js';
import type { Metric } from '../stations/profile.js';
import type { Instant } from '../time/instant.js';
import { grossRange } from './gross-range.js';
import type { PlainTelemetry } from './plain-telemetry.js';
import type { ReadingColumns } from './reading-columns.js';

/**
 * Makes readings of a device's points, each with its flag, and adds them to `readings`; what can be none goes to `faults`. A point's time is to
 * fit when its message was received, or when that was handed in again: the server's own clock may have been wrong the first time.
 */
export function flagPoints(
  known: KnownDevice,
  points: readonly Point[],
  receivedAt: Instant,
  handedInAt: Instant,
  window: TimeWindow,
  readings: ReadingColumns,
  faults: Fault[],
  inUnitAlready = false,
): void {
  const { device, metrics } = known;
  for (const { measuredAt, seq, values } of points) {
    const late = timeFault(measuredAt, receivedAt, window);
    if (late !== null && (handedInAt === receivedAt || timeFault(measuredAt, handedInAt, window) !== null)) {
      faults.push(late);
      continue;
    }
    const sequence = seq === null ? 0 : seq % 1000;
    for (const [name, sent] of values) {
      const metric = metrics.get(name);
      if (metric === undefined) {
        faults.push({ reason: 'unknown-metric', detail: `${name} is not a metric of profile ${device.profileId}` });
        continue;
      }
      const value = inUnitAlready ? sent : inUnit(sent, metric);
      const flag = grossRange(value, metric.plausible, metric.expected);
      readings.add(seriesOf(known, metric), value, measuredAt, sequence, receivedAt, flag);
    }
  }
}

/** As `flagPoints`, of a payload that is plain; false, with nothing added, where its time does not fit. */
export function flagPlain(
  known: KnownDevice,
  plain: PlainTelemetry<KnownMetric>,
  receivedAt: Instant,
  window: TimeWindow,
  readings: ReadingColumns,
): boolean {
  const measuredAt = plain.ts ?? receivedAt;
  if (timeFault(measuredAt, receivedAt, window) !== null) return false;
  const sequence = (plain.seq ?? 0) % 1000;
  for (let nth = 0; nth < plain.count; nth += 1) {
    const metric = plain.metric(nth);
    const value = inUnit(plain.values[nth]!, metric);
    const flag = grossRange(value, metric.plausible, metric.expected);
    readings.add(seriesOf(known, metric), value, measuredAt, sequence, receivedAt, flag);
  }
  return true;
}

/** What was sent, in the unit of its metric. */
function inUnit(sent: number, { fromSent }: Metric): number {
  return fromSent === undefined ? sent : (sent + fromSent.add) * fromSent.times - fromSent.less;
}
