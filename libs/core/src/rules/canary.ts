import { MINUTE_MS, type Instant } from '../time/instant.js';
import type { Severity } from './rule.js';
import type { Transition } from './transition.js';

/** The reading that Canh sends through its own path, each time that it reports, and the rule that people are told by when it does not come out. */
export const CANARY = {
  stationId: 'canh',
  deviceId: 'canh',
  metric: 'canary_missing_min',
  ruleId: 'canh-canary',
  ruleVersion: 1,
} as const;

/** For how long no canary was seen: to be judged, and to be read back from the series store. */
export interface CanarySilence {
  readonly judgedMs: number;
  readonly storedMs: number;
}

/** The alert that stands in the records for it. */
export interface OpenCanaryAlert {
  readonly severity: Severity;
  readonly raisedAt: Instant;
}

/** A judge that works has seen a later canary than the last one that came out, since two or more come in within the time. */
const JUDGED_WITHIN = 2 / 3;

/** Nothing is judged: nobody is alerted of anything. Judged but not stored: alerts go on, and what is shown is old. */
export function canarySeverity({ judgedMs, storedMs }: CanarySilence, withinMs: number): Severity | null {
  if (storedMs <= withinMs) return null;
  return judgedMs > withinMs * JUDGED_WITHIN ? 'critical' : 'major';
}

/** What is to be said of it now, or null where that was said already. */
export function canaryTransition(
  open: OpenCanaryAlert | null,
  silence: CanarySilence,
  withinMs: number,
  now: Instant,
): Transition | null {
  const severity = canarySeverity(silence, withinMs);
  if (severity === (open?.severity ?? null)) return null;
  const missingMs = severity === 'critical' ? silence.judgedMs : silence.storedMs;
  // However the clock was set meanwhile: what ends an alert comes after what raised it.
  const at = Math.max(now, open === null ? now : open.raisedAt + 1);
  const common = {
    ruleId: CANARY.ruleId,
    ruleVersion: CANARY.ruleVersion,
    stationId: CANARY.stationId,
    at,
    evidence: {
      deviceId: CANARY.deviceId,
      metric: CANARY.metric,
      value: Math.round((missingMs / MINUTE_MS) * 10) / 10,
      measuredAt: at,
      receivedAt: at,
      limit: Math.round((withinMs / MINUTE_MS) * 10) / 10,
      limitName: null,
      document: null,
    },
  };
  if (severity === null) return open === null ? null : { ...common, kind: 'returned', previous: open.severity };
  if (open === null) return { ...common, kind: 'raised', severity, since: at - Math.round(missingMs) };
  return { ...common, kind: 'severity-changed', severity, previous: open.severity };
}
