import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeGatewayDevice, decodeGatewayTelemetry } from './decode-gateway.js';
import { decodeTelemetry, MAX_POINTS, nestsDeeperThan } from './decode-telemetry.js';

const RECEIVED_AT = 1_790_000_000_000;
const decode = (text: string) => decodeTelemetry(text, RECEIVED_AT);
const reasons = (text: string): string[] => decode(text).faults.map(({ reason }) => reason);

describe('the native payload', () => {
  it('is an object of values, of the time received', () => {
    expect(decode('{"level_m":3.4,"battery_v":3.6}')).toEqual({
      points: [
        {
          measuredAt: RECEIVED_AT,
          seq: null,
          values: [
            ['level_m', 3.4],
            ['battery_v', 3.6],
          ],
        },
      ],
      faults: [],
    });
  });

  it('or carries its own time, and a sequence for readings of one millisecond', () => {
    expect(decode('{"ts":1700000000000,"values":{"level_m":3.4},"seq":1002}').points).toEqual([
      { measuredAt: 1_700_000_000_000, seq: 1002, values: [['level_m', 3.4]] },
    ]);
  });

  it('or is an array of either, in whatever order', () => {
    expect(
      decode('[{"level_m":1},{"ts":1700000000000,"values":{"level_m":2}}]').points.map(({ measuredAt }) => measuredAt),
    ).toEqual([1_700_000_000_000, RECEIVED_AT]);
  });

  it('keeps the good values beside the bad ones', () => {
    const decoded = decode('[{"level_m":1,"flow_m3s":null},{"ts":"yesterday","values":{"level_m":2}},{"level_m":3}]');
    expect(decoded.points.map(({ values }) => values)).toEqual([[['level_m', 1]], [['level_m', 3]]]);
    expect(decoded.faults.map(({ reason }) => reason)).toEqual(['not-a-number', 'bad-time']);
  });

  it.each([
    ['not JSON', '{"level_m":', 'not-json'],
    ['nothing', '', 'not-json'],
    ['a number', '3.4', 'wrong-shape'],
    ['null', 'null', 'wrong-shape'],
    ['no values', '{}', 'wrong-shape'],
    ['an empty array', '[]', 'wrong-shape'],
    ['an array of arrays', '[[1]]', 'wrong-shape'],
    ['values that are no object', '{"ts":1700000000000,"values":[1]}', 'wrong-shape'],
    ['text for a number', '{"level_m":"3.4"}', 'not-a-number'],
    ['a number too large to be one', '{"level_m":1e400}', 'not-a-number'],
    ['true', '{"level_m":true}', 'not-a-number'],
    ['null for a number', '{"level_m":null}', 'not-a-number'],
    ['an object for a number', '{"level_m":{"value":1}}', 'not-a-number'],
    ['NaN, which is no JSON', '{"level_m":NaN}', 'not-json'],
    ['seconds with a fraction', '{"ts":1700000000.5,"values":{"level_m":1}}', 'bad-time'],
    ['a time of the year 2106', '{"ts":4294967295000,"values":{"level_m":1}}', 'bad-time'],
    ['a time before the epoch', '{"ts":-1,"values":{"level_m":1}}', 'bad-time'],
    ['a sequence with a fraction', '{"ts":1700000000000,"values":{"level_m":1},"seq":1.5}', 'wrong-shape'],
    [
      'more values than a device has',
      JSON.stringify(Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`m_${index}`, 1]))),
      'too-many-values',
    ],
    [
      'more elements than a backlog',
      `[${Array.from({ length: MAX_POINTS + 1 }, () => '{"a":1}').join(',')}]`,
      'too-many-values',
    ],
    ['brackets without end', '['.repeat(100_000), 'too-deep'],
    ['a name without end', JSON.stringify({ ['m'.repeat(65)]: 1 }), 'unknown-metric'],
  ])('names what is wrong with %s', (_what, text, reason) => {
    expect(decode(text).points).toEqual([]);
    expect(reasons(text)).toEqual([reason]);
  });

  it('is not led astray by names that JavaScript knows', () => {
    const decoded = decode('{"__proto__":1,"constructor":2,"level_m":3}');
    expect(decoded.points[0]?.values).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
      ['level_m', 3],
    ]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('never throws, and never gives a value that is not a finite number', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((text) => text.slice(0, -1)),
        ),
        (text) => {
          for (const { measuredAt, seq, values } of decode(text).points) {
            expect(Number.isSafeInteger(measuredAt) && (seq ?? 0) >= 0).toBe(true);
            for (const [, value] of values) expect(Number.isFinite(value)).toBe(true);
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });
});

describe('the depth of a text', () => {
  it('counts brackets, and none inside a string', () => {
    expect(nestsDeeperThan('[[[]]]', 3)).toBe(false);
    expect(nestsDeeperThan('[[[[]]]]', 3)).toBe(true);
    expect(nestsDeeperThan('["[[[[\\"[[[["]', 3)).toBe(false);
  });
});

describe('a gateway', () => {
  it('sends for many devices what each would send by itself', () => {
    const { devices, faults } = decodeGatewayTelemetry(
      '{"Cầu Đông Hà":[{"ts":1700000000000,"values":{"level_m":1}}],"B":{"level_m":"x"}}',
      RECEIVED_AT,
    );
    expect(faults).toEqual([]);
    expect(devices.map(({ deviceName, points, faults: own }) => [deviceName, points.length, own.length])).toEqual([
      ['Cầu Đông Hà', 1, 0],
      ['B', 0, 1],
    ]);
  });

  it('is told what is wrong with a message that names no devices', () => {
    expect(decodeGatewayTelemetry('[]', RECEIVED_AT).faults).toMatchObject([{ reason: 'wrong-shape' }]);
    expect(decodeGatewayDevice('{"device":""}')).toMatchObject({ fault: { reason: 'wrong-shape' } });
    expect(decodeGatewayDevice('{"device":"A"}')).toEqual({ deviceName: 'A' });
  });
});
