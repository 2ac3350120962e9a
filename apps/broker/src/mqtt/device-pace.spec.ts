import { describe, expect, it } from 'vitest';
import { DevicePaces, Pace } from './device-pace.js';

describe('the pace of a device', () => {
  it('lets it send what it saved up for two seconds, and then no more than its rate, however it is spread', () => {
    let now = 0;
    const pace = new Pace(100, () => now);
    pace.spend(200);
    expect(pace.waitMs).toBe(0);
    pace.spend(50);
    expect(pace.waitMs).toBe(500);
    now += 499;
    expect(pace.waitMs).toBeGreaterThan(0);
    now += 2;
    expect(pace.waitMs).toBe(0);
    let sent = 0;
    for (const from = now; now < from + 10_000; now += 7)
      if (pace.waitMs === 0) {
        pace.spend(10);
        sent += 10;
      }
    expect(sent).toBeGreaterThan(990);
    expect(sent).toBeLessThanOrEqual(1_020);
  });

  it('is one for all connections of a device, and forgotten when the device has been quiet', () => {
    let now = 0;
    const paces = new DevicePaces(100, () => now);
    const pace = paces.of('loud');
    pace.spend(700);
    expect(paces.of('loud')).toBe(pace);
    now = 61_000;
    paces.of('other').spend(7_000);
    expect(paces.size).toBe(1);
    now = 122_000;
    paces.of('third');
    expect(paces.size).toBe(2);
  });
});
