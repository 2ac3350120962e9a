import { HOUR_MS } from '@canh/core/time/instant';
import { describe, expect, it } from 'vitest';
import { keyOf, SeriesKeys, type Arrival } from './series-keys.js';

const arrival = (key: number, value: number): Arrival => ({ key, value, hour: 3 * HOUR_MS, late: false, cameAt: null });

describe('the arrivals of a series', () => {
  it('come back by key, and those of one key in the order in which they came', () => {
    const keys = new SeriesKeys();
    for (const [key, value] of [
      [30, 1],
      [10, 2],
      [30, 3],
      [20, 4],
      [30, 5],
    ] as const)
      keys.add(arrival(key, value));
    expect([...keys.groups(1)].map((group) => group.map(({ key, value }) => [key, value]))).toEqual([
      [[10, 2]],
      [[20, 4]],
      [
        [30, 1],
        [30, 3],
        [30, 5],
      ],
    ]);
    expect([keys.lowest(), keys.highest()]).toEqual([10, 30]);
  });

  it('are put together by millisecond for a store that keeps no more, in the order in which they came', () => {
    const keys = new SeriesKeys();
    const at = Date.UTC(2026, 10, 22);
    for (const sequence of [7, 2]) keys.add(arrival(keyOf({ measuredAt: at, sequence }), sequence));
    keys.add(arrival(keyOf({ measuredAt: at + 1, sequence: 0 }), 0));
    expect([...keys.groups(1_000)].map((group) => group.map(({ value }) => value))).toEqual([[7, 2], [0]]);
    expect([...keys.groups(1)].map((group) => group.map(({ value }) => value))).toEqual([[2], [7], [0]]);
  });

  it('keep their hour, whether they are late and when they came first, however many there are', () => {
    const keys = new SeriesKeys();
    const hour = Math.floor(Date.UTC(2100, 0, 1) / HOUR_MS) * HOUR_MS;
    for (let nth = 0; nth < 1_000; nth += 1)
      keys.add({
        key: nth,
        value: nth / 3,
        hour: hour + (nth % 5) * HOUR_MS,
        late: nth % 2 === 1,
        cameAt: nth === 700 ? 42 : null,
      });
    const all = [...keys.groups(1)].flat();
    expect(all).toHaveLength(1_000);
    expect(all[700]).toEqual({ key: 700, value: 700 / 3, hour, late: false, cameAt: 42 });
    expect(all[701]).toEqual({ key: 701, value: 701 / 3, hour: hour + HOUR_MS, late: true, cameAt: null });
  });
});
