import { HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';
import { sampleProvince } from '../province/quang-tri.js';
import { noisyStation, rainStation, shower, type RainDepth, type StationModel } from './models.js';
import { HEIGHT_M, ordinaryProvince, POWER, RIVERS, riverTruth, waterTruth, weatherTruth } from './ordinary.js';
import { createStory, type Judged } from './story.js';

/** Two in the afternoon; the river passes alarm level 1 shortly before midnight. */
const START_HOUR = 14;
const DURATION_MS = 36 * HOUR_MS;

/**
 * What falls: mm in all, the hour of the heaviest rain, its width. Heaviest over the mountains in the west, later and weaker to the east;
 * the ground is full from the days before, so it is enough for this flood.
 */
const RAIN: Readonly<Record<string, RainDepth>> = {
  'mua-khe-sanh': shower(130, 6.0 * HOUR_MS, 0.8 * HOUR_MS),
  'mua-huong-linh': shower(118, 6.3 * HOUR_MS, 0.9 * HOUR_MS),
  'mua-ta-rut': shower(94, 6.2 * HOUR_MS, 1.1 * HOUR_MS),
  'mua-ba-long': shower(80, 7.0 * HOUR_MS, 1.1 * HOUR_MS),
  'mua-ben-quan': shower(42, 7.5 * HOUR_MS, 1.2 * HOUR_MS),
  'mua-my-chanh': shower(45, 8.0 * HOUR_MS, 1.2 * HOUR_MS),
  'thoi-tiet-khe-sanh': shower(126, 6.1 * HOUR_MS, 0.85 * HOUR_MS),
  'thoi-tiet-dong-ha': shower(36, 8.0 * HOUR_MS, 1.2 * HOUR_MS),
};

interface Flood {
  /** When the water begins to rise, and how long it rises. */
  readonly fromHour: number;
  readonly riseHours: number;
  readonly heightM: number;
}

/** The wave goes down the Thạch Hãn: Đakrông, Ba Lòng, Thạch Hãn, Cửa Việt; lower and longer on the way. The other rivers have their own. */
const FLOODS: Readonly<Record<string, Flood>> = {
  dakrong: { fromHour: 5.2, riseHours: 3.2, heightM: 7 },
  'ba-long': { fromHour: 6.3, riseHours: 4.2, heightM: 6.2 },
  'thach-han': { fromHour: 7.6, riseHours: 5, heightM: 5.6 },
  'cua-viet': { fromHour: 9.5, riseHours: 6.5, heightM: 0.9 },
  'dong-ha': { fromHour: 7.2, riseHours: 5.5, heightM: 2.6 },
  'hien-luong': { fromHour: 7.5, riseHours: 6, heightM: 1.35 },
  'hai-tan': { fromHour: 7.6, riseHours: 7, heightM: 1.75 },
};

/** A hydrograph of height 1: slow at first, steep in the middle, a long fall (a gamma curve, as unit hydrographs have it). */
function wave({ fromHour, riseHours }: Flood, atMs: number): number {
  const x = (atMs / HOUR_MS - fromHour) / riseHours;
  return x <= 0 ? 0 : x ** 4 * Math.exp(4 * (1 - x));
}

function models(): StationModel[] {
  const rivers = Object.entries(FLOODS).map(([id, flood]) =>
    noisyStation(
      id,
      'river-gauge',
      riverTruth(id, (atMs) => flood.heightM * wave(flood, atMs)),
    ),
  );
  const gauges = sampleProvince().stations.flatMap(({ id, profileId }) => {
    const depth = RAIN[id];
    if (depth === undefined) return [];
    return profileId === 'rain-gauge'
      ? [rainStation(id, profileId, depth, ['rain_mm', 'rain_1h_mm', 'rain_24h_mm'], POWER)]
      : [rainStation(id, profileId, depth, ['rain_mm', 'rain_1h_mm'], stormyWeather(id, depth))];
  });
  const muddy: Flood = { fromHour: 7.8, riseHours: 4.5, heightM: 0 };
  const clear = waterTruth(START_HOUR);
  const sonde = noisyStation('nuoc-thach-han', 'water-quality-sonde', (atMs) => {
    const mud = wave(muddy, atMs);
    return {
      ...clear(atMs),
      turbidity_ntu: 18 + 960 * mud,
      conductivity_uscm: 118 - 45 * mud,
      dissolved_oxygen_mgl: 6.9 - 0.5 * mud,
    };
  });
  return ordinaryProvince(START_HOUR, [...rivers, ...gauges, sonde]);
}

function stormyWeather(id: string, depth: RainDepth) {
  const ordinary = weatherTruth(START_HOUR, HEIGHT_M[id] ?? 0);
  return (atMs: number) => {
    const values = ordinary(atMs);
    const storm = Math.min(1, (depth(atMs + HOUR_MS) - depth(atMs - HOUR_MS)) / 40);
    return {
      ...values,
      temperature_c: (values['temperature_c'] ?? 0) - 3 * storm,
      humidity_pct: (values['humidity_pct'] ?? 0) * (1 - storm) + 97 * storm,
      wind_speed_ms: (values['wind_speed_ms'] ?? 0) + 4 * storm,
      wind_gust_ms: (values['wind_gust_ms'] ?? 0) + 7 * storm,
      wind_direction_deg: 55,
      solar_radiation_wm2: (values['solar_radiation_wm2'] ?? 0) * (1 - 0.9 * storm),
    };
  };
}

/** The legal alarm levels in force, and the limits of the default rules. */
function judged(): Judged[] {
  const { stations } = sampleProvince();
  const rivers = stations
    .filter(({ id, limits }) => RIVERS[id] !== undefined && limits.length > 0)
    .map(({ id, limits }): Judged => {
      const inForce = limits.filter(({ validTo }) => validTo === null);
      return {
        stationId: id,
        metric: 'level_m',
        direction: 'above',
        limits: Object.fromEntries(inForce.map(({ name, value }) => [name, value])),
      };
    });
  const rain = Object.keys(RAIN).flatMap((stationId): Judged[] => [
    { stationId, metric: 'rain_1h_mm', direction: 'above', limits: { warning: 30, major: 50, critical: 80 } },
    { stationId, metric: 'rain_24h_mm', direction: 'above', limits: { warning: 50, major: 100, critical: 200 } },
  ]);
  const water: Judged = {
    stationId: 'nuoc-thach-han',
    metric: 'turbidity_ntu',
    direction: 'above',
    limits: { warning: 500, major: 1500 },
  };
  return [...rivers, ...rain, water];
}

/** Rain over the mountains in the evening, and a flood that comes down the Thạch Hãn at night: over BĐ1, BĐ2 and BĐ3. */
export const floodNight = createStory({
  name: 'flood-night',
  names: { vi: 'Đêm lũ trên sông Thạch Hãn', en: 'Flood night on the Thạch Hãn' },
  durationMs: DURATION_MS,
  // From BĐ1 to BĐ3 it takes an hour and three quarters; told in a minute and three quarters, then the story has reached the present.
  pace: { speed: 60, lagMs: 150 * MINUTE_MS },
  models: models(),
  judged: judged(),
  critical: { stationId: 'thach-han', metric: 'level_m', limitName: 'alarm_1', holdMs: 10 * MINUTE_MS },
});
