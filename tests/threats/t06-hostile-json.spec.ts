import { expect, it } from 'vitest';
import { oneOf, upTo, type Chance } from '../faults/mutation/packets.js';
import { times } from '../faults/process/length.js';
import { faultSeed, seededRandom } from '../support/seeded.js';
import { NOW, PROFILE, read, reasonsOf } from './river.js';

const DOCUMENTS = times(100_000, 2_000_000);
const MOST_MS = 5;
const MOST_BYTES = 262_144;
/** What is slow once may have been interrupted, by the collector of garbage or the compiler; what is slow each time is slow. */
const LOOKS = 5;
const KINDS = ['telemetry', 'telemetry', 'gateway-telemetry', 'attributes', 'gateway-connect'] as const;
const NAMES = [
  ...['level_m', 'battery_v', 'ts', 'values', 'seq', '', 'a', 'd', 'device'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'then', 'toJSON', '\\u005f_proto__'],
];
const SCALARS = [
  ...['0', '-0', '3.4', '-1', '1e3', '1e400', '-1e-400', '9007199254740993', '9'.repeat(309), '01', '+1', '.5', '1.'],
  ...['"12"', '""', '"NaN"', '"\\ud800"', '"\\u0000"', `"${'x'.repeat(5_000)}"`, 'NaN', 'Infinity', '-Infinity'],
  ...[
    'true',
    'null',
    'undefined',
    '1790000000000',
    '-1790000000000',
    '4294967295000',
    '[]',
    '{}',
    '{"__proto__":{"a":1}}',
  ],
];

function document(chance: Chance): Buffer {
  const bytes = Buffer.from(chance() < 0.02 ? huge(chance) : chance() < 0.4 ? telemetry(chance) : value(chance, 0));
  if (chance() < 0.7 || bytes.length === 0) return bytes;
  for (let mistakes = 1 + upTo(chance, 3); mistakes > 0; mistakes -= 1) {
    const at = upTo(chance, bytes.length);
    bytes[at] = chance() < 0.5 ? upTo(chance, 256) : oneOf(chance, [...Buffer.from('{}[]":,\\0\ne-')]);
  }
  return chance() < 0.2 ? bytes.subarray(0, upTo(chance, bytes.length)) : bytes;
}

/** Nearly what a device sends. */
function telemetry(chance: Chance): string {
  const values = `{"level_m":${oneOf(chance, SCALARS)},"${oneOf(chance, NAMES)}":${oneOf(chance, SCALARS)}}`;
  const timed = `{"ts":${oneOf(chance, ['1', `${NOW}`, ...SCALARS])},"values":${values}}`;
  return oneOf(chance, [values, timed, `[${timed},${values}]`, `{"d":[${timed}],"${oneOf(chance, NAMES)}":${timed}}`]);
}

function value(chance: Chance, depth: number): string {
  if (depth > 12 || chance() < (depth === 0 ? 0.05 : 0.5)) return oneOf(chance, SCALARS);
  const count = upTo(chance, 6);
  return chance() < 0.2
    ? `[${Array.from({ length: count }, () => value(chance, depth + 1)).join(',')}]`
    : `{${Array.from({ length: count }, () => `"${oneOf(chance, NAMES)}":${value(chance, depth + 1)}`).join(',')}}`;
}

/** Up to what a message may have, of one kind of thing. */
function huge(chance: Chance): string {
  const pieces = [
    '[',
    '{',
    '{"a":',
    '[{',
    '"',
    '\\',
    '"\\',
    ':',
    '{"a":1},',
    '"a":1,',
    '9',
    '[1,',
    ' ',
    '\ufeff',
    '"a":',
    '{"a":"[',
  ];
  const piece = oneOf(chance, pieces);
  const most = oneOf(chance, [1_000, 10_000, MOST_BYTES / 16]);
  const many = piece.repeat(Math.floor(most / Buffer.byteLength(piece)));
  return oneOf(chance, [many, `{"values":{${many}`, `[${many}{}]`, `{"level_m":${many}}`]);
}

/** Milliseconds of this thread, however busy the machine is. */
function cpuMs(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

it(`T06 ${DOCUMENTS} hostile documents: none is thrown at its reader, none takes longer than ${MOST_MS} ms, and all that becomes a reading is a number of a metric`, () => {
  const chance = seededRandom(faultSeed('documents'));
  const metrics = new Set(PROFILE.metrics.map(({ name }) => name));
  let [readings, faults] = [0, 0];
  for (let n = 0; n < DOCUMENTS; n += 1) {
    const bytes = document(chance);
    const kind = oneOf(chance, KINDS);
    let content = read('{}');
    let took = cpuMs(() => (content = read(bytes, kind)));
    for (let look = 1; look < LOOKS && took > MOST_MS; look += 1)
      took = Math.min(
        took,
        cpuMs(() => read(bytes, kind)),
      );
    if (took > MOST_MS) expect.fail(`${took} ms for ${bytes.subarray(0, 200).toString('latin1')}`);
    for (const reading of content.readings)
      if (!metrics.has(reading.metric) || !Number.isFinite(reading.value) || !Number.isFinite(reading.measuredAt))
        expect.fail(`${JSON.stringify(reading)} of ${bytes.toString('latin1')}`);
    readings += content.readings.length;
    faults += content.faults.length;
  }
  expect(readings).toBeGreaterThan(DOCUMENTS / 100);
  expect(faults).toBeGreaterThan(DOCUMENTS / 2);
  for (const name of ['a', 'level_m', 'values']) expect(Object.prototype).not.toHaveProperty(name);
});

it.each([
  ['brackets nine deep', '{"values":' + '['.repeat(8) + ']'.repeat(8) + '}', ['too-deep']],
  ['brackets a hundred thousand deep', '['.repeat(100_000), ['too-deep']],
  [
    '65 values',
    JSON.stringify(Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`m${n}`, n]))),
    ['too-many-values'],
  ],
  ['10,001 moments', `[${Array.from({ length: 10_001 }, () => '{"level_m":1}').join(',')}]`, ['too-many-values']],
  ['names that objects have', '{"__proto__":1,"constructor":2,"toString":3}', Array(3).fill('unknown-metric')],
  ['a prototype with values', '{"__proto__":{"values":{"level_m":9}}}', ['not-a-number']],
  ['a device with the name of a prototype', '{"__proto__":[{"level_m":1}]}', ['unknown-device'], 'gateway-telemetry'],
  ['bytes that are no UTF-8', Buffer.from('{"level_m":1,"\xff":1}', 'latin1'), ['not-utf8']],
  ['UTF-8 of half a surrogate', Buffer.from('{"\xed\xa0\x80":1}', 'latin1'), ['not-utf8']],
  ['UTF-8 that is longer than it need be', Buffer.from('{"\xc0\x80":1}', 'latin1'), ['not-utf8']],
] as const)(
  'T06 %s: no reading, and a reason',
  (_what, payload, expected, kind: 'telemetry' | 'gateway-telemetry' = 'telemetry') => {
    const content = read(payload, kind);
    expect(content.readings).toEqual([]);
    expect(reasonsOf(content)).toEqual(expected);
  },
);
