import { HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';
import { noisyStation, ramp, rainStation, type StationModel, type Truth } from './models.js';
import { airTruth, HEIGHT_M, hourOfDay, ordinaryProvince, trafficLoad, weatherTruth } from './ordinary.js';
import { createStory, type Judged } from './story.js';

/** Eight in the evening; the air is bad from half past five. */
const START_HOUR = 20;
const DURATION_MS = 24 * HOUR_MS;
/** Hours of the story: the inversion closes at 22:00 and opens between 09:00 and 12:00; from 05:00 the morning fills it. */
const clock = (hour: number): number => ((hour - START_HOUR + 24) % 24) * HOUR_MS;

interface Place {
  /** What the night adds, and what the morning adds, in µg/m³ of PM2.5. */
  readonly night: number;
  readonly morning: number;
}

const PLACES: Readonly<Record<string, Place>> = {
  'khi-nam-dong-ha': { night: 42, morning: 130 },
  'khi-dong-ha': { night: 38, morning: 96 },
};

function smogTruth({ night, morning }: Place): Truth {
  const ordinary = airTruth(START_HOUR);
  return (atMs) => {
    const closed = ramp(atMs, clock(22), clock(5)) * (1 - ramp(atMs, clock(9), clock(12)));
    const rush = ramp(atMs, clock(5), clock(7.75)) * (1 - ramp(atMs, clock(9), clock(12)));
    const load = trafficLoad(hourOfDay(START_HOUR, atMs));
    const pm25 = 16 + 11 * load * (1 - rush) + 10 * closed + night * closed + morning * rush;
    return {
      ...ordinary(atMs),
      pm25_ugm3: pm25,
      pm10_ugm3: 1.45 * pm25 + 6,
      no2_ugm3: 12 + 26 * load + 55 * rush,
      co_ugm3: 400 + 500 * load + 900 * closed + 1400 * rush,
      o3_ugm3: 30 - 18 * closed + 60 * ramp(atMs, clock(10), clock(13)) * (1 - ramp(atMs, clock(16), clock(19))),
      humidity_pct: 78 + 18 * closed,
    };
  };
}

function stillAir(id: string): StationModel {
  const ordinary = weatherTruth(START_HOUR, HEIGHT_M[id] ?? 0);
  return rainStation(
    id,
    'weather-station',
    () => 0,
    ['rain_mm', 'rain_1h_mm'],
    (atMs) => {
      const closed = ramp(atMs, clock(22), clock(2)) * (1 - ramp(atMs, clock(9), clock(12)));
      const values = ordinary(atMs);
      return {
        ...values,
        wind_speed_ms: (values['wind_speed_ms'] ?? 0) * (1 - 0.8 * closed),
        wind_gust_ms: (values['wind_gust_ms'] ?? 0) * (1 - 0.75 * closed),
        humidity_pct: 78 + 18 * closed,
      };
    },
  );
}

/** The limits of the default rules. */
const JUDGED: readonly Judged[] = Object.keys(PLACES).flatMap((stationId): Judged[] => [
  { stationId, metric: 'pm25_ugm3', direction: 'above', limits: { warning: 80, major: 150, critical: 250 } },
  { stationId, metric: 'pm10_ugm3', direction: 'above', limits: { warning: 250, major: 350, critical: 420 } },
]);

/** An inversion closes over Đông Hà at night; the morning's traffic and fires fill it with dust until the sun opens it. */
export const smog = createStory({
  name: 'smog',
  names: { vi: 'Nghịch nhiệt và khói bụi buổi sáng ở Đông Hà', en: 'Inversion and morning smog in Đông Hà' },
  durationMs: DURATION_MS,
  pace: { speed: 60, lagMs: 150 * MINUTE_MS },
  models: ordinaryProvince(START_HOUR, [
    ...Object.entries(PLACES).map(([id, place]) => noisyStation(id, 'air-quality-station', smogTruth(place))),
    stillAir('thoi-tiet-dong-ha'),
  ]),
  judged: JUDGED,
  critical: { stationId: 'khi-nam-dong-ha', metric: 'pm25_ugm3', limitName: 'warning', holdMs: HOUR_MS },
});
