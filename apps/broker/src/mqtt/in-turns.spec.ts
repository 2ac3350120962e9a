import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { InTurns } from './in-turns.js';

/** Each look takes half a millisecond of a clock that nothing else moves. */
function looks(count: number): { all: Set<number>; seen: number[]; turns: InTurns<number> } {
  let now = 0;
  const all = new Set(Array.from({ length: count }, (_, n) => n));
  const seen: number[] = [];
  const look = (n: number): void => {
    seen.push(n);
    now += 0.5;
  };
  return { all, seen, turns: new InTurns(all, look, () => now) };
}

it('begins at once, and lets the event loop have its turn every few milliseconds', async () => {
  const { seen, turns } = looks(10_000);
  const done = turns.run();
  const atOnce: number[] = [seen.length];
  while (seen.length < 10_000) {
    const before = seen.length;
    await setImmediate();
    atOnce.push(seen.length - before);
  }
  await done;
  expect(atOnce[0]).toBeGreaterThan(0);
  expect(Math.max(...atOnce)).toBeLessThanOrEqual(10);
  expect(seen).toHaveLength(10_000);
});

it('goes through all of them once more where it is asked meanwhile, however often', async () => {
  const { seen, turns } = looks(100);
  const first = turns.run();
  await setImmediate();
  await Promise.all([first, turns.run(), turns.run()]);
  expect(seen).toHaveLength(200);
});

it('looks anew where it is asked right behind a run that needed no turn', async () => {
  const { seen, turns } = looks(3);
  await Promise.all([turns.run(), turns.run()]);
  expect(seen).toEqual([0, 1, 2, 0, 1, 2]);
});

it('passes over who has left before their turn', async () => {
  const { all, seen, turns } = looks(100);
  const done = turns.run();
  all.delete(99);
  await done;
  expect(seen).toHaveLength(99);
});

it('tells of what went wrong, and begins anew when it is asked again', async () => {
  const all = new Set([1, 2, 3]);
  let broken = true;
  const seen: number[] = [];
  const look = (n: number): void => {
    if (n === 2 && broken) throw new Error('no such table');
    seen.push(n);
  };
  const turns = new InTurns(all, look, () => 0);
  await expect(turns.run()).rejects.toThrow('no such table');
  broken = false;
  await turns.run();
  expect(seen).toEqual([1, 1, 2, 3]);
});
