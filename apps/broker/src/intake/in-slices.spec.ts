import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { InSlices } from './in-slices.js';

describe('telling thousands', () => {
  it('tells everybody in order, lets the event loop have its turn in between, and says when it is through', async () => {
    const telling = new InSlices();
    const told: string[] = [];
    const group = (name: string, count: number, error: Error | null): void =>
      telling.tell(
        Array.from({ length: count }, (_, n) => (why) => told.push(`${name}${n}${why?.message ?? ''}`)),
        error,
        () => told.push(`${name} is told`),
      );
    group('a', 1_200, null);
    const [atOnce] = [told.length];
    group('b', 2, new Error('!'));
    expect(atOnce).toBeLessThan(1_200);
    expect(told).toHaveLength(atOnce);
    while (told.at(-1) !== 'b is told') await turn();
    const expected = [...Array.from({ length: 1_200 }, (_, n) => `a${n}`), 'a is told', 'b0!', 'b1!', 'b is told'];
    expect(told).toEqual(expected);
  });
});
