import { describe, expect, it } from 'vitest';
import { sampleValue } from '../live/samples.js';
import { hearingOf } from './hearing.js';

const MINUTE = 60_000;
const INTERVAL = 10 * MINUTE;

describe('hearingOf', () => {
  it('is overdue when two intervals and a minute have passed without a word, not before', () => {
    const latest = [sampleValue({ measuredAt: 0, receivedAt: 0 })];
    expect(hearingOf(latest, INTERVAL, 21 * MINUTE).kind).toBe('current');
    expect(hearingOf(latest, INTERVAL, 21 * MINUTE + 1).kind).toBe('overdue');
  });

  it('is heard as long as one of its metrics comes', () => {
    const latest = [
      sampleValue({ measuredAt: 0, receivedAt: 0 }),
      sampleValue({ metric: 'battery_v', measuredAt: 40 * MINUTE, receivedAt: 40 * MINUTE }),
    ];
    expect(hearingOf(latest, INTERVAL, 41 * MINUTE)).toEqual({ kind: 'current', measuredAt: 40 * MINUTE });
  });

  it('tells a backlog from silence: it sends, but what it sends is old', () => {
    const latest = [sampleValue({ measuredAt: 0, receivedAt: 180 * MINUTE })];
    expect(hearingOf(latest, INTERVAL, 181 * MINUTE)).toEqual({ kind: 'backlog', measuredAt: 0 });
  });

  it('knows that there was never anything', () => {
    expect(hearingOf([], INTERVAL, 0)).toEqual({ kind: 'never' });
  });
});
