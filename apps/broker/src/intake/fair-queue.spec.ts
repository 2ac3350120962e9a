import { describe, expect, it } from 'vitest';
import { FairQueue } from './fair-queue.js';

interface Sent {
  readonly deviceId: string;
  readonly bytes: number;
  readonly since: number;
  readonly number: number;
}

describe('a queue with turns', () => {
  const queueOf = (...sent: readonly (readonly [deviceId: string, count: number, bytes: number])[]) => {
    const queue = new FairQueue<Sent>();
    for (const [deviceId, count, bytes] of sent)
      for (let number = 0; number < count; number += 1) queue.put({ deviceId, bytes, since: number, number });
    return queue;
  };
  const taken = (queue: FairQueue<Sent>, most: number): Sent[] => {
    const all: Sent[] = [];
    for (let next = queue.next(); next !== undefined && all.push(next) < most;) next = queue.next();
    return all;
  };

  it('gives each device as many bytes, however long its messages and its line are', () => {
    const first = taken(queueOf(['long', 1_000, 2_000], ['short', 10_000, 100]), 1_050);
    const bytesOf = (device: string): number =>
      first.filter(({ deviceId }) => deviceId === device).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(Math.abs(bytesOf('long') - bytesOf('short'))).toBeLessThan(5_000);
  });

  it('lets one that had nothing waiting go before a thousand backlogs', () => {
    const queue = queueOf(...Array.from({ length: 1_000 }, (_, n) => [`backlog-${n}`, 100, 200] as const));
    taken(queue, 20_000);
    queue.put({ deviceId: 'live', bytes: 200, since: 0, number: 0 });
    expect(queue.next()?.deviceId).toBe('live');
  });

  it('counts as one that waits who comes back before its turn is round', () => {
    const queue = queueOf(['a', 100, 200], ['b', 100, 200], ['c', 1, 200]);
    while (queue.next()?.deviceId !== 'c');
    expect(queue.next()?.deviceId).toBe('a');
    queue.put({ deviceId: 'c', bytes: 200, since: 0, number: 1 });
    expect(taken(queue, 30).findIndex((item) => item.deviceId === 'c')).toBeGreaterThan(5);
  });

  it('keeps the order of each device, loses nothing, and forgets who has nothing waiting', () => {
    const queue = queueOf(['a', 300, 70], ['b', 200, 3_000], ['c', 5, 100_000]);
    const all = taken(queue, 1_000);
    for (const [device, count] of [
      ['a', 300],
      ['b', 200],
      ['c', 5],
    ] as const)
      expect(all.filter(({ deviceId }) => deviceId === device).map(({ number }) => number)).toEqual(
        Array.from({ length: count }, (_, n) => n),
      );
    expect([queue.count, queue.bytes, queue.bytesOf('a')]).toEqual([0, 0, 0]);
  });

  it('hands out what has waited too long, from every line', () => {
    const queue = queueOf(['a', 10, 70], ['b', 10, 70]);
    expect(queue.takeOlderThan(3).map(({ deviceId, number }) => `${deviceId}${number}`)).toEqual(
      'a0 a1 a2 b0 b1 b2'.split(' '),
    );
    expect(queue.count).toBe(14);
  });
});
