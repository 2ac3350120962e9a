import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Doors } from '../broker/doors.js';
import type { RawDevice } from '../broker/raw-device.js';
import { times } from '../faults/process/length.js';
import { eventually } from '../support/eventually.js';

/** A device sends a reading or two in a second; it may send this many, and the flood is as many times that as the machine can. */
const MESSAGES_PER_SECOND = 1_000;
const SAVED_UP_SECONDS = 2;
/** What is read from its socket before it is looked at how much that is, 64 KiB. */
const READ_AT_ONCE_SECONDS = 2;
const FLOOD = times(6_000, 60_000);
const OTHERS = 10;
const ALONE = 30;
/** Below it nobody notices, and the clock of a busy machine says nothing. */
const UNNOTICED_MS = 250;
/** A machine that stands still for a moment does not do so each time; who is behind a flood waits each time. */
const LOOKS = 3;

const payloadOf = (n: number): string => JSON.stringify({ values: { level_m: 3.41, n } });

describe.each([true, false])('T13 with a telemetry lane: %s', (lane) => {
  let doors: Doors;
  beforeEach(async () => {
    const settings = { deviceMessagesPerSecond: MESSAGES_PER_SECOND };
    doors = await Doors.open(1 + OTHERS, { settings: { mqttLane: lane, ...settings } });
  });
  afterEach(() => doors.close());

  /** How long each of the others waits for each of its acknowledgements, one after the other, in ms. */
  async function waits(others: readonly RawDevice[], goesOn: (round: number) => boolean): Promise<number[]> {
    const took: number[] = [];
    for (let round = 0; goesOn(round); round += 1)
      await Promise.all(
        others.map(async (device) => {
          const sent = performance.now();
          await device.publish(1, payloadOf);
          while (device.acknowledged.length < device.sent && !device.ended)
            await new Promise((next) => setTimeout(next, 1));
          took.push(performance.now() - sent);
        }),
      );
    return took.toSorted((a, b) => a - b);
  }

  it('a device that floods is read as fast as it may send and loses nothing; the others wait no longer than before', async () => {
    const flooding = await doors.connect(0);
    const others: RawDevice[] = [];
    for (let n = 1; n <= OTHERS; n += 1) others.push(await doors.connect(n));

    let looks = 0;
    for (let slower = true; slower;) {
      looks += 1;
      const alone = at99(await waits(others, (round) => round < ALONE));
      const before = flooding.acknowledged.length;
      const acknowledged = (): number => flooding.acknowledged.length - before;
      const began = performance.now();
      let fastest = 0;
      const flooded = flooding.publish(FLOOD, payloadOf);
      const beside = at99(
        await waits(others, () => {
          const most = MESSAGES_PER_SECOND * (SAVED_UP_SECONDS + (performance.now() - began) / 1_000);
          fastest = Math.max(fastest, acknowledged() - most);
          return acknowledged() < FLOOD && !flooding.ended;
        }),
      );
      await flooded;
      await eventually(() => expect(acknowledged()).toBe(FLOOD));
      expect(performance.now() - began).toBeGreaterThan(
        (FLOOD / MESSAGES_PER_SECOND - SAVED_UP_SECONDS - READ_AT_ONCE_SECONDS) * 1_000,
      );
      expect(fastest).toBeLessThan(MESSAGES_PER_SECOND * READ_AT_ONCE_SECONDS);
      const most = Math.max(2 * alone, UNNOTICED_MS);
      slower = beside >= most;
      if (looks === LOOKS) expect(beside).toBeLessThan(most);
      else if (slower) console.warn(`T13, look ${looks}: the others waited ${beside} ms, at most ${most}`);
    }

    const kept = new Map<string, number>();
    for (const { message } of await doors.journaled())
      kept.set(message.deviceId, (kept.get(message.deviceId) ?? 0) + 1);
    for (const [n, device] of doors.devices.entries()) expect(kept.get(`d${n}`)).toBe(device.acknowledged.length);
    expect(kept.get('d0')).toBe(FLOOD * looks);
    expect(doors.devices.filter(({ ended }) => ended)).toEqual([]);
  });
});

const at99 = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length * 0.99)]!;
