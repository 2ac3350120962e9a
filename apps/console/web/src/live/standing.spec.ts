import { describe, expect, it } from 'vitest';
import { sampleAlert, sampleValue } from './samples.js';
import { standingOf } from './standing.js';

const alert = sampleAlert({ id: 'a' }); // 6.12 m, measured at 1,000, limit 6 m

describe('standingOf', () => {
  it('goes on with the river after the alert was raised', () => {
    const latest = [sampleValue({ metric: 'flow_m3s', value: 900 }), sampleValue({ measuredAt: 9_000, value: 6.4 })];
    expect(standingOf(alert, latest)).toEqual({ value: 6.4, measuredAt: 9_000, limit: 6, limitName: 'alarm_3' });
  });

  it('keeps to what decided while nothing newer is trusted', () => {
    for (const latest of [
      undefined,
      [],
      [sampleValue({ measuredAt: 900, value: 1 })],
      [sampleValue({ measuredAt: 9_000, value: 99, flag: 4 })],
    ]) {
      expect(standingOf(alert, latest).value).toBe(6.12);
    }
  });
});
