import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { NodeSegmentFolder } from '@canh/adapters/journal-files/node-segment-folder';
import { segmentName } from '@canh/adapters/journal-files/segments';
import { START } from '@canh/core/readings/journal';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { FaultyFolder, readJournal, telemetry, textOfAnyLength } from './journal.parts.js';

let real: NodeSegmentFolder;
beforeEach(async () => {
  real = new NodeSegmentFolder(await mkdtemp(join(tmpdir(), 'canh-faulty-')));
});
afterEach(() => rm(real.path, { recursive: true, force: true }));

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'acknowledged',
    (error: { code: string }) => error.code,
  );

describe('a disk that fails', () => {
  // The first is the sync of the segment's head.
  it.each([1, 2, 3])(
    'ends the writer with the sync that fails, the %i. one, also for what was waiting',
    async (failing) => {
      let syncs = 0;
      let written = 0;
      const folder = new FaultyFolder(real, (file) => ({
        sync: async () => {
          syncs += 1;
          if (syncs === failing) throw new Error('EIO: i/o error, fdatasync');
          await file.sync();
        },
        write: (bytes, at) => {
          written += 1;
          return file.write(bytes, at);
        },
      }));
      if (failing === 1) {
        await expect(FileJournalWriter.open(folder)).rejects.toMatchObject({ code: 'JOURNAL_SYNC_FAILED' });
        return;
      }
      const writer = await FileJournalWriter.open(folder, { commitWindowMs: 0 });
      for (let group = 2; group < failing; group += 1) await writer.append(telemetry(`kept ${group}`));
      const lost = writer.append(telemetry('of the group whose sync failed'));
      let waiting: Promise<string> | null = null;
      // Taken in while the sync was under way, so before anybody knew.
      while (syncs < failing) {
        waiting = codeOf(writer.append(telemetry('taken in meanwhile')));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await codeOf(lost)).toBe('JOURNAL_SYNC_FAILED');
      expect(await waiting).toBe('JOURNAL_SYNC_FAILED');
      const writtenUntilThen = written;
      expect(await codeOf(writer.append(telemetry('after')))).toBe('JOURNAL_SYNC_FAILED');
      expect(writer.problem?.code).toBe('JOURNAL_SYNC_FAILED');
      expect(writer.appended).toBe(failing - 2);
      await writer.close();
      expect(written).toBe(writtenUntilThen);
      expect(syncs).toBe(failing);
      expect((await readJournal(real)).texts.slice(0, failing - 2)).toEqual(
        Array.from({ length: failing - 2 }, (_, index) => `kept ${index + 2}`),
      );
    },
  );

  it('keeps every message whole where each write takes only some of the bytes', async () => {
    const random = seededRandom(faultSeed('journal short writes'));
    const folder = new FaultyFolder(real, (file) => ({
      write: (bytes, at) => file.write(bytes.subarray(0, 1 + Math.floor(random() * 50)), at),
    }));
    const writer = await FileJournalWriter.open(folder, { segmentBytes: 10_000 });
    const texts = Array.from({ length: 1_000 }, (_, index) => textOfAnyLength(`${index}`, 100, random));
    for (let index = 0; index < texts.length; index += 25)
      await Promise.all(texts.slice(index, index + 25).map((text) => writer.append(telemetry(text))));
    await writer.close();
    expect(await readJournal(real)).toMatchObject({ texts, damaged: [] });
  });

  it('acknowledges nothing of a group that is written in part, and goes on in a new segment', async () => {
    let room = Number.POSITIVE_INFINITY;
    const folder = new FaultyFolder(real, (file) => ({
      write: async (bytes, at) => {
        if (room === 0) throw new Error('ENOSPC: no space left on device, write');
        const written = await file.write(bytes.subarray(0, room), at);
        room -= written;
        return written;
      },
    }));
    const writer = await FileJournalWriter.open(folder);
    await writer.append(telemetry('kept'));
    for (const left of [0, 1, 7, 8, 20, 60]) {
      room = left;
      expect(await codeOf(writer.append(telemetry(`x`.repeat(100))))).toBe('JOURNAL_WRITE_FAILED');
      expect(await codeOf(writer.append(telemetry('still full')))).toBe('JOURNAL_WRITE_FAILED');
      room = Number.POSITIVE_INFINITY;
      await writer.append(telemetry(`after ${left}`));
      expect(writer.problem).toBeNull();
    }
    await writer.close();
    expect(await readJournal(real)).toMatchObject({
      texts: ['kept', ...[0, 1, 7, 8, 20, 60].map((left) => `after ${left}`)],
      damaged: [],
    });
  });

  it('acknowledges a group whose own bytes are on disk, though there is no room for zeros behind it', async () => {
    const folder = new FaultyFolder(real, (file) => ({
      write: (bytes, at) =>
        bytes.length > 10_000
          ? Promise.reject(new Error('ENOSPC: no space left on device, write'))
          : file.write(bytes, at),
    }));
    const writer = await FileJournalWriter.open(folder);
    for (const text of ['1', '2', '3']) await writer.append(telemetry(text));
    expect(writer.problem).toBeNull();
    await writer.close();
    expect((await readJournal(real)).texts).toEqual(['1', '2', '3']);
  });
});

describe('the newest segment, grown ahead of its data', () => {
  it('is read to the last message with nothing behind it, and few of its zeros are read by one who waits', async () => {
    const writer = await FileJournalWriter.open(real.path);
    await writer.append(telemetry('first'));
    let bytesRead = 0;
    const counting = new FaultyFolder(real, (file) => ({
      read: (into, at) => {
        bytesRead += into.length;
        return file.read(into, at);
      },
    }));
    const reader = new FileJournalReader(counting);
    const { next, entries, behindBytes } = await reader.read(START, 1);
    expect([entries.length, behindBytes]).toEqual([1, 0]);
    expect(await real.size(segmentName(1))).toBeGreaterThan(200_000);
    bytesRead = 0;
    expect(await reader.read(next, 1)).toEqual({ entries: [], damaged: [], next, behindBytes: 0 });
    expect(bytesRead).toBeLessThanOrEqual(16_384);
    await writer.append(telemetry('second'));
    expect((await reader.read(next, 1)).entries).toHaveLength(1);
    await reader.close();
    await writer.close();
    expect(await real.size(segmentName(1))).toBeLessThan(200);
  });

  it('gives messages of nothing but zeros, longer than a look at it', async () => {
    const writer = await FileJournalWriter.open(real.path);
    const texts = [10, 16_384, 100_000, 300_000, 5].map((length) => '\0'.repeat(length));
    for (const text of texts) await writer.append(telemetry(text));
    expect(await readJournal(real)).toMatchObject({ texts, damaged: [], behindBytes: 0 });
    await writer.close();
    expect(await readJournal(real)).toMatchObject({ texts, damaged: [], behindBytes: 0 });
  });

  it('is believed to be rotten only where it is so on a second look: a read can meet a write half way', async () => {
    const writer = await FileJournalWriter.open(real.path);
    for (const text of ['first', 'half way', 'behind it']) await writer.append(telemetry(text));
    const { offsets, damaged } = await readJournal(real);
    expect(damaged).toEqual([]);
    for (const readsHalfWay of [1, 2]) {
      let reads = 0;
      const early = new FaultyFolder(real, (file) => ({
        read: async (into, at) => {
          const bytes = await file.read(into, at);
          const [from, to] = [offsets[1]! % 2 ** 32, offsets[2]! % 2 ** 32];
          reads += 1;
          // The head of the segment and what is behind it are looked at when it is opened.
          if (reads > 2 && reads <= 2 + readsHalfWay) into.fill(0, from - at, to - at);
          return bytes;
        },
      }));
      const read = await readJournal(early);
      // Seen so once more, after the frame behind it was: that is no write under way.
      if (readsHalfWay < 2) expect(read).toMatchObject({ texts: ['first', 'half way', 'behind it'], damaged: [] });
      else expect(read.damaged).toMatchObject([{ offset: offsets[1] }]);
    }
    await writer.close();
  });
});
