import { describe, expect, it } from 'vitest';
import { durationMs, isDuration } from './duration.js';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './instant.js';

describe('a duration as people write it', () => {
  it.each([
    ['250ms', 250],
    ['90s', 90_000],
    ['10m', 10 * MINUTE_MS],
    ['1.5h', HOUR_MS + 30 * MINUTE_MS],
    ['7d', 7 * DAY_MS],
    ['0s', 0],
    // A whole number of milliseconds, as every time here.
    ['0.1ms', 0],
    ['1.0006s', 1_001],
  ])('%s is %d ms', (text, ms) => {
    expect(isDuration(text)).toBe(true);
    expect(durationMs(text)).toBe(ms);
  });

  it.each([
    '',
    '10',
    'm',
    '10 m',
    ' 10m',
    '10m ',
    '-10m',
    '+10m',
    '10M',
    '1,5h',
    '.5h',
    '1.h',
    '1e3s',
    '1h30m',
    '10 phút',
    '10m\n',
  ])('%j is none, and the refusal says how to write one', (text) => {
    expect(isDuration(text)).toBe(false);
    expect(() => durationMs(text)).toThrow(
      expect.objectContaining({ code: 'BAD_DURATION', message: expect.stringContaining('90s, 10m, 7d') as string }),
    );
  });
});
