import { ReadingColumns } from '@canh/core/quality/reading-columns';
import { lastValueFrom, of, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Flag } from '@canh/core/quality/flag';
import { judge } from '@canh/core/rules/judge';
import { RuleStates } from '@canh/core/rules/rule-states';
import { DEVICES, INVENTORY, NOW, PROFILE, read, reasonsOf } from './river.js';
import { Rulebook } from '@canh/core/rules/rulebook';
import { heldAbove } from './rules.js';

const DIGITS_309 = '9'.repeat(309);
const ts = NOW - 60_000;
/** The shapes in which a value can come: the quick way and the slow one, alone and behind a gateway. */
const shapes: readonly (readonly [string, (value: string) => string, 'telemetry' | 'gateway-telemetry'])[] = [
  ['bare', (value) => `{"level_m":${value}}`, 'telemetry'],
  ['timed', (value) => `{"ts":${ts},"values":{"level_m":${value}},"seq":1}`, 'telemetry'],
  ['in an array', (value) => `[{"ts":${ts},"values":{"level_m":${value}}}]`, 'telemetry'],
  ['behind a gateway', (value) => `{"d":[{"ts":${ts},"values":{"level_m":${value}}}]}`, 'gateway-telemetry'],
];

const NO_NUMBERS = [
  ...['1e400', '-1e400', DIGITS_309, `-${DIGITS_309}`, `${DIGITS_309}.0`, '"12"', '"NaN"', '" 12"', '"١٢"', '""'],
  ...['null', 'true', 'false', '[12]', '{"v":12}'],
];
const NO_JSON = [
  'NaN',
  '-NaN',
  'Infinity',
  '-Infinity',
  '+12',
  '012',
  '.5',
  '12.',
  '0x0c',
  '1_000',
  '12,5',
  '12f',
  '１２',
  '--1',
];
const OUT_OF_RANGE = [
  '9007199254740993',
  '-9007199254740993',
  '1e308',
  '-1e308',
  '1.7976931348623157e308',
  '60.000001',
  '-5.000001',
];

/** What a rule remembers after a reading of it. */
async function remembered(readings: ReturnType<typeof read>['readings']): Promise<unknown> {
  const states = new RuleStates([]);
  const rules = [heldAbove(4, 0)];
  const book = new Rulebook({ profiles: new Map([[PROFILE.id, PROFILE]]), rules }, INVENTORY, DEVICES);
  await lastValueFrom(
    of(ReadingColumns.of(readings)).pipe(
      judge(() => book, states),
      toArray(),
    ),
  );
  return states.get(rules[0]!.id, 'a');
}

describe.each(shapes)('T07 a value %s', (_shape, payloadOf, kind) => {
  it.each(NO_NUMBERS)('%s is no number: set aside with its reason', (value) => {
    const content = read(payloadOf(value), kind);
    expect(reasonsOf(content)).toEqual(['not-a-number']);
    expect(content.readings).toEqual([]);
  });

  it.each(NO_JSON)('%s is no JSON: set aside with its reason', (value) => {
    const content = read(payloadOf(value), kind);
    expect(reasonsOf(content)).toEqual(['not-json']);
    expect(content.readings).toEqual([]);
  });

  it.each(OUT_OF_RANGE)(
    '%s is out of the range of its metric: kept as failed, and no rule remembers it',
    async (value) => {
      const { readings, faults } = read(payloadOf(value), kind);
      expect(faults).toEqual([]);
      expect(readings.map(({ value, flag }) => [value, flag])).toEqual([[Number(value), Flag.failed]]);
      expect(await remembered(readings)).toBeUndefined();
    },
  );

  it.each(['-0', '-0.0', '-0e5', '-1e-400', '0'])('%s is zero, without a sign', (value) => {
    const { readings } = read(payloadOf(value), kind);
    expect(readings.map((reading) => Object.is(reading.value, 0))).toEqual([true]);
  });

  it('is remembered by the rules where it is a good one', async () => {
    expect(await remembered(read(payloadOf('4.5'), kind).readings)).toMatchObject({ level: 0 });
  });
});
