import { crc32c } from '@node-rs/crc32';
import { describe, expect, it } from 'vitest';
import { CrcOfRanges } from '@canh/adapters/journal-files/crc-of-ranges';
import { frameBytes, writeFrame } from '@canh/adapters/journal-files/frame';
import { readStretch } from '@canh/adapters/journal-files/read-stretch';
import type { Message } from '@canh/core/readings/message';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { telemetry } from './journal.parts.js';

const AT = 2 ** 32 + 12;
const SALT = 12_345;
/** Trying each of these lengths took seven seconds. */
const MOST_CPU_MS = 1_000;

/** As large as any door lets in, and every fourth byte begins what looks like the head of a frame of 384 KB of telemetry. */
const chosen = (): Message => {
  const payload = Buffer.alloc(786_432);
  for (let at = 0; at < payload.length; at += 4) payload.writeUInt32LE(0x0005ff00, at);
  return { ...telemetry(''), payload };
};

function framesOf(messages: readonly Message[]): { readonly bytes: Buffer; readonly ends: number[] } {
  const bytes = Buffer.alloc(messages.reduce((sum, message) => sum + frameBytes(message), 0));
  const ends: number[] = [];
  for (const message of messages) ends.push(writeFrame(message, bytes, ends.at(-1) ?? 0, SALT));
  return { bytes, ends };
}

function cpuMsOf<Result>(work: () => Result): { readonly result: Result; readonly ms: number } {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  return { result, ms: (user + system) / 1000 };
}

describe('bytes that a device chose to look like heads of frames', () => {
  it('take little to look through while only half of them is visible yet', () => {
    const { bytes } = framesOf([chosen()]);
    const seen = bytes.subarray(0, -100);
    const { result, ms } = cpuMsOf(() => readStretch(seen, AT, { salt: SALT, sealed: false, toTheEnd: true }));
    expect(result).toMatchObject({ entries: [], damaged: [], end: 0, stop: 'read' });
    expect(ms).toBeLessThan(MOST_CPU_MS);
  });

  it('take little to pass over when they are damaged, and what stands behind them is found', () => {
    const { bytes, ends } = framesOf([chosen(), telemetry('behind'), telemetry('last')]);
    bytes[2]! ^= 0x40;
    const { result, ms } = cpuMsOf(() => readStretch(bytes, AT, { salt: SALT, sealed: true, toTheEnd: true }));
    expect(result.entries.map(({ offset, message }) => [offset, Buffer.from(message.payload).toString()])).toEqual([
      [AT + ends[0]!, 'behind'],
      [AT + ends[1]!, 'last'],
    ]);
    expect(result.damaged).toMatchObject([{ offset: AT, length: ends[0] }]);
    expect(ms).toBeLessThan(MOST_CPU_MS);
  });

  it('are checked by the same CRC, whatever the range and the salt', () => {
    const random = seededRandom(faultSeed('crc of ranges'));
    const below = (bound: number): number => Math.floor(random() * bound);
    const bytes = Buffer.from(Array.from({ length: 2 ** 20 + 5_000 }, () => below(256)));
    const ranges = new CrcOfRanges(bytes);
    for (let n = 0; n < 500; n += 1) {
      const from = below(n % 2 === 0 ? bytes.length : 3_000);
      const to = from + below(Math.min(bytes.length - from, n % 3 === 0 ? 3_000 : bytes.length) + 1);
      const salt = below(2 ** 32);
      expect([from, to, salt, ranges.of(from, to, salt)]).toEqual([
        from,
        to,
        salt,
        crc32c(bytes.subarray(from, to), salt),
      ]);
    }
    expect(ranges.of(0, bytes.length, SALT)).toBe(crc32c(bytes, SALT));
  });
});
