import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { howToRepeat, simulate, type SeedLine } from './simulate.js';

/** How many seeds, in two processes; more by hand: CANH_SIMULATION_SEEDS. */
const SEEDS = Number(process.env['CANH_SIMULATION_SEEDS'] ?? 10_000);
const PROCESSES = 2;
const TAKES_AT_MOST_MS = 600_000 + SEEDS * 100;

const wentWrongOnce = readFileSync(new URL('seeds.txt', import.meta.url), 'utf8')
  .split('\n')
  .map((line) => line.replace(/#.*/, '').trim())
  .filter((line) => line !== '');

const told = (seeds: readonly SeedLine[]): string[] =>
  seeds.slice(0, 5).map(({ seed, wrong }) => `seed ${seed}: ${wrong.slice(0, 4).join('; ')}\n  ${howToRepeat(seed)}`);

describe('the path of a reading, simulated', () => {
  it('holds its promises in every run that ever broke one', async () => {
    const { seeds, runs } = await simulate(['--seeds', wentWrongOnce.join(',')]);
    expect(runs).toBe(wentWrongOnce.length);
    expect(told(seeds)).toEqual([]);
  });

  it(
    `holds its promises through crashes, lost power and whatever stores do, in ${SEEDS} runs`,
    async () => {
      const shares = await Promise.all(
        Array.from({ length: PROCESSES }, (_, nth) =>
          simulate([
            '--from',
            String(nth),
            '--every',
            String(PROCESSES),
            '--count',
            String(Math.ceil(SEEDS / PROCESSES)),
          ]),
        ),
      );
      const sum = (of: (share: (typeof shares)[number]) => number): number =>
        shares.reduce((total, share) => total + of(share), 0);
      console.info(
        `simulation: ${sum(({ runs }) => runs)} runs with ${sum(({ messages }) => messages)} messages and ` +
          `${sum(({ crashes }) => crashes)} crashes, ${Math.round(sum(({ cpuSeconds }) => cpuSeconds))} s of processor time`,
      );
      expect(told(shares.flatMap(({ seeds }) => seeds))).toEqual([]);
      // An oracle that has to look away too often sees nothing.
      expect(sum(({ exact }) => exact)).toBeGreaterThan(0.7 * sum(({ runs }) => runs));
    },
    TAKES_AT_MOST_MS,
  );

  it('does the same again from the same seed, whatever was run before it', async () => {
    const [inOrder, backwards] = await Promise.all([
      simulate(['--traces', '--from', '0', '--count', '40']),
      simulate(['--traces', '--from', '39', '--every=-1', '--count', '40']),
    ]);
    const traces = (lines: readonly SeedLine[]): [number, number][] =>
      lines.map(({ seed, trace }): [number, number] => [seed, trace]).toSorted(([a], [b]) => a - b);
    expect(traces(inOrder.seeds)).toEqual(traces(backwards.seeds));
    expect(new Set(inOrder.seeds.map(({ trace }) => trace)).size).toBe(40);
  });
});
