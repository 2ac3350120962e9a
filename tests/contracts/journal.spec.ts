import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { dropSegments, journalBytes, segmentName, segments } from '@canh/adapters/journal-files/segments';
import { START, type DamagedStretch, type JournalOffset } from '@canh/core/readings/journal';
import type { Message } from '@canh/core/readings/message';

const segmentFile = (directory: string, segment: number): string => join(directory, segmentName(segment));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canh-journal-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const message = (text: string, deviceId = 'thach-han-1'): Message => ({
  kind: 'telemetry',
  deviceId,
  receivedAt: 1_790_000_000_000,
  payload: Buffer.from(text),
});

/** Everything there is, from `from` on, by as many reads as it takes. */
async function readAll(
  from: JournalOffset = START,
): Promise<{ texts: string[]; offsets: JournalOffset[]; next: JournalOffset; damaged: DamagedStretch[] }> {
  const reader = new FileJournalReader(folder);
  const all = { texts: [] as string[], offsets: [] as JournalOffset[], next: from, damaged: [] as DamagedStretch[] };
  for (;;) {
    const { entries, next, damaged } = await reader.read(all.next, 1);
    if (next === all.next) break;
    for (const {
      offset,
      message: { payload },
    } of entries) {
      all.texts.push(Buffer.from(payload).toString());
      all.offsets.push(offset);
    }
    all.damaged.push(...damaged);
    all.next = next;
  }
  await reader.close();
  return all;
}

describe('the journal', () => {
  it('gives back what was appended, in the order of the calls, whole', async () => {
    const writer = await FileJournalWriter.open(folder);
    const texts = Array.from({ length: 5_000 }, (_, index) => `{"level_m":${index}}`);
    const offsets = await Promise.all(texts.map((text) => writer.append(message(text))));
    await writer.close();
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    const read = await readAll();
    expect(read.texts).toEqual(texts);
    expect(read.next).toBe(offsets.at(-1));
  });

  it('keeps any bytes, any kind and any device id apart', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            kind: fc.constantFrom<Message['kind'][]>(
              'telemetry',
              'gateway-telemetry',
              'attributes',
              'gateway-connect',
              'gateway-disconnect',
              'refused',
              'replayed',
            ),
            deviceId: fc.string({ unit: 'grapheme', maxLength: 20 }),
            receivedAt: fc.nat({ max: 2 ** 48 - 1 }),
            payload: fc.uint8Array({ maxLength: 300 }),
          }),
          { minLength: 1, maxLength: 20 },
        ),
        async (messages) => {
          const own = await mkdtemp(join(folder, 'case-'));
          const writer = await FileJournalWriter.open(own);
          await Promise.all(messages.map((each) => writer.append(each)));
          await writer.close();
          const reader = new FileJournalReader(own);
          const { entries } = await reader.read(START, 2 ** 20);
          await reader.close();
          expect(entries.map((entry) => ({ ...entry.message, payload: [...entry.message.payload] }))).toEqual(
            messages.map((each) => ({ ...each, payload: [...each.payload] })),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is read on from any offset, while it is written, across segments', async () => {
    const writer = await FileJournalWriter.open(folder, { segmentBytes: 4_096 });
    const reader = new FileJournalReader(folder);
    const seen: string[] = [];
    let at: JournalOffset = START;
    for (let round = 0; round < 40; round += 1) {
      await Promise.all(Array.from({ length: 20 }, (_, index) => writer.append(message(`${round}-${index}`))));
      for (let more = true; more;) {
        const { entries, next } = await reader.read(at, 1);
        for (const {
          message: { payload },
        } of entries)
          seen.push(Buffer.from(payload).toString());
        more = next !== at;
        at = next;
      }
    }
    await reader.close();
    await writer.close();
    expect(seen).toEqual(Array.from({ length: 800 }, (_, index) => `${Math.floor(index / 20)}-${index % 20}`));
    expect((await segments(folder)).length).toBeGreaterThan(3);
    const all = await readAll();
    expect((await readAll(all.offsets[500])).texts).toEqual(seen.slice(500));
  });

  it('goes on in a new segment after a crash, and a torn tail is nothing that was promised', async () => {
    const first = await FileJournalWriter.open(folder);
    await Promise.all(['a', 'b', 'c'].map((text) => first.append(message(text))));
    await first.close();
    const file = segmentFile(folder, 1);
    const whole = await stat(file);
    await truncate(file, whole.size - 1);
    expect((await readAll()).texts).toEqual(['a', 'b']);
    const second = await FileJournalWriter.open(folder);
    await second.append(message('d'));
    await second.close();
    expect((await readAll()).texts).toEqual(['a', 'b', 'd']);
  });

  it('finds every flipped bit, keeps the frames around it and counts the damage', async () => {
    const writer = await FileJournalWriter.open(folder);
    for (const text of ['before', 'damaged', 'after']) await writer.append(message(text));
    await writer.close();
    // Sealed by a later segment: nothing is still being written.
    await (await FileJournalWriter.open(folder)).close();
    const bytes = await readFile(segmentFile(folder, 1));
    const { offsets } = await readAll();
    const [from, to] = [offsets[1]! % 2 ** 32, offsets[2]! % 2 ** 32];
    for (let bit = from * 8; bit < to * 8; bit += 1) {
      const rotten = Buffer.from(bytes);
      rotten[bit >> 3]! ^= 1 << (bit & 7);
      await writeFile(segmentFile(folder, 1), rotten);
      const read = await readAll();
      expect(read.texts).toEqual(['before', 'after']);
      expect(read.damaged).toEqual([{ offset: offsets[1], length: to - from, bytes: rotten.subarray(from, to) }]);
    }
  });

  it('says so when the last frame of a segment, or its head, is rotten', async () => {
    const writer = await FileJournalWriter.open(folder);
    for (const text of ['before', 'last']) await writer.append(message(text));
    await writer.close();
    const next = await FileJournalWriter.open(folder);
    await next.append(message('next'));
    await next.close();
    const bytes = await readFile(segmentFile(folder, 1));
    const { offsets } = await readAll();
    const overwritten = async (at: number, other: number): Promise<Buffer> => {
      const rotten = Buffer.from(bytes);
      rotten[at]! ^= other;
      await writeFile(segmentFile(folder, 1), rotten);
      return rotten;
    };
    const frame = (await overwritten(bytes.length - 1, 1)).subarray(offsets[1]! % 2 ** 32);
    expect(await readAll()).toMatchObject({
      texts: ['before', 'next'],
      damaged: [{ offset: offsets[1], length: frame.length, bytes: frame }],
    });
    const all = await overwritten(0, 255);
    expect(await readAll()).toMatchObject({
      texts: ['next'],
      damaged: [{ offset: 2 ** 32, length: all.length, bytes: all }],
    });
  });

  it('loses nothing to one rotten bit in the head of a segment, on which all of it hangs', async () => {
    const writer = await FileJournalWriter.open(folder);
    for (const text of ['first', 'second']) await writer.append(message(text));
    await writer.close();
    const bytes = await readFile(segmentFile(folder, 1));
    for (let bit = 0; bit < 12 * 8; bit += 1) {
      const rotten = Buffer.from(bytes);
      rotten[bit >> 3]! ^= 1 << (bit & 7);
      await writeFile(segmentFile(folder, 1), rotten);
      expect(await readAll()).toMatchObject({ texts: ['first', 'second'], damaged: [] });
    }
  });

  it('tells how much is behind, over all segments', async () => {
    const writer = await FileJournalWriter.open(folder, { segmentBytes: 1 });
    for (let index = 0; index < 10; index += 1) await writer.append(message(`${index}`));
    await writer.close();
    const reader = new FileJournalReader(folder);
    const first = await reader.read(START, 1);
    const all = await readAll();
    expect(first.entries).toHaveLength(1);
    expect(first.behindBytes).toBe(9 * ((all.next % 2 ** 32) - 12));
    expect((await reader.read(all.next, 1)).behindBytes).toBe(0);
    await reader.close();
  });

  it('never takes for a frame what a device has put into its payload', async () => {
    const forger = await FileJournalWriter.open(join(folder, 'forger'));
    await forger.append(message('{"level_m":0}', 'another-device'));
    await forger.close();
    const forged = (await readFile(segmentFile(join(folder, 'forger'), 1))).subarray(12);
    const writer = await FileJournalWriter.open(folder);
    await writer.append({ ...message(''), payload: forged });
    await writer.append(message('after'));
    await writer.close();
    await (await FileJournalWriter.open(folder)).close();
    const bytes = await readFile(segmentFile(folder, 1));
    bytes[12 + 4]! ^= 1;
    await writeFile(segmentFile(folder, 1), bytes);
    const { texts, damaged } = await readAll();
    expect(texts).toEqual(['after']);
    expect(damaged.map(({ offset }) => offset % 2 ** 32)).toEqual([12]);
  });

  it('waits for a frame that is still being written, and reads it once it is whole', async () => {
    const writer = await FileJournalWriter.open(folder);
    await writer.append(message('first'));
    await writer.append(message('second'));
    await writer.close();
    const bytes = await readFile(segmentFile(folder, 1));
    await writeFile(segmentFile(folder, 1), bytes.subarray(0, bytes.length - 3));
    const { texts, next } = await readAll();
    expect(texts).toEqual(['first']);
    await appendFile(segmentFile(folder, 1), bytes.subarray(bytes.length - 3));
    expect((await readAll(next)).texts).toEqual(['second']);
  });

  it('lets one writer in', async () => {
    const writer = await FileJournalWriter.open(folder);
    await expect(FileJournalWriter.open(folder)).rejects.toMatchObject({ code: 'LOCKED' });
    await writer.close();
    await (await FileJournalWriter.open(folder)).close();
  });

  it('says what to do when its folder cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(FileJournalWriter.open(join(folder, 'file', 'journal'))).rejects.toMatchObject({
      code: 'JOURNAL_UNWRITABLE',
    });
  });

  it('refuses a message after it was closed, and one that no frame holds', async () => {
    const writer = await FileJournalWriter.open(folder);
    await expect(writer.append(message('x'.repeat(2 ** 20)))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    await writer.append(message('fits'));
    await writer.close();
    await expect(writer.append(message('late'))).rejects.toMatchObject({ code: 'JOURNAL_CLOSED' });
    expect((await readAll()).texts).toEqual(['fits']);
  });

  it('drops segments that lie wholly before a place, never the newest, and says what it came to', async () => {
    const writer = await FileJournalWriter.open(folder, { segmentBytes: 1 });
    for (const text of ['1', '2', '3', '4']) await writer.append(message(text));
    await writer.close();
    const { offsets } = await readAll();
    // Each message begins a segment of its own, after the one that the opening made.
    expect(await segments(folder)).toEqual([1, 2, 3, 4, 5]);
    const head = 12;
    const atOnce = { now: Date.now(), keptMs: 0 };
    const whole = (await stat(segmentFile(folder, 2))).size;
    expect(await journalBytes(folder)).toBe(head + 4 * whole);
    expect(await dropSegments(folder, offsets[0]!, atOnce)).toEqual({ segments: 1, bytes: head });
    expect(await dropSegments(folder, offsets[2]!, atOnce)).toEqual({ segments: 2, bytes: 2 * whole });
    expect((await readAll()).texts).toEqual(['3', '4']);
    expect(await dropSegments(folder, Number.MAX_SAFE_INTEGER, atOnce)).toEqual({ segments: 1, bytes: whole });
    expect((await readAll()).texts).toEqual(['4']);
    expect(await journalBytes(folder)).toBe(whole);
    expect(await journalBytes(join(folder, 'not-there'))).toBe(0);
  });
});
