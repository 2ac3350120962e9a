import { HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';
import { drift, gaussian } from '../random.js';

export type Values = Readonly<Record<string, number>>;
/** What is really there at a time of the story, without noise. */
export type Truth = (atMs: number) => Values;

/** One station of a story: what is there and what its instrument makes of it. */
export interface StationModel {
  readonly stationId: string;
  readonly profileId: string;
  readonly intervalMs: number;
  readonly truth: Truth;
  readonly measured: (seed: number, atMs: number) => Values;
}

/** Reporting intervals of the profiles in `devices/`. */
export const INTERVAL_MS: Readonly<Record<string, number>> = {
  'river-gauge': 10 * MINUTE_MS,
  'rain-gauge': 10 * MINUTE_MS,
  'water-quality-sonde': 15 * MINUTE_MS,
  'air-quality-station': 5 * MINUTE_MS,
  'weather-station': 10 * MINUTE_MS,
  'counting-camera': MINUTE_MS,
};

interface Noise {
  /** Deviation of one reading from the next: share of the value, and absolute. */
  readonly share?: number;
  readonly white?: number;
  /** Slow wandering over about an hour: share of the value, and absolute. */
  readonly driftShare?: number;
  readonly drift?: number;
  readonly decimals: number;
  readonly min?: number;
  readonly max?: number;
}

/** What instruments add. Rain is not here: a tipping bucket counts. */
const NOISE: Readonly<Record<string, Noise>> = {
  level_m: { white: 0.008, drift: 0.015, decimals: 2 },
  flow_m3s: { share: 0.01, driftShare: 0.015, decimals: 0, min: 0 },
  temperature_c: { white: 0.1, drift: 0.5, decimals: 1 },
  humidity_pct: { white: 0.6, drift: 2, decimals: 0, min: 10, max: 100 },
  pressure_hpa: { white: 0.05, drift: 0.4, decimals: 1 },
  wind_speed_ms: { share: 0.12, driftShare: 0.2, decimals: 1, min: 0 },
  wind_gust_ms: { share: 0.1, driftShare: 0.15, decimals: 1, min: 0 },
  wind_direction_deg: { white: 8, drift: 15, decimals: 0 },
  solar_radiation_wm2: { share: 0.04, driftShare: 0.12, decimals: 0, min: 0 },
  pm25_ugm3: { share: 0.012, white: 0.6, driftShare: 0.02, decimals: 1, min: 1 },
  pm10_ugm3: { share: 0.015, white: 1, driftShare: 0.02, decimals: 1, min: 2 },
  no2_ugm3: { share: 0.04, driftShare: 0.06, decimals: 1, min: 0.5 },
  so2_ugm3: { share: 0.05, driftShare: 0.08, decimals: 1, min: 0.5 },
  co_ugm3: { share: 0.03, driftShare: 0.05, decimals: 0, min: 50 },
  o3_ugm3: { share: 0.03, driftShare: 0.05, decimals: 1, min: 1 },
  ph: { white: 0.01, drift: 0.03, decimals: 2 },
  dissolved_oxygen_mgl: { white: 0.03, drift: 0.08, decimals: 2, min: 0 },
  turbidity_ntu: { share: 0.03, white: 0.8, driftShare: 0.04, decimals: 0, min: 0 },
  conductivity_uscm: { share: 0.01, driftShare: 0.02, decimals: 0, min: 10 },
  salinity_gl: { white: 0.003, drift: 0.005, decimals: 2, min: 0 },
  speed_kmh: { white: 0.5, share: 0.025, drift: 0.4, driftShare: 0.02, decimals: 0, min: 1 },
  occupancy_pct: { share: 0.06, driftShare: 0.05, white: 0.3, decimals: 1, min: 0, max: 100 },
  battery_v: { white: 0.02, drift: 0.04, decimals: 1 },
  rssi_dbm: { white: 1.5, drift: 2.5, decimals: 0 },
};
/** Counts scatter with the root of what is expected. */
const COUNTS = new Set(['vehicles_count', 'motorcycles_count']);

/** A station whose instrument adds ordinary noise to what is there. */
export function noisyStation(stationId: string, profileId: string, truth: Truth): StationModel {
  return {
    stationId,
    profileId,
    intervalMs: INTERVAL_MS[profileId] ?? 10 * MINUTE_MS,
    truth,
    measured(seed, atMs) {
      const values: Record<string, number> = {};
      for (const [metric, value] of Object.entries(truth(atMs)))
        values[metric] = noisy(metric, value, seed, stationId, atMs);
      // An empty road has no speed.
      if (values['vehicles_count'] === 0 && values['motorcycles_count'] === 0) delete values['speed_kmh'];
      return values;
    },
  };
}

function noisy(metric: string, value: number, seed: number, stationId: string, atMs: number): number {
  const white = gaussian(seed, stationId, metric, atMs);
  if (COUNTS.has(metric)) return Math.max(0, Math.round(value + white * Math.sqrt(value)));
  const noise = NOISE[metric];
  if (noise === undefined) return value;
  const slow = drift(seed, atMs, HOUR_MS, stationId, metric);
  const raw =
    value +
    white * ((noise.white ?? 0) + Math.abs(value) * (noise.share ?? 0)) +
    slow * ((noise.drift ?? 0) + Math.abs(value) * (noise.driftShare ?? 0));
  const turned = metric === 'wind_direction_deg' ? ((raw % 360) + 360) % 360 : raw;
  return round(Math.min(noise.max ?? Infinity, Math.max(noise.min ?? -Infinity, turned)), noise.decimals);
}

/** Depth of rain since some moment long ago, in mm; never falls. */
export type RainDepth = (atMs: number) => number;

/** One tip of the bucket. */
const TIP_MM = 0.2;
const WINDOWS_MS = { rain_mm: 10 * MINUTE_MS, rain_1h_mm: HOUR_MS, rain_24h_mm: 24 * HOUR_MS } as const;
export type RainMetric = keyof typeof WINDOWS_MS;

/** The sums that a gauge with a tipping bucket reports; each bucket catches a little more or less than falls. */
export function rainSums(depth: RainDepth, metrics: readonly RainMetric[]): (atMs: number, caught: number) => Values {
  const tips = (atMs: number, caught: number): number => Math.floor((depth(atMs) * caught) / TIP_MM);
  return (atMs, caught) => {
    const sums: Record<string, number> = {};
    for (const metric of metrics)
      sums[metric] = round((tips(atMs, caught) - tips(atMs - WINDOWS_MS[metric], caught)) * TIP_MM, 1);
    return sums;
  };
}

/** A rain gauge, or a weather station with one: `beside` is what else it measures. */
export function rainStation(
  stationId: string,
  profileId: string,
  depth: RainDepth,
  metrics: readonly RainMetric[],
  beside: Truth,
): StationModel {
  const sums = rainSums(depth, metrics);
  const other = noisyStation(stationId, profileId, beside);
  return {
    ...other,
    truth: (atMs) => ({ ...sums(atMs, 1), ...beside(atMs) }),
    measured: (seed, atMs) => ({
      ...sums(atMs, 1 + 0.015 * gaussian(seed, stationId, 'caught')),
      ...other.measured(seed, atMs),
    }),
  };
}

/** A shower of `mm` in all, heaviest at `atMs`, most of it within four `widthMs`. */
export function shower(mm: number, atMs: number, widthMs: number): RainDepth {
  return (at) => mm / (1 + Math.exp(-(at - atMs) / widthMs));
}

/** 0 before `fromMs`, 1 after `toMs`, smooth between. */
export function ramp(atMs: number, fromMs: number, toMs: number): number {
  const part = Math.max(0, Math.min(1, (atMs - fromMs) / (toMs - fromMs)));
  return part * part * (3 - 2 * part);
}

/** A bell of height 1. */
export function bell(at: number, centre: number, width: number): number {
  return Math.exp(-(((at - centre) / width) ** 2));
}

export function round(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  // Adding 0 keeps a rounded -0.001 from being sent as -0.
  return Math.round(value * factor) / factor + 0;
}
