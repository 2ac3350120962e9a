import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Alert } from '../alerts/alert.js';
import type { NoticeEvent } from '../alerts/lifecycle.js';
import { SEVERITIES, severityRank, type Severity } from '../rules/rule.js';
import { HOUR_MS, MINUTE_MS, SECOND_MS, type Instant } from '../time/instant.js';
import type { Contact, Notice } from './notice.js';
import { afterAttempt, GIVE_UP_AFTER_MS, recipients } from './plan.js';

const TWO: Instant = Date.UTC(2023, 10, 4, 19);

const contact = (fromSeverity: Severity): Contact => ({
  id: fromSeverity,
  name: fromSeverity,
  channel: 'email',
  address: `${fromSeverity}@quangtri.example`,
  language: 'vi',
  fromSeverity,
});
const everybody = SEVERITIES.map(contact);

function notice(event: NoticeEvent, severity: Severity, worst: Severity): Notice {
  const alert: Alert = {
    state: 'active',
    id: 'river-level.thach-han.x',
    ruleId: 'river-level',
    ruleVersion: 1,
    stationId: 'thach-han',
    severity,
    worst,
    since: TWO,
    raisedAt: TWO,
    evidence: {
      deviceId: 'logger-7',
      metric: 'level_m',
      value: 6.1,
      measuredAt: TWO,
      receivedAt: TWO,
      limit: 6,
      limitName: null,
      document: null,
    },
    version: 1,
  };
  return { id: 'n', event, createdAt: TWO, alert };
}
const told = (event: NoticeEvent, severity: Severity, worst: Severity): string[] =>
  recipients(notice(event, severity, worst), everybody).map(({ id }) => id);

describe('who is told', () => {
  it.each(SEVERITIES)('a new %s reaches those who asked for it or for milder ones', (severity) => {
    const asked = SEVERITIES.filter((from) => severityRank(from) <= severityRank(severity));
    expect(told('raised', severity, severity)).toEqual(asked);
    expect(told('escalated', severity, severity)).toEqual(asked);
  });

  it('an alert that comes back milder is told by what it is now', () => {
    expect(told('raised', 'warning', 'critical')).toEqual(['warning']);
  });

  it('the end reaches everybody who was told of the worst of it', () => {
    expect(told('returned', 'warning', 'critical')).toEqual(['warning', 'major', 'critical']);
    expect(told('returned', 'warning', 'warning')).toEqual(['warning']);
  });

  it('without contacts nobody is told', () => {
    expect(recipients(notice('raised', 'critical', 'critical'), [])).toEqual([]);
  });
});

describe('after an attempt', () => {
  const failed = { kind: 'failed', answer: '451' } as const;

  it('what was accepted or refused for good is over, however late', () => {
    const late = TWO + 2 * GIVE_UP_AFTER_MS;
    expect(afterAttempt({ kind: 'accepted', answer: '250' }, 9, TWO, late, 0.5)).toEqual({
      state: 'accepted',
      nextAttemptAt: null,
    });
    expect(afterAttempt({ kind: 'refused', answer: '550' }, 1, TWO, TWO, 0.5)).toEqual({
      state: 'refused',
      nextAttemptAt: null,
    });
  });

  it('waits twice as long each time, between half of the step and the whole of it, up to 15 minutes', () => {
    const waits = (spread: number): number[] =>
      Array.from({ length: 10 }, (_, n) => (afterAttempt(failed, n + 1, TWO, TWO, spread).nextAttemptAt ?? 0) - TWO);
    const steps = [5, 10, 20, 40, 80, 160, 320, 640, 900, 900].map((seconds) => seconds * SECOND_MS);
    expect(waits(0)).toEqual(steps.map((ms) => ms / 2));
    expect(waits(0.5)).toEqual(steps.map((ms) => ms * 0.75));
  });

  it('always tries again within 15 minutes and never at once, until a day is over', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 0, max: GIVE_UP_AFTER_MS - 1 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempts, ageMs, spread) => {
          const next = afterAttempt(failed, attempts, TWO, TWO + ageMs, spread);
          expect(next.state).toBe('pending');
          const waitMs = (next.nextAttemptAt ?? NaN) - (TWO + ageMs);
          expect(Number.isInteger(waitMs)).toBe(true);
          expect(waitMs).toBeGreaterThanOrEqual(2.5 * SECOND_MS);
          expect(waitMs).toBeLessThanOrEqual(15 * MINUTE_MS);
        },
      ),
    );
  });

  it('gives up a day after the notice was written, not before', () => {
    expect(afterAttempt(failed, 100, TWO, TWO + 24 * HOUR_MS - 1, 0).state).toBe('pending');
    expect(afterAttempt(failed, 100, TWO, TWO + 24 * HOUR_MS, 0)).toEqual({ state: 'given-up', nextAttemptAt: null });
  });

  it('does not give up what was hardly tried, however far the clock was set forward, or back', () => {
    expect(afterAttempt(failed, 1, TWO, TWO + 2 * GIVE_UP_AFTER_MS, 0).state).toBe('pending');
    expect(afterAttempt(failed, 1, TWO, TWO - HOUR_MS, 0).state).toBe('pending');
  });
});
