import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { START, type JournalOffset } from '@canh/core/readings/journal';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { LONG, readJournal } from './journal.parts.js';

const TRIALS = LONG ? 2_000 : 40;
const LONGEST_LIFE_MS = 60;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canh-kill-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

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
    { stdio: ['ignore', 'pipe', 'inherit'] },
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

    it(`loses nothing that it acknowledged, in ${TRIALS} trials with one journal`, async () => {
      const random = seededRandom(seed);
      let at: JournalOffset = START;
      let acknowledgedInAll = 0;
      let found = 0;
      for (let trial = 0; trial < TRIALS; trial += 1) {
        const acknowledged = await acknowledgedBefore(
          random() * LONGEST_LIFE_MS,
          `${trial}`,
          Math.floor(random() * 2 ** 32),
        );
        const { texts, damaged, next } = await readJournal(folder, at);
        const where = `trial ${trial}, seed ${seed}`;
        // Nothing but what was appended, whole, in its order, once: one letter repeated behind a number that goes up by one.
        for (const [index, text] of texts.entries())
          expect(text, where).toMatch(new RegExp(`^${trial}-${index}:(.?)\\1*$`));
        const kept = new Set(texts.map((text) => text.slice(0, text.indexOf(':'))));
        expect(
          acknowledged.filter((name) => !kept.has(name)),
          where,
        ).toEqual([]);
        expect(damaged, where).toEqual([]);
        acknowledgedInAll += acknowledged.length;
        found += texts.length;
        at = next;
      }
      expect(acknowledgedInAll).toBeGreaterThan(TRIALS);
      // Later writers have taken nothing away from what earlier ones left.
      const all = await readJournal(folder);
      expect([all.texts.length, all.damaged]).toEqual([found, []]);
      console.info(`journal kill: ${TRIALS} kills, ${acknowledgedInAll} acknowledged, ${found} found, 0 lost`);
    });
  },
  LONG ? 7_200_000 : 300_000,
);
