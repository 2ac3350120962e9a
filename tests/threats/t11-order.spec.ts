import { ReadingColumns } from '@canh/core/quality/reading-columns';
import { lastValueFrom, of, toArray } from 'rxjs';
import { expect, it } from 'vitest';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import { judge } from '@canh/core/rules/judge';
import { RuleStates } from '@canh/core/rules/rule-states';
import { Rulebook } from '@canh/core/rules/rulebook';
import { MINUTE_MS } from '@canh/core/time/instant';
import { upTo, type Chance } from '../faults/mutation/packets.js';
import { times } from '../faults/process/length.js';
import { faultSeed, seededRandom } from '../support/seeded.js';
import { DEVICES, INVENTORY, NOW, PROFILE, read, STATIONS } from './river.js';
import { heldAbove } from './rules.js';

const DAYS = times(2_000, 50_000);
const RULES = [heldAbove(4, 0), heldAbove(5, 20 * MINUTE_MS, 0.3), heldAbove(3, 10 * MINUTE_MS)];
const BOOK = new Rulebook({ profiles: new Map([[PROFILE.id, PROFILE]]), rules: RULES }, INVENTORY, DEVICES);

interface Measured {
  readonly ts: number;
  readonly seq: number;
  readonly values: { readonly level_m: number };
}

/** A river that goes up and down past the limits; two readings of one millisecond now and then. */
function river(chance: Chance): Measured[] {
  let level = 2 + 3 * chance();
  let at = NOW - 300 * MINUTE_MS;
  return Array.from({ length: 2 + upTo(chance, 28) }, (_, seq) => {
    level += 2 * (chance() - 0.5);
    at += chance() < 0.1 ? 0 : (1 + upTo(chance, 9)) * MINUTE_MS;
    return { ts: at, seq, values: { level_m: Math.round(level * 100) / 100 } };
  });
}

function shuffled<T>(all: readonly T[], chance: Chance): T[] {
  return all
    .map((one) => ({ one, by: chance() }))
    .toSorted((a, b) => a.by - b.by)
    .map(({ one }) => one);
}

const messageOf = (measured: readonly Measured[]): FlaggedReading[] => [...read(JSON.stringify(measured)).readings];
const at = (stationId: string, reading: FlaggedReading): FlaggedReading => ({
  ...reading,
  stationId,
  deviceId: stationId,
});

/** The alerts as they begin, change and end, of each station by itself. */
async function alertsOf(batches: readonly (readonly FlaggedReading[])[]): Promise<string[][]> {
  const judged = await lastValueFrom(
    of(...batches.map((readings) => ReadingColumns.of(readings)), new ReadingColumns()).pipe(
      judge(() => BOOK, new RuleStates([])),
      toArray(),
    ),
  );
  const all = judged.flatMap(({ transitions }) => transitions);
  return STATIONS.flatMap((station) =>
    RULES.map((rule) =>
      all
        .filter(({ ruleId, stationId }) => stationId === station && ruleId === rule.id)
        .map(({ kind, at: when, evidence }) => `${kind} ${when} ${evidence.value}`),
    ),
  );
}

it(`T11 in one message the order is nothing: ${DAYS} backlogs in any order raise what they raise in their own`, async () => {
  const chance = seededRandom(faultSeed('order within a message'));
  let raised = 0;
  for (let day = 0; day < DAYS; day += 1) {
    const measured = river(chance);
    const expected = await alertsOf(measured.map((one) => messageOf([one])));
    raised += expected.flat().length;
    expect(await alertsOf([messageOf(shuffled(measured, chance))])).toEqual(expected);
    expect(await alertsOf([messageOf(measured.toReversed())])).toEqual(expected);
  }
  expect(raised).toBeGreaterThan(DAYS);
});

it(`T11 what one station sends early or late is nothing to another: ${DAYS} interleavings of three`, async () => {
  const chance = seededRandom(faultSeed('order of stations'));
  for (let day = 0; day < DAYS; day += 1) {
    const rivers = STATIONS.map((station) => messageOf(river(chance)).map((reading) => at(station, reading)));
    const expected = await alertsOf(rivers);
    const left = rivers.map((readings) => [...readings]);
    const mixed: FlaggedReading[][] = [];
    while (left.some(({ length }) => length > 0)) {
      const next = left[upTo(chance, left.length)]!.splice(0, 1 + upTo(chance, 3));
      if (next.length > 0) mixed.push(next);
    }
    expect(await alertsOf(mixed)).toEqual(expected);
  }
});

it(`T11 what comes behind something newer, or once more, neither raises, changes nor ends an alert: ${DAYS} days in any order`, async () => {
  const chance = seededRandom(faultSeed('late messages'));
  for (let day = 0; day < DAYS; day += 1) {
    const arrived = shuffled(river(chance), chance);
    const again = arrived.flatMap((one) => Array.from({ length: 1 + upTo(chance, 3) }, () => one));
    let newest: Measured | undefined;
    const inTime = arrived.filter((one) => {
      const isNewer = newest === undefined || one.ts > newest.ts || (one.ts === newest.ts && one.seq > newest.seq);
      if (isNewer) newest = one;
      return isNewer;
    });
    const expected = await alertsOf(inTime.map((one) => messageOf([one])));
    expect(await alertsOf(again.map((one) => messageOf([one])))).toEqual(expected);
  }
});
