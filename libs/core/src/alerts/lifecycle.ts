import type { Transition } from '../rules/transition.js';
import { severityRank, type Severity } from '../rules/rule.js';
import type { Instant } from '../time/instant.js';
import { unreachable } from '../canh-error.js';
import type { Alert, AlertBase, AlertEvent, OperatorId } from './alert.js';

/** Why people are told something of an alert. */
export type NoticeEvent = 'raised' | 'escalated' | 'returned';

/** What must happen in the world when an alert changes; saved with the change. */
export interface Effect {
  readonly kind: 'notify';
  readonly event: NoticeEvent;
}

export interface AlertStep {
  readonly alert: Alert;
  readonly event: AlertEvent;
  readonly effects: readonly Effect[];
}

const worse = (a: Severity, b: Severity): Severity => (severityRank(a) >= severityRank(b) ? a : b);

/** The same rule, station and beginning give the same id, so a replay meets its own alert and not a second one. */
function alertId(transition: Transition & { kind: 'raised' }): string {
  return `${transition.ruleId}.${transition.stationId}.${transition.since.toString(36)}`;
}

function fresh(transition: Transition & { kind: 'raised' }): Alert {
  const { ruleId, ruleVersion, stationId, severity, since, at, evidence } = transition;
  return {
    state: 'active',
    id: alertId(transition),
    ruleId,
    ruleVersion,
    stationId,
    severity,
    worst: severity,
    since,
    raisedAt: at,
    evidence,
    version: 1,
  };
}

const base = (alert: Alert): AlertBase => {
  const { id, ruleId, ruleVersion, stationId, severity, worst, since, raisedAt, evidence, version } = alert;
  return { id, ruleId, ruleVersion, stationId, severity, worst, since, raisedAt, evidence, version };
};

/**
 * What follows for the alert that is open for this rule and station (null: none is) from what the rule says.
 * Null: nothing does, e.g. the end of something that was never an alert, or a word about a time before this alert was raised, which a
 * replay can bring when that earlier word led to nothing.
 */
export function onTransition(live: Alert | null, transition: Transition): AlertStep | null {
  const { at, evidence } = transition;
  const event = (kind: AlertEvent['kind'], severity: Severity): AlertEvent => ({
    kind,
    at,
    severity,
    by: null,
    note: null,
    evidence,
  });

  switch (transition.kind) {
    case 'raised': {
      const { severity } = transition;
      const notify: Effect[] = [{ kind: 'notify', event: 'raised' }];
      if (live === null) return { alert: fresh(transition), event: event('raised', severity), effects: notify };
      // Came back before anybody had seen that it was gone: the same alert goes on, and people are told again.
      const again: Alert = {
        ...base(live),
        state: 'active',
        severity,
        worst: worse(live.worst, severity),
        evidence,
        version: live.version + 1,
      };
      return { alert: again, event: event('raised', severity), effects: notify };
    }
    case 'severity-changed': {
      if (live === null || at < live.raisedAt) return null;
      const { severity, previous } = transition;
      const escalated = severityRank(severity) > severityRank(previous);
      const changed = { severity, worst: worse(live.worst, severity), evidence, version: live.version + 1 };
      // Worse than what was acknowledged has been seen by nobody yet.
      const alert: Alert = escalated ? { ...base(live), ...changed, state: 'active' } : { ...live, ...changed };
      return {
        alert,
        event: event('severity-changed', severity),
        effects: escalated ? [{ kind: 'notify', event: 'escalated' }] : [],
      };
    }
    case 'returned': {
      if (live === null || at < live.raisedAt) return null;
      const notify: Effect[] = [{ kind: 'notify', event: 'returned' }];
      const changed = { evidence, version: live.version + 1 };
      const alert: Alert =
        live.state === 'acknowledged'
          ? {
              ...base(live),
              ...changed,
              state: 'closed',
              returnedAt: at,
              by: live.by,
              acknowledgedAt: live.acknowledgedAt,
            }
          : { ...base(live), ...changed, state: 'returned', returnedAt: at };
      return { alert, event: event('returned', transition.previous), effects: notify };
    }
    default:
      return unreachable(transition);
  }
}

export type Answer =
  | { readonly kind: 'done'; readonly step: AlertStep }
  /** Somebody was quicker, or it is over; nothing changed. */
  | { readonly kind: 'already'; readonly state: Alert['state']; readonly by: OperatorId | null }
  /** The alert has changed since the operator looked. */
  | { readonly kind: 'stale'; readonly version: number };

/** An operator says: seen. An alert that has returned meanwhile is closed by it. */
export function acknowledge(
  alert: Alert,
  seenVersion: number,
  by: OperatorId,
  at: Instant,
  note: string | null,
): Answer {
  if (alert.state === 'acknowledged' || alert.state === 'closed')
    return { kind: 'already', state: alert.state, by: alert.by };
  if (alert.version !== seenVersion) return { kind: 'stale', version: alert.version };
  const next = { ...base(alert), version: alert.version + 1, by, acknowledgedAt: at };
  const acknowledged: Alert =
    alert.state === 'returned'
      ? { ...next, state: 'closed', returnedAt: alert.returnedAt }
      : { ...next, state: 'acknowledged' };
  const event: AlertEvent = { kind: 'acknowledged', at, severity: alert.severity, by, note, evidence: null };
  return { kind: 'done', step: { alert: acknowledged, event, effects: [] } };
}
