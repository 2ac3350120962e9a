import { map, type OperatorFunction } from 'rxjs';
import type { FlaggedReading } from '../quality/flagged-reading.js';
import type { ReadingColumns } from '../quality/reading-columns.js';
import type { Limit } from '../stations/limit.js';
import type { Rule } from './rule.js';
import type { RuleStates } from './rule-states.js';
import type { Rulebook } from './rulebook.js';
import { stepThreshold, type ThresholdState } from './threshold.js';
import type { Transition } from './transition.js';

/** A rule that threw, with the reading that made it throw. It judges nothing for that station until the next start. */
export interface RuleFailure {
  readonly ruleId: string;
  readonly reading: FlaggedReading;
  readonly error: unknown;
}

export interface Judgement {
  readonly transitions: readonly Transition[];
  readonly failures: readonly RuleFailure[];
  readonly evaluations: number;
}

/** One step of whichever kind of rule this is. */
function step(
  rule: Rule,
  limits: readonly Limit[],
  state: unknown,
  reading: FlaggedReading,
): { state: unknown; transition: Transition | null } {
  switch (rule.kind) {
    case 'threshold':
      return stepThreshold(rule, limits, state as ThresholdState | undefined, reading);
  }
}

/**
 * The rules as one operator over batches of readings. The states of all keys live in one table beside it, so that they can be kept and
 * put back; a rule that throws is stopped for that station alone, and the stream goes on.
 */
export function judge(rulebook: () => Rulebook, states: RuleStates): OperatorFunction<ReadingColumns, Judgement> {
  const stopped = new Map<string, Set<string>>();
  return map((readings) => {
    const book = rulebook();
    const transitions: Transition[] = [];
    const failures: RuleFailure[] = [];
    let evaluations = 0;
    const { series, length } = readings;
    for (let place = 0; place < length; place += 1) {
      const rules = book.rulesFor(series[place]!);
      if (rules.length === 0) continue;
      const reading = readings.at(place);
      for (const rule of rules) {
        if (stopped.size > 0 && stopped.get(rule.id)?.has(reading.stationId) === true) continue;
        const before = states.get(rule.id, reading.stationId);
        evaluations += 1;
        try {
          const { state, transition } = step(rule, book.station(reading.stationId)?.limits ?? [], before, reading);
          if (state !== before) states.set(rule.id, reading.stationId, state);
          if (transition !== null) transitions.push(transition);
        } catch (error) {
          failures.push({ ruleId: rule.id, reading, error });
          stopped.set(rule.id, (stopped.get(rule.id) ?? new Set()).add(reading.stationId));
        }
      }
    }
    return { transitions, failures, evaluations };
  });
}
