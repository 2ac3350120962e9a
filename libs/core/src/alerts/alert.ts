import type { Severity } from '../rules/rule.js';
import type { Evidence } from '../rules/transition.js';
import type { Instant } from '../time/instant.js';

export type OperatorId = string;

export interface AlertBase {
  readonly id: string;
  readonly ruleId: string;
  readonly ruleVersion: number;
  readonly stationId: string;
  /** As of now; the worst it has been is `worst`. */
  readonly severity: Severity;
  readonly worst: Severity;
  /** When the condition began, by the readings. */
  readonly since: Instant;
  /** When the rule raised it: `since` plus the hold. */
  readonly raisedAt: Instant;
  /** What decided the latest step. */
  readonly evidence: Evidence;
  /** Goes up with every step; an action names the version its operator saw. */
  readonly version: number;
}

/**
 * What an operator must answer (ISA-18.2): active and unacknowledged, active and acknowledged, returned below the limit but seen by
 * nobody, closed.
 */
export type Alert = AlertBase &
  (
    | { readonly state: 'active' }
    | { readonly state: 'acknowledged'; readonly by: OperatorId; readonly acknowledgedAt: Instant }
    | { readonly state: 'returned'; readonly returnedAt: Instant }
    | {
        readonly state: 'closed';
        readonly returnedAt: Instant;
        readonly by: OperatorId;
        readonly acknowledgedAt: Instant;
      }
  );

export type AlertState = Alert['state'];

/** One line of an alert's history, which only grows. */
export interface AlertEvent {
  readonly kind: 'raised' | 'severity-changed' | 'returned' | 'acknowledged' | 'closed';
  /** By the readings for what a rule did, by the clock for what a person did. */
  readonly at: Instant;
  readonly severity: Severity;
  /** Who did it; null for the rule. */
  readonly by: OperatorId | null;
  readonly note: string | null;
  /** What decided it; null for what a person did. */
  readonly evidence: Evidence | null;
}
