import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import type { JournalEntry } from '@canh/core/readings/journal';
import { eventually } from '../support/eventually.js';
import { Doors } from './doors.js';
import type { RawDevice } from './raw-device.js';
import { ScriptedJudge } from './scripted-judge.js';

const WITHIN_MS = 60_000;
const BACKLOG = 200_000;
const LIVE_DEVICES = 20;
/** What this judge gets through in a second. */
const JUDGED_A_SECOND = 50_000;

const payloadOf = (number: number): string => JSON.stringify({ values: { level_m: 3.41, n: number } });
const numberOf = ({ message }: JournalEntry): number =>
  (JSON.parse(Buffer.from(message.payload).toString()) as { values: { n: number } }).values.n;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const ids = (count: number): number[] => Array.from({ length: count }, (_, n) => (n % 65_535) + 1);

const MOST_MEMORY = 160 * 2 ** 20;

/** Bytes that are in use, with what nobody needs any more collected. */
function memoryInUse(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe.each([true, false])(
  'the doors with a telemetry lane: %s, while the judge does not keep up',
  { timeout: 2 * WITHIN_MS },
  (lane) => {
    let doors: Doors;
    let judge: ScriptedJudge | null = null;

    afterEach(async () => {
      await judge?.close();
      judge = null;
      await doors.close();
    });

    it('put what is live before the backlog of another device, and take all of that too, in its order', async () => {
      doors = await Doors.open(1 + LIVE_DEVICES, { settings: { mqttLane: lane } });
      judge = await ScriptedJudge.open(doors.folder, JUDGED_A_SECOND);
      const backlog = await doors.connect(0);
      const live: RawDevice[] = [];
      for (let n = 1; n <= LIVE_DEVICES; n += 1) live.push(await doors.connect(n));

      const flushed = backlog.publish(BACKLOG, payloadOf);
      /** How much was judged when each live reading was sent, by its device and its number. */
      const judgedBefore: number[][] = live.map(() => []);
      let turn = 0;
      const reporting = setInterval(() => {
        for (const [n, device] of live.entries())
          if (n % 10 === turn % 10) {
            judgedBefore[n]!.push(judge!.judged.length);
            void device.publish(1, payloadOf);
          }
        turn += 1;
      }, 100);
      await flushed;
      await eventually(() => expect(backlog.acknowledged).toHaveLength(BACKLOG), WITHIN_MS);
      clearInterval(reporting);
      await eventually(() => expect(judge!.judged).toHaveLength(doors.journal.appended), WITHIN_MS);

      // What was judged between the sending of a live reading and its own judgement, in seconds of this judge's work.
      const waits: number[] = [];
      for (const [index, entry] of judge.judged.entries()) {
        const device = Number(entry.message.deviceId.slice(1));
        if (device > 0) waits.push((index - judgedBefore[device - 1]![numberOf(entry)]!) / JUDGED_A_SECOND);
      }
      expect(waits.length).toBeGreaterThan(LIVE_DEVICES);
      expect(Math.max(...waits)).toBeLessThan(1);
      for (const device of live) expect(device.acknowledged).toEqual(ids(device.acknowledged.length));
      expect(waits).toHaveLength(live.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0));

      expect(backlog.acknowledged).toEqual(ids(BACKLOG));
      const kept = (await doors.journaled()).filter(({ message }) => message.deviceId === 'd0').map(numberOf);
      expect(kept).toEqual(numbers(BACKLOG));
      expect(doors.refusals).toEqual([]);
      expect(doors.devices.filter(({ ended }) => ended)).toEqual([]);
    });

    it('hold little in memory behind a judge that stands still, and let everybody in after a while all the same', async () => {
      const [devices, each] = [200, 1_000];
      const long = 'x'.repeat(300);
      doors = await Doors.open(devices, { longestWaitMs: 5_000, settings: { mqttLane: lane } });
      for (let n = 0; n < devices; n += 1) await doors.connect(n);
      judge = await ScriptedJudge.open(doors.folder, 0);
      const before = memoryInUse();
      let mostWaiting = 0;
      const watch = setInterval(() => (mostWaiting = Math.max(mostWaiting, doors.intake.waiting)), 20);
      const flushed = Promise.all(
        doors.devices.map((device) => device.publish(each, (n) => JSON.stringify({ values: { n, long } }))),
      );
      const acknowledged = (): number => doors.devices.reduce((sum, device) => sum + device.acknowledged.length, 0);
      await eventually(() => expect(doors.intake.waiting).toBeGreaterThan(devices * 150), WITHIN_MS);
      const atOnce = acknowledged();
      expect(memoryInUse() - before).toBeLessThan(MOST_MEMORY);
      // It never moves; what waits goes to disk when it has waited long.
      await eventually(() => expect(acknowledged()).toBeGreaterThan(atOnce + devices * 100), WITHIN_MS);
      judge.messagesPerSecond = 1_000_000;
      await flushed;
      await eventually(() => expect(acknowledged()).toBe(devices * each), WITHIN_MS);
      clearInterval(watch);
      // All of it would be two hundred thousand.
      expect(mostWaiting).toBeLessThan(devices * 400);
      for (const device of doors.devices) expect(device.acknowledged).toEqual(ids(each));
      expect(doors.refusals).toEqual([]);
    });

    it('read no further from a device that sends its packets one by one', async () => {
      // Nobody is let in for having waited long, however slow this machine is.
      doors = await Doors.open(2, { longestWaitMs: 10 * WITHIN_MS, settings: { mqttLane: lane } });
      const [one, other] = [await doors.connect(0), await doors.connect(1)];
      judge = await ScriptedJudge.open(doors.folder, 0);
      let mostWaiting = 0;
      const watch = setInterval(() => (mostWaiting = Math.max(mostWaiting, doors.intake.waiting)), 5);
      const long = 'x'.repeat(1_000);
      const flushed = other.publish(3_000, () => JSON.stringify({ long }));
      await eventually(() => expect(doors.intake.waiting).toBeGreaterThan(0));
      await one.publish(5_000, payloadOf, true);
      await eventually(() => expect(doors.intake.waiting).toBeGreaterThan(200));
      judge.messagesPerSecond = 1_000_000;
      await flushed;
      await eventually(() => expect(one.acknowledged).toEqual(ids(5_000)), WITHIN_MS);
      clearInterval(watch);
      expect(mostWaiting).toBeLessThan(1_500);
    });

    it('take everything at once where no judge answers, and wait for the one that comes', async () => {
      doors = await Doors.open(2, { settings: { mqttLane: lane } });
      const device = await doors.connect(0);
      await device.publish(50_000, payloadOf);
      await eventually(() => expect(device.acknowledged).toHaveLength(50_000));
      expect(doors.intake.waiting).toBe(0);

      judge = await ScriptedJudge.open(doors.folder, 0);
      await eventually(async () => {
        await device.publish(100, payloadOf);
        expect(doors.intake.waiting).toBeGreaterThan(0);
      });
      await judge.close();
      judge = null;
      await device.publish(10_000, payloadOf);
      await eventually(() => expect(doors.intake.waiting).toBe(0));
      await eventually(() => expect(device.acknowledged).toHaveLength(device.sent));
      expect(device.acknowledged).toEqual(ids(device.sent));
      expect(await doors.journaled()).toHaveLength(device.sent);
    });

    it('have told everybody when they are closed', async () => {
      doors = await Doors.open(1, { settings: { mqttLane: lane } });
      judge = await ScriptedJudge.open(doors.folder, 0);
      const told: number[] = [];
      const payload = Buffer.from(JSON.stringify({ long: 'x'.repeat(1_000) }));
      await doors.intake.accept('telemetry', 'd0', payload);
      await eventually(() => {
        for (let n = 0; n < 100; n += 1)
          doors.intake.take('telemetry', 'd0', payload, (error) => told.push(error === null ? 1 : 0));
        expect(doors.intake.waiting).toBeGreaterThan(2_000);
      });
      const taken = doors.journal.appended + doors.intake.waiting;
      await doors.intake.close();
      expect(told.length).toBeGreaterThan(taken - 1 - 5_000);
      expect(doors.journal.appended).toBe(told.length + 1);
      expect(told).toEqual(told.map(() => 1));
      await doors.intake.accept('telemetry', 'd0', payload);
    });
  },
);
