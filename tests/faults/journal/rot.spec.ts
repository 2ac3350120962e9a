import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { segmentName } from '@canh/adapters/journal-files/segments';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { LONG, readJournal, telemetry, textOfAnyLength } from './journal.parts.js';

const FLIPS = LONG ? 20_000 : 1_000;
const MESSAGES = 30;
const SPAN = 2 ** 32;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canh-rot-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The fields of a frame of this many bytes whose device id has `id` bytes, as from and to. */
const fieldsOf = (bytes: number, id: number): Record<string, readonly [number, number]> => ({
  length: [0, 4],
  crc: [4, 8],
  'received at': [8, 14],
  kind: [14, 15],
  'length of the id': [15, 16],
  'device id': [16, 16 + id],
  payload: [16 + id, bytes],
});
const FIELDS = Object.keys(fieldsOf(0, 0));

describe(
  'a journal with one rotten bit',
  () => {
    const seed = faultSeed('journal rot');

    it(`names what was in the place and reads all the rest, for ${FLIPS} bits in every field`, async () => {
      const random = seededRandom(seed);
      const below = (bound: number): number => Math.floor(random() * bound);
      const texts = Array.from({ length: MESSAGES }, (_, index) => textOfAnyLength(`${index}`, 200, random));
      const writer = await FileJournalWriter.open(folder);
      await Promise.all(texts.map((text) => writer.append(telemetry(text))));
      const left = await readFile(join(folder, segmentName(1)));
      await writer.close();
      const sealed = await readFile(join(folder, segmentName(1)));
      expect(left.length).toBeGreaterThan(sealed.length);
      const { offsets, next } = await readJournal(folder);
      const later = await FileJournalWriter.open(folder);
      await later.append(telemetry('later'));
      await later.close();
      const laterBytes = await readFile(join(folder, segmentName(2)));
      const seen = new Map<string, number>();
      for (let flip = 0; flip < FLIPS; flip += 1) {
        // As the writer left it when it was closed, or when it was killed.
        const bytes = Buffer.from(random() < 0.5 ? sealed : left.subarray(0, sealed.length + 2_000));
        const field = [...FIELDS, 'head', 'zeros'][flip % (FIELDS.length + 2)]!;
        // The last frame has nothing whole behind it: it is looked at more often.
        const hit = random() < 0.2 ? MESSAGES - 1 : below(MESSAGES);
        const from = offsets[hit]! % SPAN;
        const to = (offsets[hit + 1] ?? next) % SPAN;
        const [first, last] =
          field === 'head'
            ? [0, 12]
            : field === 'zeros'
              ? [sealed.length, bytes.length]
              : (fieldsOf(to - from, 'thach-han-1'.length)[field]!.map((byte) => from + byte) as [number, number]);
        if (first === last) continue;
        seen.set(field, (seen.get(field) ?? 0) + 1);
        const bit = 8 * first + below(8 * (last - first));
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        await writeFile(join(folder, segmentName(1)), bytes);
        const where = `bit ${bit} (${field} of message ${hit}) of ${bytes.length} bytes, seed ${seed}`;
        const lost = field !== 'head' && field !== 'zeros';
        const rest = texts.filter((_, index) => !lost || index !== hit);
        const stretch = { offset: offsets[hit], length: to - from, bytes: bytes.subarray(from, to) };
        if (random() < 0.3) {
          // The newest one: what is wrong at its end may still be being written, and is said later.
          await rm(join(folder, segmentName(2)));
          const now = await readJournal(folder);
          expect(now.texts, where).toEqual(rest);
          expect(now.damaged, where).toEqual(lost && hit < MESSAGES - 1 ? [stretch] : []);
          await writeFile(join(folder, segmentName(2)), laterBytes);
        }
        const read = await readJournal(folder);
        expect(read.texts, where).toEqual([...rest, 'later']);
        // A bit among the zeros is no message, and may be said or not.
        if (field !== 'zeros') expect(read.damaged, where).toEqual(lost ? [stretch] : []);
      }
      expect([...seen.keys()].toSorted()).toEqual([...FIELDS, 'head', 'zeros'].toSorted());
    });
  },
  LONG ? 1_800_000 : 120_000,
);
