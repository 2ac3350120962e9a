import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { segments } from '@canh/adapters/journal-files/segments';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { LONG, readJournal, telemetry, textOfAnyLength } from './journal.parts.js';

const ROUNDS = LONG ? 50 : 5;
const DISK_BYTES = 8 * 2 ** 20;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canh-full-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Why no small disk could be mounted; null where one was. */
function mountSmallDisk(): string | null {
  if (process.getuid?.() !== 0) return 'only root may mount one';
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', folder], { stdio: 'pipe' });
    return null;
  } catch (error) {
    return (error as Error).message.trim();
  }
}

describe('the journal on a full disk', () => {
  const seed = faultSeed('journal full disk');

  it('acknowledges nothing that is not there, and takes messages again once there is room', async (test) => {
    const hindrance = mountSmallDisk();
    if (hindrance !== null) {
      expect(
        process.env['CI'] === 'true' && process.getuid?.() === 0,
        `no small disk, in CI as root: ${hindrance}`,
      ).toBe(false);
      console.warn(`NOT TESTED: the journal on a full disk. No small disk could be mounted: ${hindrance}`);
      return test.skip(hindrance);
    }
    try {
      const random = seededRandom(seed);
      const writer = await FileJournalWriter.open(folder, { segmentBytes: 2 ** 20 });
      const acknowledged: string[] = [];
      const sent = new Set<string>();
      for (let round = 0; round < ROUNDS; round += 1) {
        await writeFile(join(folder, 'filler'), Buffer.alloc(Math.floor(DISK_BYTES * (0.2 + 0.5 * random()))));
        const before = await segments(folder);
        let refused = 0;
        let acknowledgedSinceRefused = 0;
        for (let group = 0; refused < 20; group += 1) {
          const texts = Array.from({ length: 1 + Math.floor(random() * 5) }, (_, index) =>
            textOfAnyLength(`${round}-${group}-${index}`, 30_000, random),
          );
          await Promise.all(
            texts.map((text) => {
              sent.add(text);
              return writer.append(telemetry(text)).then(
                () => {
                  acknowledged.push(text);
                  if (refused > 0) acknowledgedSinceRefused += text.length;
                },
                (error: { code: string }) => {
                  expect(error.code).toBe('JOURNAL_WRITE_FAILED');
                  refused += 1;
                },
              );
            }),
          );
        }
        // A smaller group may fit in what a larger one has left, but the disk is full.
        expect(acknowledgedSinceRefused).toBeLessThan(600_000);
        expect(writer.problem?.code).toBe('JOURNAL_WRITE_FAILED');
        // It fills up with messages, not with files that were begun.
        expect((await segments(folder)).length - before.length).toBeLessThan(12);
        await rm(join(folder, 'filler'));
        const again = `${round}: there is room again`;
        sent.add(again);
        await writer.append(telemetry(again));
        acknowledged.push(again);
        expect(writer.problem).toBeNull();
        const { texts, damaged } = await readJournal(folder);
        // What was written in part and not acknowledged for it may be there as well: the device sends it again.
        const wanted = new Set(acknowledged);
        expect(texts.filter((text) => wanted.has(text))).toEqual(acknowledged);
        expect(texts.filter((text) => !sent.has(text))).toEqual([]);
        expect(texts.at(-1)).toBe(again);
        expect(damaged).toEqual([]);
        // As old segments are dropped, so that the next round has a disk to fill.
        for (const segment of (await segments(folder)).slice(0, -1))
          await rm(join(folder, `${String(segment).padStart(10, '0')}.log`));
        acknowledged.splice(
          0,
          acknowledged.length,
          ...(await readJournal(folder)).texts.filter((text) => wanted.has(text)),
        );
      }
      await writer.close();
    } finally {
      execFileSync('umount', ['-l', folder]);
    }
  });
}, 300_000);
