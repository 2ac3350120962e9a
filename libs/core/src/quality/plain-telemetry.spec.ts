import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeTelemetry } from '../readings/decode-telemetry.js';
import type { Metric } from '../stations/profile.js';
import { PlainTelemetry } from './plain-telemetry.js';

const NOW = 1_790_000_000_000;
const NAMES = ['level_m', 'rain_mm', 'a', 'ab', 'seq', 'values', 'mực nước'];
const text = { vi: 'x', en: 'x' };
const METRICS = NAMES.map((name): Metric => ({
  name,
  names: text,
  unit: 'm',
  plausible: { min: -5, max: 60 },
  decimals: 2,
}));

const plain = new PlainTelemetry(METRICS);
const bytesOf = (payload: string): Uint8Array => new TextEncoder().encode(payload);

/** As `decodeTelemetry` gives it: the moment, the count and the values; null where the payload is not plain. */
function read(payload: string) {
  if (!plain.read(bytesOf(payload))) return null;
  const values = Array.from({ length: plain.count }, (_, nth) => [plain.metric(nth).name, plain.values[nth]]);
  return { points: [{ measuredAt: plain.ts ?? NOW, seq: plain.seq, values }], faults: [] };
}

describe('a plain payload', () => {
  it.each([
    '{"level_m":3.4}',
    '{"level_m":-0.05,"rain_mm":0}',
    '{"ts":1700000000000,"values":{"level_m":3.4,"rain_mm":12.25},"seq":7}',
    '{"seq":7,"values":{"rain_mm":1},"ts":1700000000000}',
    '{"values":{"ab":1,"a":2}}',
    ' {\r\n "ts" : 1700000000000 ,\t"values": { "level_m" : 3 } } ',
    '{"level_m":123456789012345}',
  ])('is read as any other is: %s', (payload) => {
    expect(read(payload)).toEqual(decodeTelemetry(payload, NOW));
  });

  it.each([
    ['no object', '[{"level_m":3.4}]'],
    ['a name that stands twice', '{"level_m":1,"level_m":2}'],
    ['a time that stands twice', '{"ts":1700000000000,"ts":1700000000001,"values":{"level_m":1}}'],
    ['values that stand twice', '{"values":{"level_m":1},"values":{"rain_mm":1}}'],
    ['a name that nobody declared', '{"level_m":1,"made_up":2}'],
    ['a name with an escape', '{"level\\u005fm":1}'],
    ['values beside a metric', '{"level_m":1,"values":{"rain_mm":2}}'],
    ['a number with an exponent', '{"level_m":1e3}'],
    ['more digits than are surely exact', '{"level_m":0.1234567890123456}'],
    ['a number that JSON has not', '{"level_m":01}'],
    ['text', '{"level_m":"1"}'],
    ['a time that is none', '{"ts":0,"values":{"level_m":1}}'],
    ['a count that is none', '{"seq":1.5,"values":{"level_m":1}}'],
    ['no values', '{"ts":1700000000000}'],
    ['nothing', ''],
    ['its end missing', '{"level_m":1'],
    ['something behind it', '{"level_m":1}}'],
  ])('is none with %s', (_, payload) => {
    expect(read(payload)).toBeNull();
  });

  it('is taken for nothing but what it is, whatever stands in it', () => {
    const plainNumber = fc
      .tuple(fc.integer({ max: 999_999, min: -999_999 }), fc.nat({ max: 99_999_999 }))
      .map(([whole, part]) => `${whole}.${part}`);
    const odd = fc.constantFrom('-0', '-0.0', '0.30', '00', '.5', '1.', '-', '+1', '1e400', '1E5', 'null', '"x"', '{}');
    const number = fc.oneof(
      { weight: 20, arbitrary: plainNumber },
      { weight: 20, arbitrary: fc.integer().map(String) },
      { weight: 1, arbitrary: fc.double({ noNaN: true }).map(String) },
      { weight: 1, arbitrary: odd },
    );
    const name = fc.oneof(
      { weight: 30, arbitrary: fc.constantFrom('level_m', 'rain_mm', 'a', 'ab') },
      { weight: 1, arbitrary: fc.constantFrom(...NAMES, 'ts', 'x', 'level') },
      { weight: 1, arbitrary: fc.string({ maxLength: 3 }) },
    );
    const blank = fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom('', ' ', '\n\t\r') },
      { weight: 1, arbitrary: fc.constant('\u00a0') },
    );
    const member = fc.tuple(
      blank,
      name.map((each) => JSON.stringify(each)),
      blank,
      number,
      blank,
    );
    const members = fc
      .array(member, { maxLength: 4 })
      .map((all) => all.map(([a, key, b, value, c]) => `${a}${key}${b}:${value}${c}`).join(','));
    const timed = fc.array(
      fc.oneof(
        { weight: 3, arbitrary: members.map((within) => `"values":{${within}}`) },
        fc.nat().map((ts) => `"ts":${ts}`),
        number.map((seq) => `"seq":${seq}`),
      ),
      { maxLength: 4 },
    );
    const payload = fc.oneof(
      members.map((all) => `{${all}}`),
      timed.map((all) => `{${all.join(',')}}`),
    );
    const cut = fc.tuple(payload, fc.nat({ max: 40 })).map(([all, at]) => all.slice(0, -1 - at));
    let plainOnes = 0;
    fc.assert(
      fc.property(fc.oneof({ weight: 8, arbitrary: payload }, cut), (given) => {
        const found = read(given);
        if (found === null) return;
        plainOnes += 1;
        expect(found).toEqual(decodeTelemetry(given, NOW));
      }),
      { numRuns: 20_000 },
    );
    expect(plainOnes).toBeGreaterThan(1_000);
  });
});
