import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { SeriesSpan } from '@canh/core/series/series-store';
import type { SeriesAtHand } from './series-at-hand.js';

const AT_ONCE = 10_000;

/** All readings of a span by time, in pieces. Throws where more than 10,000 share one millisecond. */
export async function* storedReadings(
  series: SeriesAtHand['series'],
  span: SeriesSpan,
): AsyncGenerator<readonly FlaggedReading[]> {
  for (let from = span.from; from < span.to;) {
    const found = await series.readings({ ...span, from }, AT_ONCE);
    const last = found.at(-1);
    if (last === undefined) return;
    if (found.length < AT_ONCE) {
      yield found;
      return;
    }
    // Others of the last millisecond may follow: they come whole with the next piece.
    const whole = found.filter(({ measuredAt }) => measuredAt < last.measuredAt);
    if (whole.length === 0) throw new RangeError(`${AT_ONCE} readings of ${span.stationId} ${span.metric} at ${from}`);
    yield whole;
    from = last.measuredAt;
  }
}
