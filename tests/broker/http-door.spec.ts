import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Doors } from './doors.js';
import { ScriptedJudge } from './scripted-judge.js';

const WITHIN_MS = 60_000;
const LARGE = 250_000;

const bodyOf = (n: number, bytes = 0): string => JSON.stringify({ values: { n }, long: 'x'.repeat(bytes) });
const numberOf = (payload: Uint8Array): number =>
  (JSON.parse(Buffer.from(payload).toString()) as { values: { n: number } }).values.n;

describe('the HTTP door for devices', { timeout: 2 * WITHIN_MS }, () => {
  let doors: Doors;
  let judge: ScriptedJudge | null = null;

  afterEach(async () => {
    await judge?.close();
    judge = null;
    await doors.close();
  });

  /** Until the judge is asked, nobody knows that there is one. */
  const untilSomethingWaits = (device: number): Promise<void> =>
    eventually(async () => {
      void doors.post(device, bodyOf(-1, LARGE)).catch(() => undefined);
      expect(doors.intake.waiting).toBeGreaterThan(0);
    }, WITHIN_MS);

  it('keeps all that many requests at once bring, while nobody has to wait', async () => {
    doors = await Doors.open(1);
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => doors.post(0, bodyOf(n))));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const kept = (await doors.journaled()).map(({ message }) => numberOf(message.payload));
    expect(kept.toSorted((a, b) => a - b)).toEqual(answers.map((_, n) => n));
  });

  it('lets a device hold little in front of the judge, tells it to come again, and takes its neighbour at once', async () => {
    doors = await Doors.open(2);
    judge = await ScriptedJudge.open(doors.folder, 0);
    await untilSomethingWaits(0);
    const before = doors.journal.appended;
    const busy: Response[] = [];
    let mostWaiting = 0;
    /** Whether it was taken. */
    const send = async (n: number): Promise<boolean> => {
      const answer = await doors.post(0, bodyOf(n, LARGE));
      mostWaiting = Math.max(mostWaiting, doors.intake.waiting);
      if (answer.status !== 200) busy.push(answer);
      return answer.status === 200;
    };
    const sentTwice = Promise.all(
      Array.from({ length: 100 }, async (_, n) => ({ n, taken: (await send(n)) || (await send(n)) })),
    );
    await eventually(() => expect(busy.length).toBeGreaterThan(150), WITHIN_MS);
    expect(busy[0]?.status).toBe(503);
    expect(busy[0]?.headers.get('retry-after')).toBe('1');
    expect(await busy[0]?.json()).toMatchObject({ statusCode: 503, code: 'busy' });
    expect(doors.journal.appended - before).toBeLessThan(10);
    expect(mostWaiting).toBeLessThan(5);

    const neighbour = doors.post(1, bodyOf(1_000));
    judge.messagesPerSecond = 1_000;
    expect((await neighbour).status).toBe(200);
    for (const { n, taken } of await sentTwice)
      if (!taken) await eventually(async () => expect(await send(n)).toBe(true), WITHIN_MS);
    const sent = (await doors.journaled()).filter(({ message }) => message.deviceId === 'd0');
    const kept = new Set(sent.map(({ message }) => numberOf(message.payload)));
    expect(Array.from({ length: 100 }, (_, n) => n).filter((n) => !kept.has(n))).toEqual([]);
    expect(doors.busy).toBe(busy.length);
    const all0 = await doors.journaled();
    const neighbourAt = all0.findIndex(({ message }) => message.deviceId === 'd1');
    expect(all0.length - neighbourAt).toBeGreaterThan(80);
  });

  it('holds a bounded number of bytes while the disk does not answer, and loses none that it said it had', async () => {
    let answer!: () => void;
    let hangs: Promise<void> | undefined;
    doors = await Doors.open(12, { syncing: () => hangs });
    hangs = new Promise((resolve) => (answer = resolve));
    const statuses = new Map<number, number>();
    const all = Promise.all(
      Array.from({ length: 600 }, async (_, n) => {
        const { status } = await doors.post(n % 12, bodyOf(n, LARGE));
        statuses.set(n, status);
      }),
    );
    // What the others hold is no more than 64 MiB.
    await eventually(() => expect(statuses.size).toBeGreaterThan(600 - 270), WITHIN_MS);
    expect(new Set(statuses.values())).toEqual(new Set([503]));
    answer();
    await all;
    const kept = new Set((await doors.journaled()).map(({ message }) => numberOf(message.payload)));
    const received = [...statuses].filter(([, status]) => status === 200).map(([n]) => n);
    expect(received.length).toBeGreaterThan(200);
    expect(received.filter((n) => !kept.has(n))).toEqual([]);
  });

  it('gives back the room of whoever hangs up half way', async () => {
    doors = await Doors.open(1);
    for (let n = 0; n < 100; n += 1) await doors.postHalf(0, LARGE);
    await eventually(async () => expect((await doors.post(0, bodyOf(1, LARGE))).status).toBe(200));
  });
});
