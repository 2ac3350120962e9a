import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { LiveSeries } from '@canh/core/series/live-series';
import type { Device } from '@canh/core/stations/station';
import { DAY_MS, HOUR_MS, MINUTE_MS, type Instant } from '@canh/core/time/instant';

const MOST_READINGS = 2_000;
/** Of one metric and one span of measuring. */
const MOST_LOOKED_AT = 10_000;
/** Nearly everything was measured shortly before it was received, or by a clock that is a little fast. */
const USUALLY_WITHIN_MS = HOUR_MS;
const AHEAD_MS = 5 * MINUTE_MS;
/** A backlog is looked for day by day, as far back as a device may usually send. */
const BACKLOG_DAYS = 7;

interface Wanted {
  readonly device: Device;
  readonly metrics: readonly string[];
  readonly hour: Instant;
  /** How many there are. */
  readonly stored: number;
}

/**
 * The stored readings of a device that were received within an hour, newest first. The series are in the order of measuring, so they are
 * looked for from the hour backwards until all are found, or as far as is reasonable.
 */
export async function receivedInHour(
  live: LiveSeries,
  { device, metrics, hour, stored }: Wanted,
): Promise<FlaggedReading[]> {
  const enough = Math.min(stored, MOST_READINGS);
  const found: FlaggedReading[] = [];
  let to = hour + HOUR_MS + AHEAD_MS;
  for (let step = 0; step <= BACKLOG_DAYS && found.length < enough; step += 1) {
    const from = hour - USUALLY_WITHIN_MS - step * DAY_MS;
    for (const metric of metrics) {
      const span = { stationId: device.stationId, metric, from, to };
      for (const reading of await live.readings(span, MOST_LOOKED_AT))
        if (reading.deviceId === device.id && reading.receivedAt >= hour && reading.receivedAt < hour + HOUR_MS)
          found.push(reading);
    }
    to = from;
  }
  return found
    .toSorted((a, b) => b.measuredAt - a.measuredAt || b.sequence - a.sequence || (a.metric < b.metric ? -1 : 1))
    .slice(0, MOST_READINGS);
}
