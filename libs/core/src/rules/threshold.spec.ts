import { describe, expect, it } from 'vitest';
import { Flag, type Flag as FlagValue } from '../quality/flag.js';
import type { FlaggedReading } from '../quality/flagged-reading.js';
import type { Limit } from '../stations/limit.js';
import { MINUTE_MS } from '../time/instant.js';
import type { ThresholdRule } from './rule.js';
import { stepThreshold, type ThresholdState } from './threshold.js';

const TWO_O_CLOCK = 1_790_000_000_000;
const text = { vi: 'x', en: 'x' };

const RIVER: ThresholdRule = {
  kind: 'threshold',
  id: 'river-level',
  version: 1,
  names: text,
  profileIds: ['river-gauge'],
  metric: 'level_m',
  direction: 'above',
  levels: [
    {
      severity: 'warning',
      limit: { kind: 'station', name: 'alarm_1', otherwise: null },
      deadBand: 0.1,
      holdMs: 10 * MINUTE_MS,
    },
    {
      severity: 'major',
      limit: { kind: 'station', name: 'alarm_2', otherwise: null },
      deadBand: 0.1,
      holdMs: 10 * MINUTE_MS,
    },
    { severity: 'critical', limit: { kind: 'station', name: 'alarm_3', otherwise: null }, deadBand: 0.1, holdMs: 0 },
  ],
  guidance: { cause: text, consequence: text, response: text },
};

const alarm = (name: string, value: number): Limit => ({
  name,
  metric: 'level_m',
  value,
  validFrom: null,
  validTo: null,
  document: 'QĐ 05/2020',
});
const THACH_HAN = [alarm('alarm_1', 3), alarm('alarm_2', 4.5), alarm('alarm_3', 6)];

interface Step {
  readonly at: string;
  readonly level: number;
  readonly flag?: FlagValue;
  readonly sequence?: number;
}

/** "02:10" as minutes after two o'clock, before it when the hour is smaller. */
const instant = (at: string): number => {
  const [hour, minute] = at.split(':').map(Number);
  return TWO_O_CLOCK + (hour! - 2) * 60 * MINUTE_MS + minute! * MINUTE_MS;
};
const clock = (at: number): string => {
  const minutes = (at - TWO_O_CLOCK) / MINUTE_MS + 120;
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
};

/** Runs a night and tells what the rule said, in words. */
function night(
  steps: readonly Step[],
  { rule = RIVER, limits = THACH_HAN as readonly Limit[], restartEach = false } = {},
): string[] {
  let state: ThresholdState | undefined;
  const said: string[] = [];
  for (const { at, level, flag = Flag.good, sequence = 0 } of steps) {
    const reading: FlaggedReading = {
      deviceId: 'thach-han-1',
      stationId: 'thach-han',
      metric: 'level_m',
      value: level,
      measuredAt: instant(at),
      sequence,
      receivedAt: instant(at),
      flag,
    };
    const stepped = stepThreshold(rule, limits, state, reading);
    state = restartEach ? (JSON.parse(JSON.stringify(stepped.state)) as ThresholdState) : stepped.state;
    const { transition } = stepped;
    if (transition === null) continue;
    if (transition.kind === 'raised') said.push(`${at} raised ${transition.severity} since ${clock(transition.since)}`);
    else if (transition.kind === 'severity-changed')
      said.push(`${at} ${transition.previous} to ${transition.severity}`);
    else said.push(`${at} returned from ${transition.previous}`);
  }
  return said;
}

describe('a threshold rule', () => {
  it('raises when the limit was held, and says since when it was reached', () => {
    expect(
      night([
        { at: '02:00', level: 2.9 },
        { at: '02:05', level: 3.0 },
        { at: '02:10', level: 3.2 },
        { at: '02:15', level: 3.3 },
        { at: '02:20', level: 3.3 },
      ]),
    ).toEqual(['02:15 raised warning since 02:05']);
  });

  it('forgets a hold that was broken, and begins it anew', () => {
    expect(
      night([
        { at: '02:00', level: 3.1 },
        { at: '02:05', level: 2.99 },
        { at: '02:10', level: 3.1 },
        { at: '02:19', level: 3.1 },
        { at: '02:20', level: 3.1 },
      ]),
    ).toEqual(['02:20 raised warning since 02:10']);
  });

  it('goes up and down through its severities as one answer', () => {
    expect(
      night([
        { at: '02:00', level: 3.5 },
        { at: '02:10', level: 4.6 },
        { at: '02:20', level: 4.8 },
        { at: '02:30', level: 6.0 },
        { at: '02:40', level: 5.9 },
        { at: '02:50', level: 5.89 },
        { at: '03:00', level: 4.4 },
        { at: '03:10', level: 4.3 },
        { at: '03:20', level: 2.8 },
      ]),
    ).toEqual([
      '02:10 raised warning since 02:00',
      '02:20 warning to major',
      '02:30 major to critical',
      '02:50 critical to major',
      '03:10 major to warning',
      '03:20 returned from warning',
    ]);
  });

  it('stays on inside the dead band, however often the value crosses the limit', () => {
    const wobble = Array.from({ length: 20 }, (_, index) => ({
      at: `02:${20 + index}`,
      level: index % 2 === 0 ? 2.95 : 3.05,
    }));
    expect(night([{ at: '02:00', level: 3.1 }, { at: '02:10', level: 3.1 }, ...wobble])).toEqual([
      '02:10 raised warning since 02:00',
    ]);
  });

  it('is not moved by suspect, failed, repeated or late readings', () => {
    expect(
      night([
        { at: '02:00', level: 3.1 },
        { at: '02:05', level: 9, flag: Flag.suspect },
        { at: '02:06', level: -3, flag: Flag.failed },
        { at: '02:00', level: 1 },
        { at: '01:30', level: 1 },
        { at: '02:10', level: 3.1 },
        { at: '02:10', level: 1 },
      ]),
    ).toEqual(['02:10 raised warning since 02:00']);
  });

  it('takes two readings of one millisecond in the order of their sequence', () => {
    expect(
      night([
        { at: '02:00', level: 6.1 },
        { at: '02:00', level: 1, sequence: 1 },
      ]),
    ).toEqual(['02:00 raised critical since 02:00', '02:00 returned from critical']);
  });

  it('continues a hold from its kept state as if nothing had happened', () => {
    const steps = [
      { at: '02:00', level: 3.5 },
      { at: '02:10', level: 4.6 },
      { at: '02:15', level: 4.7 },
      { at: '02:20', level: 4.8 },
      { at: '02:30', level: 1 },
    ];
    expect(night(steps, { restartEach: true })).toEqual(night(steps));
  });

  it('ends what it had raised when an edit took the level away meanwhile', () => {
    const [warning] = RIVER.levels;
    const state: ThresholdState = { judgedAt: 0, sequence: 0, reachedSince: [1, 1, 1], level: 2 };
    const reading: FlaggedReading = {
      deviceId: 'thach-han-1',
      stationId: 'thach-han',
      metric: 'level_m',
      value: 1,
      measuredAt: 5,
      sequence: 0,
      receivedAt: 5,
      flag: Flag.good,
    };
    const { transition } = stepThreshold({ ...RIVER, levels: [warning!] }, THACH_HAN, state, reading);
    expect(transition).toMatchObject({ kind: 'returned', previous: 'warning' });
  });

  it('judges the station by the limits in force at the time of the reading', () => {
    const changing: Limit[] = [
      { ...alarm('alarm_3', 5.5), validTo: instant('02:30') },
      { ...alarm('alarm_3', 6), validFrom: instant('02:30') },
    ];
    expect(
      night(
        [
          { at: '02:00', level: 5.6 },
          { at: '02:30', level: 5.6 },
          { at: '02:40', level: 6.2 },
        ],
        { limits: changing },
      ),
    ).toEqual([
      '02:00 raised critical since 02:00',
      '02:30 returned from critical',
      '02:40 raised critical since 02:40',
    ]);
  });

  it('uses the default of a rule where the station has no limit, and no limit is never a yes', () => {
    const [warning] = RIVER.levels;
    const lone = (otherwise: number | null): ThresholdRule => ({
      ...RIVER,
      levels: [{ ...warning!, holdMs: 0, limit: { kind: 'station', name: 'alarm_1', otherwise } }],
    });
    expect(night([{ at: '02:00', level: 99 }], { rule: lone(null), limits: [] })).toEqual([]);
    expect(night([{ at: '02:00', level: 99 }], { rule: lone(50), limits: [] })).toEqual([
      '02:00 raised warning since 02:00',
    ]);
  });

  it('works downwards as well', () => {
    const speed: ThresholdRule = {
      ...RIVER,
      direction: 'below',
      levels: [
        { severity: 'warning', limit: { kind: 'fixed', value: 20 }, deadBand: 5, holdMs: 0 },
        { severity: 'major', limit: { kind: 'fixed', value: 10 }, deadBand: 5, holdMs: 0 },
      ],
    };
    expect(
      night(
        [
          { at: '02:00', level: 30 },
          { at: '02:01', level: 20 },
          { at: '02:02', level: 9 },
          { at: '02:03', level: 15 },
          { at: '02:04', level: 15.1 },
          { at: '02:05', level: 25.1 },
        ],
        { rule: speed },
      ),
    ).toEqual([
      '02:01 raised warning since 02:01',
      '02:02 warning to major',
      '02:04 major to warning',
      '02:05 returned from warning',
    ]);
  });

  it('names the reading, the limit and the document that decided', () => {
    const reading: FlaggedReading = {
      deviceId: 'thach-han-1',
      stationId: 'thach-han',
      metric: 'level_m',
      value: 6.12,
      measuredAt: 5,
      sequence: 0,
      receivedAt: 9,
      flag: Flag.good,
    };
    expect(stepThreshold(RIVER, THACH_HAN, undefined, reading).transition).toEqual({
      kind: 'raised',
      ruleId: 'river-level',
      ruleVersion: 1,
      stationId: 'thach-han',
      at: 5,
      since: 5,
      severity: 'critical',
      evidence: {
        deviceId: 'thach-han-1',
        metric: 'level_m',
        value: 6.12,
        measuredAt: 5,
        receivedAt: 9,
        limit: 6,
        limitName: 'alarm_3',
        document: 'QĐ 05/2020',
      },
    });
  });
});
