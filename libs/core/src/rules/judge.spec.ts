import { lastValueFrom, of, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Flag } from '../quality/flag.js';
import type { FlaggedReading } from '../quality/flagged-reading.js';
import { KnownDevices } from '../stations/known-devices.js';
import type { Profile } from '../stations/profile.js';
import type { Inventory } from '../stations/registry.js';
import { ReadingColumns } from '../quality/reading-columns.js';
import { judge } from './judge.js';
import type { ThresholdRule } from './rule.js';
import { RuleStates } from './rule-states.js';
import { Rulebook } from './rulebook.js';

const text = { vi: 'x', en: 'x' };
const GAUGE: Profile = {
  id: 'river-gauge',
  kind: 'water',
  names: text,
  intervalMs: 600_000,
  metrics: [{ name: 'level_m', names: text, unit: 'm', plausible: { min: -5, max: 60 }, decimals: 2 }],
};
const rule = (id: string, limit: number): ThresholdRule => ({
  kind: 'threshold',
  id,
  version: 1,
  names: text,
  profileIds: ['river-gauge'],
  metric: 'level_m',
  direction: 'above',
  levels: [{ severity: 'warning', limit: { kind: 'fixed', value: limit }, deadBand: 0, holdMs: 0 }],
  guidance: { cause: text, consequence: text, response: text },
});
const INVENTORY: Inventory = {
  areas: [],
  stations: ['a', 'b'].map((id) => ({
    id,
    names: text,
    areaId: 'x',
    ownerUnit: 'x',
    position: { latitude: 16.8, longitude: 107.1 },
    profileId: 'river-gauge',
    limits: [],
  })),
  devices: ['a', 'b'].map((id) => ({
    id: `${id}-1`,
    name: id,
    stationId: id,
    profileId: 'river-gauge',
    gatewayId: null,
  })),
};

function book(rules: readonly ThresholdRule[]): Rulebook {
  const catalogue = { profiles: new Map([['river-gauge', GAUGE]]), rules };
  return new Rulebook(catalogue, INVENTORY, new KnownDevices(INVENTORY, catalogue.profiles));
}
const reading = (stationId: string, value: number, measuredAt: number): FlaggedReading => ({
  deviceId: `${stationId}-1`,
  stationId,
  metric: 'level_m',
  value,
  measuredAt,
  sequence: 0,
  receivedAt: measuredAt,
  flag: Flag.good,
});

const batch = (...readings: FlaggedReading[]): ReadingColumns => ReadingColumns.of(readings);

describe('judging', () => {
  it('keeps the state of each rule and station apart, over all batches', async () => {
    const rules = book([rule('low', 1), rule('high', 3)]);
    const judged = await lastValueFrom(
      of(batch(reading('a', 2, 1), reading('b', 4, 1)), batch(reading('a', 2, 2), reading('b', 0, 2)), batch()).pipe(
        judge(() => rules, new RuleStates([])),
        toArray(),
      ),
    );
    expect(
      judged.map(({ transitions }) =>
        transitions.map(({ ruleId, stationId, kind }) => `${ruleId} ${stationId} ${kind}`),
      ),
    ).toEqual([['low a raised', 'low b raised', 'high b raised'], ['low b returned', 'high b returned'], []]);
  });

  it('goes on from kept states, and gives each changed state once', async () => {
    const rules = book([rule('low', 1)]);
    const before = new RuleStates([]);
    await lastValueFrom(of(batch(reading('a', 2, 1))).pipe(judge(() => rules, before)));
    const kept = before.takeChanged();
    expect(kept).toMatchObject([{ ruleId: 'low', stationId: 'a' }]);
    expect(before.takeChanged()).toEqual([]);
    const { transitions } = await lastValueFrom(
      of(batch(reading('a', 2, 2), reading('a', 0, 3))).pipe(judge(() => rules, new RuleStates(kept))),
    );
    expect(transitions.map(({ kind }) => kind)).toEqual(['returned']);
  });

  it('stops a rule that throws for its station alone, and reports the reading that did it once', async () => {
    const rules = book([rule('broken', 1), rule('sound', 1)]);
    const states = new RuleStates([
      { ruleId: 'broken', stationId: 'a', state: { judgedAt: 0, sequence: 0, reachedSince: null, level: 0 } },
    ]);
    const judged = await lastValueFrom(
      of(batch(reading('a', 2, 1), reading('b', 2, 1)), batch(reading('a', 2, 2))).pipe(
        judge(() => rules, states),
        toArray(),
      ),
    );
    expect(judged.flatMap(({ failures }) => failures)).toMatchObject([
      { ruleId: 'broken', reading: { stationId: 'a', measuredAt: 1 } },
    ]);
    expect(
      judged.flatMap(({ transitions }) => transitions.map(({ ruleId, stationId }) => `${ruleId} ${stationId}`)),
    ).toEqual(['sound a', 'broken b', 'sound b']);
  });

  it('names every level that can never begin because its station has no such limit', () => {
    const bound: ThresholdRule = {
      ...rule('flood', 0),
      levels: [
        { severity: 'critical', limit: { kind: 'station', name: 'alarm_3', otherwise: null }, deadBand: 0, holdMs: 0 },
      ],
    };
    expect(book([bound]).missingLimits()).toHaveLength(2);
    expect(book([bound]).missingLimits()[0]).toContain('station a has no limit alarm_3');
  });
});
