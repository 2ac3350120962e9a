import { expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { Device, Wire } from './device.js';
import { MINUTE_MS } from './flood.js';
import { times, withinMs } from './length.js';
import { calm, shuffled } from './load.js';
import type { SentMessage } from './published.js';
import { METRIC, Province } from './world.js';

const READINGS = times(200, 5_000);
const MOST_COPIES = 5;
const RESTARTS = times(2, 20);
/** How far out of order: within what counts as late, and beyond it. */
const SHUFFLED_WITHIN = 60;
const wires: readonly Wire[] = ['bytes', 'torn', 'glued', 'whole'];

it(
  `stores each reading once, sent 1 to ${MOST_COPIES} times in any order, in any pieces, over lost connections and restarts`,
  async () => {
    const rivers = wires.map((wire) => `song-${wire}`);
    await Province.during('wire', rivers, async (province) => {
      const { published, chance } = province;
      const canh = await province.startCanh();
      const devices = wires.map((wire): [string, Device] => [
        `song-${wire}`,
        province.device(`song-${wire}`, { wire, inFlight: 20 }),
      ]);
      const firstReading = Date.now() - READINGS * MINUTE_MS;
      const sent = devices.flatMap(([river, device]) => {
        const readings = Array.from({ length: READINGS }, (_, n) =>
          published.reading(river, { metric: METRIC, ts: firstReading + n * MINUTE_MS, seq: n, value: calm(n) }),
        );
        return outOfOrder(readings, chance).map((message) => device.publish(message));
      });
      const all = Promise.all(sent);
      const told = (): number => devices.reduce((sum, [, { acknowledged }]) => sum + acknowledged, 0);

      // At moments that differ from run to run: every other time the connections alone go.
      for (let faults = 1; faults <= 2 * RESTARTS; faults += 1) {
        const until = (sent.length * (faults - 1 + chance())) / (2 * RESTARTS + 1);
        await eventually(() => expect(told()).toBeGreaterThanOrEqual(until), 60_000);
        if (faults % 2 === 0) {
          await (chance() < 0.5 ? canh.kill() : canh.stop());
          await canh.restart();
        } else for (const [, device] of devices) device.cut();
      }
      await all;
      const api = await canh.signIn();
      await province.quiet(api);
      await province.expectShown(api, rivers);
      await canh.stop();
      await province.expectNothingWrong();
      console.info(
        `wire: ${devices.length * READINGS} readings, sent ${sent.length} times and again after each lost connection`,
      );
    });
  },
  withinMs(600_000, 3_600_000),
);

/** Each 1 to MOST_COPIES times, each copy not far from where it belongs. */
function outOfOrder(messages: readonly SentMessage[], chance: () => number): SentMessage[] {
  const copies = messages.flatMap((message) =>
    Array.from({ length: 1 + Math.floor(chance() * MOST_COPIES) }, () => message),
  );
  const mixed: SentMessage[] = [];
  for (let at = 0; at < copies.length; at += SHUFFLED_WITHIN)
    mixed.push(...shuffled(copies.slice(at, at + SHUFFLED_WITHIN), chance));
  return mixed;
}
