import { describe, expect, it } from 'vitest';
import type { Limit } from '../stations/limit.js';
import { alarmLevel, nearestAlarm, standing } from './flood-level.js';

const levels = (...values: (number | null)[]): Limit[] =>
  values.flatMap((value, index) =>
    value === null
      ? []
      : [{ name: `alarm_${index + 1}`, metric: 'level_m', value, validFrom: null, validTo: null, document: '' }],
  );

describe('flood levels as bulletins name them', () => {
  // Phrases of bulletins of Thanh Hoá (August 2025), Hải Dương (September 2024) and Yên Bái (2024, 2025).
  it.each([
    ['Kim Tân', 12.76, levels(10, null, 12), 'above BĐ3 by 0.76'],
    ['Lý Nhân', 11.87, levels(9.5, 11, 12), 'below BĐ3 by 0.13'],
    ['Giàng', 1.36, levels(4, 5.5, 6.5), 'below BĐ1 by 2.64'],
    ['Phả Lại', 5.4, levels(4, 5, 6), 'above BĐ2 by 0.4'],
    ['Yên Bái', 31.64, levels(30, 31, 32), 'below BĐ3 by 0.36'],
    ['Yên Bái', 31.13, levels(30, 31, 32), 'above BĐ2 by 0.13'],
  ])('%s at %d m', (_station, value, limits, expected) => {
    const nearest = nearestAlarm(value, limits);
    const { side, by } = standing(value, nearest?.value ?? Number.NaN, 2);
    expect(`${side} BĐ${alarmLevel(nearest?.name ?? null)} by ${by}`).toBe(expected);
  });

  it('takes the lower of two equally near levels, and none where the station has none', () => {
    expect(nearestAlarm(3.75, levels(3, 4.5))?.name).toBe('alarm_1');
    expect(nearestAlarm(3.75, [])).toBeUndefined();
  });

  it('knows a legal level by its name only', () => {
    expect(['alarm_1', 'alarm_4', 'alarm_10', 'qcvn', null].map(alarmLevel)).toEqual([1, null, null, null, null]);
  });
});
