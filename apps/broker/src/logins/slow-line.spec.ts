import { expect, it } from 'vitest';
import { SlowLine } from './slow-line.js';

it('lets as many wait as there are connections, for longer than any client does, two at once and in their order', async () => {
  let now = 0;
  const line = new SlowLine(() => now);
  let atOnce = 0;
  let mostAtOnce = 0;
  const begun: number[] = [];
  const all = Array.from({ length: 12_000 }, (_, n) =>
    line.run(async () => {
      begun.push(n);
      atOnce += 1;
      mostAtOnce = Math.max(mostAtOnce, atOnce);
      await Promise.resolve();
      // 10 ms each, two at once.
      now += 5;
      atOnce -= 1;
      return n;
    }),
  );
  expect(await Promise.all(all)).toEqual(begun);
  expect(begun).toHaveLength(12_000);
  expect(mostAtOnce).toBe(2);
});

it('tells who waited for two minutes, or comes behind 16384 others, to come again', async () => {
  let now = 0;
  const line = new SlowLine(() => now);
  const ends: (() => void)[] = [];
  const work = (): Promise<string> => new Promise((resolve) => ends.push(() => resolve('done')));
  const running = [line.run(work), line.run(work)];
  const waiting = Array.from({ length: 16_384 }, () => line.run(work));
  expect(await line.run(work)).toBeNull();
  now = 120_001;
  ends[0]?.();
  expect(await Promise.all(waiting)).toEqual(waiting.map(() => null));
  ends[1]?.();
  expect(await Promise.all(running)).toEqual(['done', 'done']);
});
