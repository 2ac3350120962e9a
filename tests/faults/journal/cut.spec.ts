import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { NodeSegmentFolder } from '@canh/adapters/journal-files/node-segment-folder';
import { segmentName } from '@canh/adapters/journal-files/segments';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { LONG, readJournal, telemetry, textOfAnyLength } from './journal.parts.js';

const BYTES = 2_000;
const JOURNALS = LONG ? 12 : 1;
const LONG_ONE_BYTES = 20_000;
const CUTS_OF_A_LONG_ONE = LONG ? 1_000 : 50;
const HEAD_BYTES = 12;
/** What is cut here is cut by us: thousands of syncs of a real disk would prove nothing more. */
const MEMORY = '/dev/shm';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'canh-cut-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A journal of at least `bytes` bytes in one segment, as the disk has it while its writer is still at work; and where its messages end. */
async function journalOf(
  bytes: number,
  random: () => number,
): Promise<{ image: Buffer; texts: string[]; ends: number[] }> {
  const writer = await FileJournalWriter.open(join(folder, 'whole'), { commitWindowMs: 0 });
  const texts: string[] = [];
  for (let end = 0; end < bytes;) {
    const group = Array.from({ length: 1 + Math.floor(random() * 5) }, (_, index) =>
      textOfAnyLength(`${texts.length + index}`, 60, random),
    );
    texts.push(...group);
    const durable = await Promise.all(group.map((text) => writer.append(telemetry(text))));
    end = durable.at(-1)! % 2 ** 32;
  }
  const image = await readFile(join(folder, 'whole', segmentName(1)));
  const { offsets, next } = await readJournal(join(folder, 'whole'));
  await writer.close();
  return { image, texts, ends: [...offsets.slice(1), next].map((offset) => offset % 2 ** 32) };
}

/** Leaves of the journal what a power cut left at these bytes: it is read up to there, and goes on. */
async function cutAtEach(
  cuts: readonly number[],
  { image, texts, ends }: Awaited<ReturnType<typeof journalOf>>,
  random: () => number,
): Promise<void> {
  expect(image.length).toBeGreaterThan(ends.at(-1)!);
  const directory = join(folder, 'cut');
  const read = async (cut: number, left: Buffer): Promise<void> => {
    const whole = texts.slice(0, ends.filter((end) => end <= cut).length);
    await mkdir(directory);
    await writeFile(join(directory, segmentName(1)), left);
    const before = await readJournal(directory);
    expect([before.texts, before.damaged]).toEqual([whole, []]);
    // The folder as an object, without the lock of a directory, which costs more than all of this.
    const writer = await FileJournalWriter.open(new NodeSegmentFolder(directory));
    await writer.append(telemetry('after'));
    await writer.close();
    const after = await readJournal(directory);
    expect([after.texts, after.damaged, after.behindBytes]).toEqual([[...whole, 'after'], [], 0]);
    expect((await readJournal(directory, before.next)).texts).toEqual(['after']);
    await rm(directory, { recursive: true });
  };
  for (const cut of cuts) {
    try {
      // What a cut has not kept is not there, or is zeros; the head is on disk before zeros are written ahead. Both would take too long for every change.
      const zeroed = cut >= HEAD_BYTES && random() < 0.5;
      if (LONG || !zeroed) await read(cut, image.subarray(0, cut));
      if (LONG || zeroed) {
        const left = Buffer.alloc(ends.at(-1)! + 100);
        image.copy(left, 0, 0, cut);
        if (cut >= HEAD_BYTES) await read(cut, left);
      }
    } catch (cause) {
      throw new Error(`cut at byte ${cut}: ${(cause as Error).message}`, { cause });
    }
  }
}

describe(
  'a journal that a power cut left at any byte',
  () => {
    const seed = faultSeed('journal cut');

    it.each(Array.from({ length: JOURNALS }, (_, nth) => nth))(
      `is read up to there, and goes on, at each of its first ${BYTES} bytes (journal %i)`,
      async (nth) => {
        const random = seededRandom(seed + nth);
        await cutAtEach([...Array(BYTES).keys()], await journalOf(BYTES, random), random);
      },
    );

    it(`is read up to there, and goes on, at ${CUTS_OF_A_LONG_ONE} bytes of a longer one`, async () => {
      const random = seededRandom(seed + JOURNALS);
      const cuts = Array.from({ length: CUTS_OF_A_LONG_ONE }, () => Math.floor(random() * LONG_ONE_BYTES));
      await cutAtEach(cuts, await journalOf(LONG_ONE_BYTES, random), random);
    });
  },
  LONG ? 1_800_000 : 120_000,
);
