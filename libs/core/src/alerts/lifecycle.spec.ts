import { describe, expect, it } from 'vitest';
import { SEVERITIES, severityRank, type Severity } from '../rules/rule.js';
import type { Evidence, Transition } from '../rules/transition.js';
import { HOUR_MS, MINUTE_MS, type Instant } from '../time/instant.js';
import type { Alert, AlertState } from './alert.js';
import { acknowledge, onTransition, type AlertStep } from './lifecycle.js';

/** 02:00 of the night in which the river came. */
const TWO: Instant = Date.UTC(2023, 10, 4, 19);

const evidence = (at: Instant): Evidence => ({
  deviceId: 'logger-7',
  metric: 'level_m',
  value: 6.1,
  measuredAt: at,
  receivedAt: at + 1_500,
  limit: 6,
  limitName: 'alarm_3',
  document: '05/2020/QĐ-TTg',
});
const from = (at: Instant) =>
  ({ ruleId: 'river-level', ruleVersion: 3, stationId: 'thach-han', at, evidence: evidence(at) }) as const;
const raised = (at: Instant, severity: Severity): Transition => ({
  ...from(at),
  kind: 'raised',
  severity,
  since: at - 10 * MINUTE_MS,
});
const changed = (at: Instant, previous: Severity, severity: Severity): Transition => ({
  ...from(at),
  kind: 'severity-changed',
  previous,
  severity,
});
const returned = (at: Instant, previous: Severity): Transition => ({ ...from(at), kind: 'returned', previous });

function step(result: AlertStep | null): AlertStep {
  if (result === null) throw new Error('a step was expected');
  return result;
}

/** A major alert, raised at 02:00, in each state that it can be open in. */
const active = step(onTransition(null, raised(TWO, 'major'))).alert;
const seen = (alert: Alert, at: Instant): Alert => {
  const answer = acknowledge(alert, alert.version, 'lan', at, null);
  if (answer.kind !== 'done') throw new Error(`it was ${answer.kind}`);
  return answer.step.alert;
};
const acknowledged = seen(active, TWO + MINUTE_MS);
const gone = step(onTransition(active, returned(TWO + HOUR_MS, 'major'))).alert;
const closed = seen(gone, TWO + 2 * HOUR_MS);

const LATER = TWO + 3 * HOUR_MS;

describe('what a rule says when no alert is open', () => {
  it('a raising opens an alert and tells people', () => {
    const opened = step(onTransition(null, raised(TWO, 'major')));
    expect(opened).toEqual({
      alert: {
        state: 'active',
        id: `river-level.thach-han.${(TWO - 10 * MINUTE_MS).toString(36)}`,
        ruleId: 'river-level',
        ruleVersion: 3,
        stationId: 'thach-han',
        severity: 'major',
        worst: 'major',
        since: TWO - 10 * MINUTE_MS,
        raisedAt: TWO,
        evidence: evidence(TWO),
        version: 1,
      },
      event: { kind: 'raised', at: TWO, severity: 'major', by: null, note: null, evidence: evidence(TWO) },
      effects: [{ kind: 'notify', event: 'raised' }],
    });
  });

  it('the end, or a change, of something that never was an alert is nothing', () => {
    expect(onTransition(null, returned(TWO, 'major'))).toBeNull();
    expect(onTransition(null, changed(TWO, 'major', 'critical'))).toBeNull();
  });

  it('the same beginning is the same alert, another beginning or station another', () => {
    const id = (transition: Transition): string => step(onTransition(null, transition)).alert.id;
    expect(id(raised(TWO, 'warning'))).toBe(id({ ...raised(TWO, 'critical'), ruleVersion: 4 }));
    const others = [
      raised(TWO + 1, 'major'),
      { ...raised(TWO, 'major'), stationId: 'gia-vong' },
      { ...raised(TWO, 'major'), ruleId: 'river-rise' },
    ];
    expect(new Set([raised(TWO, 'major'), ...others].map(id)).size).toBe(4);
  });
});

describe('what a rule says of an open alert', () => {
  const cases: { of: Alert; says: Transition; state: AlertState; severity: Severity; told: string[] }[] = [
    { of: active, says: raised(LATER, 'warning'), state: 'active', severity: 'warning', told: ['raised'] },
    {
      of: active,
      says: changed(LATER, 'major', 'critical'),
      state: 'active',
      severity: 'critical',
      told: ['escalated'],
    },
    { of: active, says: changed(LATER, 'major', 'warning'), state: 'active', severity: 'warning', told: [] },
    { of: active, says: returned(LATER, 'major'), state: 'returned', severity: 'major', told: ['returned'] },

    { of: acknowledged, says: raised(LATER, 'critical'), state: 'active', severity: 'critical', told: ['raised'] },
    {
      of: acknowledged,
      says: changed(LATER, 'major', 'critical'),
      state: 'active',
      severity: 'critical',
      told: ['escalated'],
    },
    {
      of: acknowledged,
      says: changed(LATER, 'major', 'warning'),
      state: 'acknowledged',
      severity: 'warning',
      told: [],
    },
    { of: acknowledged, says: returned(LATER, 'major'), state: 'closed', severity: 'major', told: ['returned'] },

    { of: gone, says: raised(LATER, 'warning'), state: 'active', severity: 'warning', told: ['raised'] },
    { of: gone, says: changed(LATER, 'major', 'critical'), state: 'active', severity: 'critical', told: ['escalated'] },
    { of: gone, says: changed(LATER, 'major', 'warning'), state: 'returned', severity: 'warning', told: [] },
    { of: gone, says: returned(LATER, 'major'), state: 'returned', severity: 'major', told: ['returned'] },
  ];

  it.each(cases.map((one) => ({ ...one, name: `${one.of.state}, ${one.says.kind} → ${one.state}` })))(
    '$name, tells $told',
    ({ of, says, state, severity, told }) => {
      const { alert, event, effects } = step(onTransition(of, says));
      expect(alert.state).toBe(state);
      expect(alert.severity).toBe(severity);
      expect(effects).toEqual(told.map((word) => ({ kind: 'notify', event: word })));
      expect(event).toMatchObject({ kind: says.kind, at: LATER, by: null, note: null, evidence: says.evidence });

      // Whatever happens, it stays the same alert, one version further, with what decided last, and never forgets its worst.
      expect(alert).toMatchObject({ id: of.id, since: of.since, raisedAt: of.raisedAt, version: of.version + 1 });
      expect(alert.evidence).toEqual(says.evidence);
      expect(severityRank(alert.worst)).toBe(Math.max(severityRank(of.worst), severityRank(severity)));
    },
  );

  it('who saw it stays with it when it ends, and is forgotten when it gets worse', () => {
    const ended = step(onTransition(acknowledged, returned(LATER, 'major'))).alert;
    expect(ended).toMatchObject({ state: 'closed', returnedAt: LATER, by: 'lan', acknowledgedAt: TWO + MINUTE_MS });
    const worse = step(onTransition(acknowledged, changed(LATER, 'major', 'critical'))).alert;
    expect(worse).not.toHaveProperty('by');
    expect(worse).not.toHaveProperty('acknowledgedAt');
  });

  it('an alert that came back is no longer returned', () => {
    expect(step(onTransition(gone, raised(LATER, 'major'))).alert).not.toHaveProperty('returnedAt');
  });

  it.each(SEVERITIES.flatMap((previous) => SEVERITIES.map((severity) => [previous, severity] as const)))(
    'from %s to %s people are told only when it is worse',
    (previous, severity) => {
      const before = step(onTransition(null, raised(TWO, previous))).alert;
      const { effects } = step(onTransition(before, changed(LATER, previous, severity)));
      expect(effects).toHaveLength(severityRank(severity) > severityRank(previous) ? 1 : 0);
    },
  );

  it('a word about a time before it was raised is not about it', () => {
    expect(onTransition(active, returned(TWO - 1, 'major'))).toBeNull();
    expect(onTransition(active, changed(TWO - 1, 'major', 'critical'))).toBeNull();
  });

  it('leaves the alert that it was given as it was', () => {
    const before = structuredClone(acknowledged);
    onTransition(acknowledged, changed(LATER, 'major', 'critical'));
    acknowledge(gone, gone.version, 'lan', LATER, null);
    expect(acknowledged).toEqual(before);
  });
});

describe('an operator who has seen it', () => {
  it('acknowledges an active alert', () => {
    expect(acknowledge(active, 1, 'lan', TWO + MINUTE_MS, 'đang gọi')).toEqual({
      kind: 'done',
      step: {
        alert: { ...active, state: 'acknowledged', by: 'lan', acknowledgedAt: TWO + MINUTE_MS, version: 2 },
        event: {
          kind: 'acknowledged',
          at: TWO + MINUTE_MS,
          severity: 'major',
          by: 'lan',
          note: 'đang gọi',
          evidence: null,
        },
        effects: [],
      },
    });
  });

  it('closes an alert that has returned', () => {
    expect(closed).toEqual({ ...gone, state: 'closed', by: 'lan', acknowledgedAt: TWO + 2 * HOUR_MS, version: 3 });
  });

  it.each([acknowledged, closed])('is told that $by was quicker when it is $state', (alert) => {
    const answer = { kind: 'already', state: alert.state, by: 'lan' };
    expect(acknowledge(alert, alert.version, 'minh', LATER, null)).toEqual(answer);
    expect(acknowledge(alert, 1, 'minh', LATER, null)).toEqual(answer);
  });

  it.each([active, gone])('does not acknowledge what is newer than the page that showed it ($state)', (alert) => {
    for (const version of [alert.version - 1, alert.version + 1])
      expect(acknowledge(alert, version, 'lan', LATER, null)).toEqual({ kind: 'stale', version: alert.version });
  });
});
