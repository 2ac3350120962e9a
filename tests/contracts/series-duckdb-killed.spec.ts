import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import { DAY_MS } from '@canh/core/time/instant';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as after } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { faultSeed, seededRandom } from '../support/seeded.js';
import { KEPT_DAYS, SEALED_SPAN, sealedBatch, sealsAt } from './series-duckdb.readings.js';
import { append } from './series-store.suite.js';

const KILLS = 14;
/** How many batches a process answers for before it is killed, at most: counted, so that a slow machine seals as many days as a quick one. */
const MOST_ANSWERS = 10;
/** Then somewhere in the next batch, or in the sealing behind it. */
const MOST_MS_TO_A_KILL = 150;
/** After so many kills the hot file is lost, too, and all is played again. */
const LOST_EVERY = 4;

let folder: string;
let child: ChildProcess | null = null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canh-duckdb-'));
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** Lets a process append and seal from the `first` batch on, kills it `ms` after so many answers, and gives the last batch it answered for. */
async function killedAfter(answers: number, ms: number, first: number): Promise<number> {
  const source = join(import.meta.dirname, 'series-duckdb-seals.child.ts');
  const imports = join(import.meta.dirname, '../support/source-imports.mjs');
  const flags = ['--experimental-transform-types', '--no-warnings', '--import', imports];
  child = spawn(process.execPath, [...flags, source, folder, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const answered = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  let last = first - 1;
  for (let heard = 0; heard < answers; heard++) last = Number((await answered.next()).value);
  await after(ms);
  child.kill('SIGKILL');
  await exited;
  for await (const more of { [Symbol.asyncIterator]: () => answered }) last = Number(more);
  return last;
}

describe('a process that is killed while it seals days', () => {
  it('leaves every reading exactly once, in the hot file or in a sealed one', async () => {
    const random = seededRandom(faultSeed('kill -9 while sealing'));
    let last = -1;
    let sealedFiles = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      // Each plays some batches again, as from a journal's committed offset.
      const answers = 1 + Math.floor(random() * MOST_ANSWERS);
      last = Math.max(last, await killedAfter(answers, random() * MOST_MS_TO_A_KILL, Math.max(0, last - 2)));
      const lost = kill % LOST_EVERY === LOST_EVERY - 1;
      if (lost) await rm(join(folder, 'readings.duckdb'));
      if (lost) await rm(join(folder, 'readings.duckdb.wal'), { force: true });
      const { store, setAside, rebuilt } = await DuckDbSeriesStore.open(folder);
      try {
        expect({ setAside, rebuilt }).toEqual({ setAside: null, rebuilt: lost });
        // The journal has the batch behind it as well, of which some may be sealed already: one that was killed before had stored it, without an answer.
        if (lost) for (let nth = 0; nth <= last + 1; nth++) await append(store, sealedBatch(nth));
        const stored = await store.readings(SEALED_SPAN, 10_000_000);
        const counts = new Map<number, number>();
        for (const { value } of stored) counts.set(value, (counts.get(value) ?? 0) + 1);
        // The batch behind the last one answered for may be there, whole.
        const whole = Array.from({ length: last + 1 + (counts.has(last + 1) ? 1 : 0) }, (_, nth) => nth);
        expect([...counts].toSorted(([a], [b]) => a - b)).toEqual(whole.map((nth) => [nth, sealedBatch(nth).length]));
        expect(
          new Set(stored.map(({ deviceId, measuredAt, sequence }) => `${deviceId} ${measuredAt} ${sequence}`)).size,
        ).toBe(stored.length);
        // The steps say the same, and what was stored is known again.
        const days = await store.buckets(SEALED_SPAN, DAY_MS);
        expect(days.reduce((sum, { count }) => sum + count, 0)).toBe(stored.length);
        expect((await append(store, sealedBatch(Math.max(0, last - 4)))).stored).toBe(0);
        const { setAside: found } = await store.maintain(sealsAt(last), KEPT_DAYS);
        expect(found).toEqual([]);
        expect((await store.summary(SEALED_SPAN)).count).toBe(stored.length);
        const files = await readdir(join(folder, 'days'));
        expect(files.filter((name) => name.endsWith('.tmp'))).toEqual([]);
        sealedFiles = files.length;
      } finally {
        await store.close();
      }
    }
    expect(sealedFiles).toBeGreaterThan(9);
  });
});
