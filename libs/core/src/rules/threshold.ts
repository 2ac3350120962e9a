import type { FlaggedReading } from '../quality/flagged-reading.js';
import { Flag } from '../quality/flag.js';
import { limitInForce, type Limit } from '../stations/limit.js';
import type { Instant } from '../time/instant.js';
import type { ThresholdLevel, ThresholdRule } from './rule.js';
import type { Evidence, Transition } from './transition.js';

/** What a threshold rule remembers of one station. A plain value: it is kept beside the journal offset and put back after a restart. */
export interface ThresholdState {
  /** The newest reading judged, as (time, sequence): what is not newer was judged before, or comes too late to change the present. */
  readonly judgedAt: Instant;
  readonly sequence: number;
  /** For each level: since when its limit has been reached without a break, or null. */
  readonly reachedSince: readonly (Instant | null)[];
  /** The worst level that is on, or -1. */
  readonly level: number;
}

/** A level's limit for one station at one time, or null where neither the station nor the rule has one. */
export interface ResolvedLimit {
  readonly value: number;
  readonly limitName: string | null;
  readonly document: string | null;
}

export function resolveLimit(
  level: ThresholdLevel,
  metric: string,
  limits: readonly Limit[],
  at: Instant,
): ResolvedLimit | null {
  const { limit } = level;
  if (limit.kind === 'fixed') return { value: limit.value, limitName: null, document: null };
  const own = limitInForce(limits, metric, limit.name, at);
  if (own !== undefined) return { value: own.value, limitName: own.name, document: own.document };
  return limit.otherwise === null ? null : { value: limit.otherwise, limitName: limit.name, document: null };
}

const isNewer = (reading: FlaggedReading, state: ThresholdState): boolean =>
  reading.measuredAt > state.judgedAt || (reading.measuredAt === state.judgedAt && reading.sequence > state.sequence);

/**
 * One reading further. A level begins when its limit has been reached for `holdMs` of the readings' own time, and ends when a reading is
 * more than `deadBand` back over it. Suspect and failed readings neither satisfy a condition nor break it: they change nothing.
 * The worst level that is on is the rule's answer; the transition is what changed in that answer, if anything did.
 */
export function stepThreshold(
  rule: ThresholdRule,
  limits: readonly Limit[],
  state: ThresholdState | undefined,
  reading: FlaggedReading,
): { readonly state: ThresholdState | undefined; readonly transition: Transition | null } {
  if (reading.flag !== Flag.good || (state !== undefined && !isNewer(reading, state)))
    return { state, transition: null };

  const sign = rule.direction === 'above' ? 1 : -1;
  const reachedSince: (Instant | null)[] = [];
  // The rule may have lost levels since this state was kept.
  const before = Math.min(state?.level ?? -1, rule.levels.length - 1);
  let level = -1;
  let deciding: ResolvedLimit | null = null;
  for (const [index, each] of rule.levels.entries()) {
    const limit = resolveLimit(each, rule.metric, limits, reading.measuredAt);
    const over = limit === null ? -Infinity : sign * (reading.value - limit.value);
    const since = state?.reachedSince[index] ?? null;
    const wasOn = index <= before && since !== null;
    const stays = over >= 0 || (wasOn && over >= -each.deadBand);
    const from = stays ? (since ?? reading.measuredAt) : null;
    reachedSince.push(from);
    // A level that was on needs no new hold; a milder one that the worse one covered has served its own while it was covered.
    if (from !== null && (wasOn || reading.measuredAt - from >= each.holdMs)) [level, deciding] = [index, limit];
  }

  const next: ThresholdState = { judgedAt: reading.measuredAt, sequence: reading.sequence, reachedSince, level };
  return {
    state: next,
    transition: level === before ? null : transition(rule, limits, before, next, deciding, reading),
  };
}

function transition(
  rule: ThresholdRule,
  limits: readonly Limit[],
  before: number,
  { level, reachedSince }: ThresholdState,
  deciding: ResolvedLimit | null,
  reading: FlaggedReading,
): Transition {
  const was = rule.levels[before];
  const is = rule.levels[level];
  // What decided a return is the limit that it fell back from.
  const limit = deciding ?? (was === undefined ? null : resolveLimit(was, rule.metric, limits, reading.measuredAt));
  const evidence: Evidence = {
    deviceId: reading.deviceId,
    metric: reading.metric,
    value: reading.value,
    measuredAt: reading.measuredAt,
    receivedAt: reading.receivedAt,
    limit: limit?.value ?? null,
    limitName: limit?.limitName ?? null,
    document: limit?.document ?? null,
  };
  const common = {
    ruleId: rule.id,
    ruleVersion: rule.version,
    stationId: reading.stationId,
    at: reading.measuredAt,
    evidence,
  };
  if (is === undefined) return { ...common, kind: 'returned', previous: was!.severity };
  if (was === undefined)
    return { ...common, kind: 'raised', severity: is.severity, since: reachedSince[level] ?? reading.measuredAt };
  return { ...common, kind: 'severity-changed', severity: is.severity, previous: was.severity };
}
