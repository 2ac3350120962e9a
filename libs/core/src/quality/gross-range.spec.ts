import { describe, expect, it } from 'vitest';
import { Flag } from './flag.js';
import { grossRange } from './gross-range.js';

const PLAUSIBLE = { min: -30, max: 60 };
const EXPECTED = { min: -8, max: 47 };

describe('gross range (QARTOD), air temperature in °C', () => {
  it.each([
    [-999_999, Flag.failed],
    [-30.1, Flag.failed],
    [-30, Flag.suspect],
    [-8.1, Flag.suspect],
    [-8, Flag.good],
    [24.6, Flag.good],
    [47, Flag.good],
    [47.1, Flag.suspect],
    [60, Flag.suspect],
    [60.1, Flag.failed],
    [1e308, Flag.failed],
  ])('%d is flagged %d: bounds belong to their range', (value, flag) => {
    expect(grossRange(value, PLAUSIBLE, EXPECTED)).toBe(flag);
  });

  it('suspects nothing where no range is expected', () => {
    expect([-30, 0, 60].map((value) => grossRange(value, PLAUSIBLE))).toEqual([Flag.good, Flag.good, Flag.good]);
    expect(grossRange(60.1, PLAUSIBLE)).toBe(Flag.failed);
  });

  it('holds where both ranges are one', () => {
    expect(grossRange(60, PLAUSIBLE, PLAUSIBLE)).toBe(Flag.good);
    expect(grossRange(61, PLAUSIBLE, PLAUSIBLE)).toBe(Flag.failed);
  });
});
