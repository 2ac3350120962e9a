import { ReadingColumns } from '@canh/core/quality/reading-columns';
import { lastValueFrom, of, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { judge } from '@canh/core/rules/judge';
import { RuleStates } from '@canh/core/rules/rule-states';
import { Rulebook } from '@canh/core/rules/rulebook';
import { DAY_MS, MINUTE_MS } from '@canh/core/time/instant';
import { DEVICES, INVENTORY, NOW, PROFILE, read, reasonsOf } from './river.js';
import { heldAbove } from './rules.js';

const OLDEST = NOW - 7 * DAY_MS;
const NEWEST = NOW + 5 * MINUTE_MS;
const shapes: readonly (readonly [string, (ts: number) => string, 'telemetry' | 'gateway-telemetry'])[] = [
  ['alone', (ts) => `{"ts":${ts},"values":{"level_m":5}}`, 'telemetry'],
  ['in an array', (ts) => `[{"ts":${ts},"values":{"level_m":5}}]`, 'telemetry'],
  ['behind a gateway', (ts) => `{"d":[{"ts":${ts},"values":{"level_m":5}}]}`, 'gateway-telemetry'],
];

describe.each(shapes)('T09 a reading %s', (_shape, payloadOf, kind) => {
  it.each([
    [OLDEST - 1, 'too-old'],
    [OLDEST, null],
    [OLDEST + 1, null],
    [NEWEST - 1, null],
    [NEWEST, null],
    [NEWEST + 1, 'in-the-future'],
    [Date.UTC(2106, 1, 7, 6, 28, 15), 'bad-time'],
    [Date.UTC(2099, 11, 31), 'in-the-future'],
    [1, 'too-old'],
    [0, 'bad-time'],
    [-1, 'bad-time'],
    [NOW + 0.5, 'bad-time'],
    [Math.floor(NOW / 1000), 'too-old'],
    [NOW * 1000, 'bad-time'],
  ])('of %d: %s', (ts, reason) => {
    const content = read(payloadOf(ts), kind);
    expect(reasonsOf(content)).toEqual(reason === null ? [] : [reason]);
    // Both times stay with it.
    expect(content.readings.map(({ measuredAt, receivedAt }) => [measuredAt, receivedAt])).toEqual(
      reason === null ? [[ts, NOW]] : [],
    );
  });

  it('of 2106, of tomorrow or of half an hour ahead moves no rule’s time: the next one is judged', async () => {
    const states = new RuleStates([]);
    const rules = [heldAbove(4, 0)];
    const book = new Rulebook({ profiles: new Map([[PROFILE.id, PROFILE]]), rules }, INVENTORY, DEVICES);
    const times = [Date.UTC(2106, 1, 7), NOW + DAY_MS, NOW + 30 * MINUTE_MS, NOW];
    const judged = await lastValueFrom(
      of(...times.map((ts) => ReadingColumns.of(read(payloadOf(ts), kind).readings))).pipe(
        judge(() => book, states),
        toArray(),
      ),
    );
    expect(judged.map(({ transitions }) => transitions.map(({ kind: what, at }) => [what, at]))).toEqual([
      [],
      [],
      [],
      [['raised', NOW]],
    ]);
  });
});
