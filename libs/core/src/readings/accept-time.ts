import { DAY_MS, MINUTE_MS, type Instant } from '../time/instant.js';
import type { Fault } from './decode-telemetry.js';

/** How far from the time received a reading's own time may be. */
export interface TimeWindow {
  readonly pastMs: number;
  readonly futureMs: number;
  /** A reading that was measured longer before it was received is late: stored and judged like any other, and counted as late. */
  readonly lateMs: number;
}

/** A week covers a logger that was cut off; five minutes, a clock that is set by hand; a quarter of an hour, a slow interval. */
export const DEFAULT_TIME_WINDOW: TimeWindow = { pastMs: 7 * DAY_MS, futureMs: 5 * MINUTE_MS, lateMs: 15 * MINUTE_MS };

/** Null when the time is acceptable; both bounds belong to the window. A clock gone wild must not move a rule's time. */
export function timeFault(measuredAt: Instant, receivedAt: Instant, window: TimeWindow): Fault | null {
  if (measuredAt < receivedAt - window.pastMs)
    return {
      reason: 'too-old',
      detail: `measured ${Math.round((receivedAt - measuredAt) / DAY_MS)} days before it was received, at most ${window.pastMs / DAY_MS} are accepted`,
    };
  if (measuredAt > receivedAt + window.futureMs)
    return {
      reason: 'in-the-future',
      detail: `measured ${Math.round((measuredAt - receivedAt) / MINUTE_MS)} minutes after it was received, at most ${window.futureMs / MINUTE_MS} are accepted`,
    };
  return null;
}
