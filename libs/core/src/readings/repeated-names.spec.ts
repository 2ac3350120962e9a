import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeGatewayTelemetry } from './decode-gateway.js';
import { decodeTelemetry } from './decode-telemetry.js';
import { repeatedNames } from './repeated-names.js';

const NOW = 1_790_000_000_000;
const repeatedIn = (text: string): string[] =>
  repeatedNames(text, JSON.parse(text), 0).map(({ detail }) => /^"(.*)" stands/.exec(detail)?.[1] ?? detail);

describe('a name that stands twice in one object', () => {
  it.each([
    ['{"a":1,"a":2}', ['a']],
    ['{"a":1,"a":2,"a":3}', ['a', 'a']],
    ['{"ts":1,"values":{"a":1,"b":2,"a":2}}', ['a']],
    ['{"ts":1,"values":{"a":1},"values":{"a":2}}', ['values']],
    ['[{"a":1},{"b":1 , "b" : 2}]', ['b']],
    ['{"a":1,"\\u0061":2}', ['a']],
    ['{"a:\\"":1,"a:\\"":2}', ['a:"']],
    ['{"__proto__":1,"__proto__":2}', ['__proto__']],
    ['{"a":{"a":{"a":1}}}', []],
    ['[{"a":1},{"a":1}]', []],
    ['{"a:b":"c:{","d":"\\\\"}', []],
    ['{"a":null,"b":[null,{"c":[]}]}', []],
    ['"a:b"', []],
    ['null', []],
  ])('is found in %s', (text, names) => {
    expect(repeatedIn(text)).toEqual(names);
  });

  it('is never found in what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(repeatedIn(text)).toEqual([]);
      }),
    );
  });

  it('is found wherever one is added', () => {
    const pairs = fc.array(fc.tuple(fc.string(), fc.jsonValue({ maxDepth: 2 })), { minLength: 1 });
    fc.assert(
      fc.property(pairs, (all) => {
        const text = `{${all.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`;
        const distinct = new Set(all.map(([name]) => name)).size;
        expect(repeatedIn(text)).toHaveLength(all.length - distinct);
      }),
    );
  });

  it.each([
    '{"ts":1790000000000,"values":{"a":1,"b":2},"seq":7}',
    '[{"a":1},{"ts":1790000000000,"values":{"a":1}},{"ts":1790000000000,"seq":1,"values":{"a":1},"values":{"b":1}}]',
    '{"a":1,"b":"x","a":2}',
    '{"ts":5,"ts":6,"a":1}',
    '{"ts":1790000000000,"ts":1790000000001,"values":{"a":1}}',
    '{"values":{"a":1,"a":2},"battery":3}',
    '{"a:b":1,"c":2,"c":3}',
  ])('is a fault as often as it is there, in %s', (text) => {
    const told = (faults: readonly { detail: string }[]): number =>
      faults.filter(({ detail }) => detail.includes('stands more than once')).length;
    const expected = repeatedIn(text).length;
    expect(told(decodeTelemetry(text, NOW).faults)).toBe(expected);
    expect(told(decodeGatewayTelemetry(`{"x":${text},"y":{"a":1}}`, NOW).faults)).toBe(expected);
    expect(told(decodeGatewayTelemetry(`{"x":${text},"x":{"a":1}}`, NOW).faults)).toBeGreaterThan(expected);
  });

  it('is a fault beside the readings that are left', () => {
    const native = decodeTelemetry(`[{"level_m":1,"level_m":2},{"level_m":3}]`, NOW);
    expect(native.points.map(({ values }) => values)).toEqual([[['level_m', 2]], [['level_m', 3]]]);
    expect(native.faults).toMatchObject([
      { reason: 'wrong-shape', detail: expect.stringMatching(/^"level_m" stands/) },
    ]);
    const gateway = decodeGatewayTelemetry(
      `{"node-7":[{"ts":${NOW},"values":{"level_m":1}}],"node-7":[{"ts":${NOW + 1},"values":{"level_m":2}}]}`,
      NOW,
    );
    expect(gateway.devices).toHaveLength(1);
    expect(gateway.faults).toMatchObject([
      { reason: 'wrong-shape', detail: expect.stringMatching(/^"node-7" stands/) },
    ]);
  });
});
