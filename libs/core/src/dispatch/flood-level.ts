import type { Limit } from '../stations/limit.js';
import { steps } from './number-text.js';

/** Bulletins give water levels to the centimetre. */
export const LEVEL_DECIMALS = 2;

const ALARM = /^alarm_([1-3])$/;

/** `alarm_3` → 3: the legal flood levels BĐ1–BĐ3; null for any other limit. */
export function alarmLevel(limitName: string | null): number | null {
  const [, level] = ALARM.exec(limitName ?? '') ?? [];
  return level === undefined ? null : Number(level);
}

/** Where a value stands to a limit, in whole steps of the last shown digit. */
export interface Standing {
  readonly side: 'above' | 'at' | 'below';
  readonly by: number;
}

/** Where `value` stands to `limit` as both are shown, with `decimals` digits. */
export function standing(value: number, limit: number, decimals: number): Standing {
  const difference = steps(value, decimals) - steps(limit, decimals);
  return {
    side: difference > 0 ? 'above' : difference < 0 ? 'below' : 'at',
    by: Math.abs(difference) / 10 ** decimals,
  };
}

/** The alarm level that bulletins compare a water level with: the nearest of those the station has, the lower of two equally near. */
export function nearestAlarm(value: number, limits: readonly Limit[]): Limit | undefined {
  const alarms = limits.filter(({ name }) => alarmLevel(name) !== null).toSorted((a, b) => a.value - b.value);
  return alarms.reduce<Limit | undefined>((nearest, limit) => {
    const nearer =
      nearest === undefined ||
      standing(value, limit.value, LEVEL_DECIMALS).by < standing(value, nearest.value, LEVEL_DECIMALS).by;
    return nearer ? limit : nearest;
  }, undefined);
}
