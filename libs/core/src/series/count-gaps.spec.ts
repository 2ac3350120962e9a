import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countOn, type CountState } from './count-gaps.js';

const HOUR = 3_600_000;

/** The state after these numbers, and what is missing by hour. */
function counted(numbers: readonly (readonly [seq: number, hour: number])[]): {
  state: CountState | undefined;
  missing: Record<number, number>;
} {
  let state: CountState | undefined;
  const missing: Record<number, number> = {};
  for (const [seq, hour] of numbers) {
    const step = countOn(state, seq, hour * HOUR);
    state = step.state;
    for (const change of step.changes)
      missing[change.hour / HOUR] = (missing[change.hour / HOUR] ?? 0) + change.numbers;
  }
  return { state, missing };
}
const inOneHour = (...seqs: number[]) => counted(seqs.map((seq) => [seq, 0]));

describe('a device that counts what it sends', () => {
  it('misses nothing while its numbers follow each other, wherever they begin', () => {
    expect(inOneHour(900, 901, 902)).toEqual({ state: { last: 902, gaps: [] }, missing: {} });
  });

  it('misses what it passed over, until that comes after all', () => {
    expect(inOneHour(1, 5).missing).toEqual({ 0: 3 });
    expect(inOneHour(1, 5, 3).missing).toEqual({ 0: 2 });
    expect(inOneHour(1, 5, 3, 2, 4)).toEqual({ state: { last: 5, gaps: [] }, missing: { 0: 0 } });
  });

  it('gives back to the hour in which the gap was noticed', () => {
    expect(
      counted([
        [1, 0],
        [3, 1],
        [4, 2],
        [2, 5],
      ]).missing,
    ).toEqual({ 1: 0 });
  });

  it('is not put off by copies', () => {
    expect(inOneHour(1, 2, 2, 1, 3, 5, 5, 4, 4).missing).toEqual({ 0: 0 });
  });

  it('counts anew after it was restarted, and misses nothing by that', () => {
    expect(inOneHour(50_000, 0, 1, 2).missing).toEqual({});
    expect(inOneHour(5, 900_000, 900_001).missing).toEqual({});
  });

  it('owes at most sixty-four gaps: older ones stay missing', () => {
    const odd = Array.from({ length: 101 }, (_, index) => index * 2);
    const { state, missing } = inOneHour(...odd);
    expect([state?.gaps.length, missing[0]]).toEqual([64, 100]);
    expect(inOneHour(...odd, 1, 199).missing).toEqual({ 0: 99 });
  });

  it('is bounded also where what it owes comes in pieces', () => {
    const { state } = inOneHour(0, 100_001, ...Array.from({ length: 5_000 }, (_, index) => 2 + index * 2));
    expect(state?.gaps.length).toBe(64);
  });

  it('misses exactly what never came, in whatever order the rest did', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(
          Array.from({ length: 60 }, (_, index) => index + 100),
          { minLength: 1 },
        ),
        (arrived) => {
          const { missing } = counted([[99, 0], ...arrived.map((seq) => [seq, 0] as const)]);
          expect(missing[0] ?? 0).toBe(Math.max(...arrived) - 99 - arrived.length);
        },
      ),
    );
  });
});
