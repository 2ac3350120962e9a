import { HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';
import { noisyStation, ramp, type StationModel, type Truth, type Values } from './models.js';
import { BUSY, cameraTruth, ordinaryProvince } from './ordinary.js';
import { createStory, type Judged } from './story.js';

/** Eight in the morning; the accident is at six minutes past five in the afternoon. */
const START_HOUR = 8;
const DURATION_MS = 14 * HOUR_MS;
const ACCIDENT_MS = 9.1 * HOUR_MS;
const CLEARED_MS = ACCIDENT_MS + 75 * MINUTE_MS;

/** 1 while it lasts: the lanes are blocked at once, and open again in five minutes. */
const blocked = (atMs: number, lateMs = 0): number =>
  ramp(atMs, ACCIDENT_MS + lateMs, ACCIDENT_MS + lateMs + 2 * MINUTE_MS) *
  (1 - ramp(atMs, CLEARED_MS + lateMs, CLEARED_MS + lateMs + 5 * MINUTE_MS));

interface Queue {
  /** When its tail reaches the camera, after the accident, and how long it takes to stand there. */
  readonly afterMs: number;
  readonly growsMs: number;
  /** After the road is clear, until the camera sees the last of it. */
  readonly dissolvedMs: number;
  readonly speedKmh: number;
  readonly occupancyPct: number;
}

/** Cameras before the accident, for those who drive south: the queue reaches one after the other. */
const QUEUES: Readonly<Record<string, Queue>> = {
  'ql1-nam-dong-ha': {
    afterMs: 3 * MINUTE_MS,
    growsMs: 6 * MINUTE_MS,
    dissolvedMs: 25 * MINUTE_MS,
    speedKmh: 6,
    occupancyPct: 64,
  },
  'ql1-cau-dong-ha': {
    afterMs: 16 * MINUTE_MS,
    growsMs: 8 * MINUTE_MS,
    dissolvedMs: 20 * MINUTE_MS,
    speedKmh: 13,
    occupancyPct: 46,
  },
  'ql1-nga-tu-song': {
    afterMs: 38 * MINUTE_MS,
    growsMs: 12 * MINUTE_MS,
    dissolvedMs: 12 * MINUTE_MS,
    speedKmh: 27,
    occupancyPct: 26,
  },
};

const ordinary = (stationId: string, factor = 1): Truth => cameraTruth(START_HOUR, factor * (BUSY[stationId] ?? 0.7));
const mix = (normal: number | undefined, jammed: number, part: number): number =>
  (normal ?? 0) * (1 - part) + jammed * part;

function inQueue(stationId: string, queue: Queue): StationModel {
  const normal = ordinary(stationId);
  return noisyStation(stationId, 'counting-camera', (atMs): Values => {
    const from = ACCIDENT_MS + queue.afterMs;
    const part = ramp(atMs, from, from + queue.growsMs) * (1 - ramp(atMs, CLEARED_MS, CLEARED_MS + queue.dissolvedMs));
    const values = normal(atMs);
    return {
      ...values,
      vehicles_count: (values['vehicles_count'] ?? 0) * (1 - 0.65 * part),
      // Motorcycles find their way between the cars.
      motorcycles_count: (values['motorcycles_count'] ?? 0) * (1 - 0.35 * part),
      speed_kmh: mix(values['speed_kmh'], queue.speedKmh, part),
      occupancy_pct: mix(values['occupancy_pct'], queue.occupancyPct, part),
    };
  });
}

/** Behind the accident the road empties, and what is left runs freely. */
function behind(stationId: string, lateMs: number, left: number): StationModel {
  const normal = ordinary(stationId);
  return noisyStation(stationId, 'counting-camera', (atMs): Values => {
    const part = blocked(atMs, lateMs);
    const values = normal(atMs);
    const share = 1 - (1 - left) * part;
    return {
      ...values,
      vehicles_count: (values['vehicles_count'] ?? 0) * share,
      motorcycles_count: (values['motorcycles_count'] ?? 0) * share,
      speed_kmh: mix(values['speed_kmh'], 54, part),
      occupancy_pct: (values['occupancy_pct'] ?? 0) * share,
    };
  });
}

/** Some turn off to QL9 once the queue stands at the bridge. */
function detour(stationId: string): StationModel {
  const [normal, busier] = [ordinary(stationId), ordinary(stationId, 1.25)];
  return noisyStation(stationId, 'counting-camera', (atMs) =>
    atMs > ACCIDENT_MS + 15 * MINUTE_MS && atMs < CLEARED_MS + 20 * MINUTE_MS ? busier(atMs) : normal(atMs),
  );
}

/** The limits of the default rules. */
const JUDGED: readonly Judged[] = Object.keys(QUEUES).flatMap((stationId): Judged[] => [
  { stationId, metric: 'speed_kmh', direction: 'below', limits: { warning: 20, major: 10, critical: 3 } },
  { stationId, metric: 'occupancy_pct', direction: 'above', limits: { warning: 30, major: 50 } },
]);

/** An accident on QL1 between Đông Hà and Ái Tử in the evening peak: the road behind it empties, the queue before it grows into the town. */
export const jam = createStory({
  name: 'jam',
  names: { vi: 'Tai nạn trên QL1, ùn tắc vào Đông Hà', en: 'Accident on QL1, queue into Đông Hà' },
  durationMs: DURATION_MS,
  pace: { speed: 10, lagMs: 20 * MINUTE_MS },
  models: ordinaryProvince(START_HOUR, [
    ...Object.entries(QUEUES).map(([id, queue]) => inQueue(id, queue)),
    behind('ql1-ai-tu', 0, 0.2),
    detour('ql9-nga-ba-dong-ha'),
  ]),
  judged: JUDGED,
  critical: { stationId: 'ql1-nam-dong-ha', metric: 'speed_kmh', limitName: 'warning', holdMs: 5 * MINUTE_MS },
});
