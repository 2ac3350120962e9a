import type { Instant } from '../time/instant.js';
import type { Severity } from './rule.js';

/** The reading and the limit that decided. */
export interface Evidence {
  readonly deviceId: string;
  readonly metric: string;
  readonly value: number;
  readonly measuredAt: Instant;
  readonly receivedAt: Instant;
  /** Null where none is in force any more, which is itself a return. */
  readonly limit: number | null;
  /** The station limit's name, or null for a limit written in the rule. */
  readonly limitName: string | null;
  /** The document that set it; null where the rule did. */
  readonly document: string | null;
}

/** What a rule says of one station when its answer changes. */
export type Transition = {
  readonly ruleId: string;
  readonly ruleVersion: number;
  readonly stationId: string;
  /** The time of the reading that decided. */
  readonly at: Instant;
  readonly evidence: Evidence;
} & (
  | {
      readonly kind: 'raised';
      readonly severity: Severity;
      /** When the condition began; the hold comes after it. */ readonly since: Instant;
    }
  | { readonly kind: 'severity-changed'; readonly severity: Severity; readonly previous: Severity }
  | { readonly kind: 'returned'; readonly previous: Severity }
);
