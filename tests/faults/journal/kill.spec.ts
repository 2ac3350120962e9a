import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { START, type JournalOffset } from '@canh/core/readings/journal';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { LONG, readJournal } from './journal.parts.js';

const TRIALS = LONG ? 2_000 : 40;
const LONGEST_LIFE_MS = 60;
/** Then the next journal begins, since each life leaves about 350 KB. */
const LIVES_OF_ONE_JOURNAL = 100;

let folder: string;
/** What the first child compiled: the others start four times as fast. */
let compiled: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canh-kill-'));
  compiled = await mkdtemp(join(tmpdir(), 'canh-kill-compiled-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
  await rm(compiled, { recursive: true, force: true });
});

/** What a process was told is on disk before it was killed, `lifeMs` after it was first told so. */
async function acknowledgedBefore(lifeMs: number, name: string, seed: number): Promise<string[]> {
  const child = spawn(
    process.execPath,
    [
      '--experimental-transform-types',
      '--disable-warning=ExperimentalWarning',
      '--import',
      './tests/support/source-imports.mjs',
      './tests/faults/journal/appender.child.ts',
      folder,
      name,
      `${seed}`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_COMPILE_CACHE: compiled } },
  );
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (said === '') setTimeout(() => child.kill('SIGKILL'), lifeMs);
    said += chunk.toString();
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  expect([code, signal]).toEqual([null, 'SIGKILL']);
  // A line that was cut off was said in part: it is none.
  return said.split('\n').slice(0, -1);
}

describe(
  'a writer that is killed',
  () => {
    const seed = faultSeed('journal kill');

    it(`loses nothing that it acknowledged, in ${TRIALS} trials`, async () => {
      const random = seededRandom(seed);
      let at: JournalOffset = START;
      let acknowledgedInAll = 0;
      let found = 0;
      let inThisJournal = 0;
      for (let trial = 0; trial < TRIALS; trial += 1) {
        const acknowledged = await acknowledgedBefore(
          random() * LONGEST_LIFE_MS,
          `${trial}`,
          Math.floor(random() * 2 ** 32),
        );
        const { texts, damaged, next } = await readJournal(folder, at);
        const where = `trial ${trial}, seed ${seed}`;
        // Nothing but what was appended, whole, in its order, once: one letter repeated behind a number that goes up by one.
        const wrong = texts.filter((text, index) => !new RegExp(`^${trial}-${index}:(.?)\\1*$`).test(text));
        expect(wrong, where).toEqual([]);
        const kept = new Set(texts.map((text) => text.slice(0, text.indexOf(':'))));
        expect(
          acknowledged.filter((name) => !kept.has(name)),
          where,
        ).toEqual([]);
        expect(damaged, where).toEqual([]);
        acknowledgedInAll += acknowledged.length;
        found += texts.length;
        inThisJournal += texts.length;
        at = next;
        if ((trial + 1) % LIVES_OF_ONE_JOURNAL !== 0 && trial + 1 < TRIALS) continue;
        // Later writers have taken nothing away from what earlier ones left.
        const all = await readJournal(folder);
        expect([all.texts.length, all.damaged], where).toEqual([inThisJournal, []]);
        await rm(folder, { recursive: true });
        await mkdir(folder);
        [at, inThisJournal] = [START, 0];
      }
      expect(acknowledgedInAll).toBeGreaterThan(TRIALS);
      console.info(`journal kill: ${TRIALS} kills, ${acknowledgedInAll} acknowledged, ${found} found, 0 lost`);
    });
  },
  LONG ? 7_200_000 : 300_000,
);
