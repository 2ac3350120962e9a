import { CanhError } from '@canh/core/canh-error';
import { HOUR_MS } from '@canh/core/time/instant';
import { sampleProvince } from '../province/quang-tri.js';
import { hash32 } from '../random.js';
import {
  bell,
  noisyStation,
  rainStation,
  shower,
  type RainDepth,
  type StationModel,
  type Truth,
  type Values,
} from './models.js';

/** Battery and radio of a station on solar power. */
export const POWER = (atMs: number): Values => ({
  battery_v: 12.8 + 0.25 * Math.sin((2 * Math.PI * atMs) / (24 * HOUR_MS)),
  rssi_dbm: -86,
});

/** Metres above datum on an ordinary day, and how much of the tide a gauge sees. */
export const RIVERS: Readonly<
  Record<string, { readonly levelM: number; readonly tideM: number; readonly ratingM3s: number | null }>
> = {
  dakrong: { levelM: 21.3, tideM: 0, ratingM3s: 38 },
  'ba-long': { levelM: 8.4, tideM: 0, ratingM3s: 45 },
  'thach-han': { levelM: 0.9, tideM: 0.04, ratingM3s: 60 },
  'cua-viet': { levelM: 0.1, tideM: 0.35, ratingM3s: null },
  'dong-ha': { levelM: 0.4, tideM: 0.22, ratingM3s: null },
  'hien-luong': { levelM: 0.25, tideM: 0.18, ratingM3s: null },
  'hai-tan': { levelM: 0.7, tideM: 0.03, ratingM3s: 28 },
};

/** The tide off Cửa Việt: mostly twice a day, unequal. */
export function tide(atMs: number): number {
  const hours = atMs / HOUR_MS;
  return 0.75 * Math.cos((2 * Math.PI * hours) / 12.42) + 0.25 * Math.cos((2 * Math.PI * hours) / 23.93 + 1);
}

/** Of a river gauge: `riseM` is what a flood adds. */
export function riverTruth(stationId: string, riseM: (atMs: number) => number): Truth {
  const river = RIVERS[stationId];
  if (river === undefined)
    throw new CanhError('UNKNOWN_STATION', `No river is known at ${stationId}. Add it to RIVERS.`);
  return (atMs) => {
    const rise = riseM(atMs);
    // A flood drowns the tide.
    const level = river.levelM + rise + (river.tideM * tide(atMs)) / (1 + Math.max(0, rise));
    const flow = river.ratingM3s === null ? {} : { flow_m3s: river.ratingM3s * (1 + 1.4 * Math.max(0, rise)) ** 1.6 };
    return { level_m: level, ...flow, ...POWER(atMs) };
  };
}

/** Hour of the local day, 0…24. */
export const hourOfDay = (startHour: number, atMs: number): number => (startHour + atMs / HOUR_MS) % 24;

/** Of the sun, 0 at night to 1 at noon. */
export function sunlight(hour: number): number {
  return Math.max(0, Math.sin((Math.PI * (hour - 5.5)) / 12.5));
}

/** Of traffic, about 0.05 at night to 1 in the evening peak. */
export function trafficLoad(hour: number): number {
  return (
    0.05 +
    0.75 * bell(hour, 7.2, 1.3) +
    0.45 * bell(hour, 11.5, 2.4) +
    0.9 * bell(hour, 17.1, 1.6) +
    0.25 * bell(hour, 20, 2)
  );
}

/** Of an air-quality station on a clean day. */
export function airTruth(startHour: number, pollution = 1): Truth {
  return (atMs) => {
    const hour = hourOfDay(startHour, atMs);
    const load = trafficLoad(hour);
    const pm25 = pollution * (16 + 11 * load);
    return {
      pm25_ugm3: pm25,
      pm10_ugm3: 1.55 * pm25 + 4,
      no2_ugm3: pollution * (10 + 26 * load),
      so2_ugm3: pollution * 9,
      co_ugm3: pollution * (380 + 520 * load),
      o3_ugm3: 30 + 55 * sunlight(hour),
      temperature_c: temperature(hour),
      humidity_pct: humidity(hour),
      pressure_hpa: pressure(hour),
      battery_v: 13.4,
      rssi_dbm: -78,
    };
  };
}

const temperature = (hour: number): number => 24.5 + 4 * Math.cos((2 * Math.PI * (hour - 14)) / 24);
const humidity = (hour: number): number => 80 - 13 * Math.cos((2 * Math.PI * (hour - 14)) / 24);
const pressure = (hour: number): number => 1010.5 + 0.9 * Math.cos((4 * Math.PI * (hour - 10)) / 24);

/** Of a weather station, all but the rain; `heightM` cools and thins the air. */
export function weatherTruth(startHour: number, heightM: number): Truth {
  return (atMs) => {
    const hour = hourOfDay(startHour, atMs);
    const wind = 1.6 + 2.2 * sunlight(hour);
    return {
      temperature_c: temperature(hour) - 0.0062 * heightM,
      humidity_pct: humidity(hour),
      pressure_hpa: pressure(hour) - 0.113 * heightM,
      wind_speed_ms: wind,
      wind_gust_ms: 1.6 * wind,
      wind_direction_deg: 95,
      solar_radiation_wm2: 780 * sunlight(hour),
      ...POWER(atMs),
    };
  };
}

/** Of a counting camera on a flowing road of `busy` times the ordinary traffic. */
export function cameraTruth(startHour: number, busy: number): Truth {
  return (atMs) => {
    const load = busy * trafficLoad(hourOfDay(startHour, atMs));
    return {
      vehicles_count: 14 * load,
      motorcycles_count: 26 * load,
      speed_kmh: 53 - 13 * Math.min(1.2, load),
      occupancy_pct: 2 + 13 * Math.min(1.3, load),
      battery_v: 13.6,
      rssi_dbm: -70,
    };
  };
}

/** Of the sonde at the intake. */
export function waterTruth(startHour: number): Truth {
  return (atMs) => {
    const sun = sunlight(hourOfDay(startHour, atMs));
    return {
      temperature_c: 25.5 + 1.2 * sun,
      ph: 7.15 + 0.15 * sun,
      dissolved_oxygen_mgl: 6.6 + 0.7 * sun,
      turbidity_ntu: 18,
      conductivity_uscm: 118,
      salinity_gl: 0.05,
      ...POWER(atMs),
    };
  };
}

/** Busy and quiet roads. */
export const BUSY: Readonly<Record<string, number>> = {
  'ql1-nga-tu-song': 0.8,
  'ql1-cau-dong-ha': 1,
  'ql1-nam-dong-ha': 0.95,
  'ql1-ai-tu': 0.75,
  'ql9-nga-ba-dong-ha': 0.85,
  'ql9-cam-lo': 0.45,
};

export const HEIGHT_M: Readonly<Record<string, number>> = { 'thoi-tiet-dong-ha': 8, 'thoi-tiet-khe-sanh': 395 };

/** A drizzle somewhere in the hours before and during every story, so that an ordinary gauge is not simply 0. */
function drizzle(stationId: string): RainDepth {
  const first = shower(2.4, ((hash32(7, stationId) % 20) - 8) * HOUR_MS, 0.3 * HOUR_MS);
  const second = shower(1.2, ((hash32(8, stationId) % 24) + 4) * HOUR_MS, 0.2 * HOUR_MS);
  return (atMs) => first(atMs) + second(atMs);
}

/**
 * Every station of the sample province on a day that begins at `startHour`, local, and is ordinary but for the stations `instead`, to
 * which something happens.
 */
export function ordinaryProvince(startHour: number, instead: readonly StationModel[]): StationModel[] {
  const replaced = new Map(instead.map((model) => [model.stationId, model]));
  return sampleProvince().stations.map(({ id, profileId }) => {
    const special = replaced.get(id);
    if (special !== undefined) return special;
    switch (profileId) {
      case 'river-gauge':
        return noisyStation(
          id,
          profileId,
          riverTruth(id, () => 0),
        );
      case 'rain-gauge':
        return rainStation(id, profileId, drizzle(id), ['rain_mm', 'rain_1h_mm', 'rain_24h_mm'], POWER);
      case 'weather-station':
        return rainStation(
          id,
          profileId,
          drizzle(id),
          ['rain_mm', 'rain_1h_mm'],
          weatherTruth(startHour, HEIGHT_M[id] ?? 0),
        );
      case 'air-quality-station':
        return noisyStation(id, profileId, airTruth(startHour));
      case 'counting-camera':
        return noisyStation(id, profileId, cameraTruth(startHour, BUSY[id] ?? 0.7));
      case 'water-quality-sonde':
        return noisyStation(id, profileId, waterTruth(startHour));
      default:
        throw new CanhError(
          'UNKNOWN_PROFILE',
          `Station ${id} has the profile ${profileId}, of which the simulator knows nothing. Add a case here.`,
        );
    }
  });
}
