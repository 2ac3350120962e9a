import { setTimeout as pause } from 'node:timers/promises';
import type { Transaction } from 'kysely';
import type { Alert } from '@canh/core/alerts/alert';
import { AlertStore } from '@canh/core/alerts/alert-store';
import { onTransition } from '@canh/core/alerts/lifecycle';
import type { Transition } from '@canh/core/rules/transition';
import type { Instant } from '@canh/core/time/instant';
import { alertById, alertOf, saveStep } from './alert-steps.js';
import { LONGEST_PAUSE_MS } from './node-sqlite-dialect.js';
import type { RecordsDatabase } from './open-records.js';
import type { Schema } from './schema.js';

/** Each commit waits for the disk, so many steps share one; not so many that an operator's acknowledgement waits long for the lock. */
const STEPS_AT_ONCE = 100;

export class SqlAlertStore extends AlertStore {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async apply(transitions: readonly Transition[], now: Instant): Promise<number> {
    let saved = 0;
    for (let from = 0; from < transitions.length; from += STEPS_AT_ONCE) {
      // Whoever waits for the lock tries again now and then, and would hardly ever find it free: in a storm nobody would be told anything.
      if (from > 0) await pause(LONGEST_PAUSE_MS + 1);
      saved += await this.database.write(async (transaction) => {
        let here = 0;
        for (const transition of transitions.slice(from, from + STEPS_AT_ONCE))
          if (await applyOne(transaction, transition, now)) here += 1;
        return here;
      });
    }
    return saved;
  }
}

async function applyOne(transaction: Transaction<Schema>, transition: Transition, now: Instant): Promise<boolean> {
  if (await wasSaved(transaction, transition)) return false;
  const live = await liveAlert(transaction, transition);
  const step = onTransition(live, transition);
  if (step === null) return false;
  // The same beginning, judged again by a changed rule: that alert was raised, answered and closed already.
  if (live === null && (await alertById(transaction, step.alert.id)) !== null) return false;
  await saveStep(transaction, step, now);
  return true;
}

async function wasSaved(transaction: Transaction<Schema>, transition: Transition): Promise<boolean> {
  const { ruleId, stationId, at, kind } = transition;
  // Readings of one millisecond can take an alert through several severities.
  const severity = transition.kind === 'returned' ? transition.previous : transition.severity;
  const event = await transaction
    .selectFrom('alert_events')
    .select('change')
    .where('rule_id', '=', ruleId)
    .where('station_id', '=', stationId)
    .where('at', '=', at)
    .where('kind', '=', kind)
    .where('severity', '=', severity)
    .where('operator_id', 'is', null)
    .executeTakeFirst();
  return event !== undefined;
}

async function liveAlert(transaction: Transaction<Schema>, { ruleId, stationId }: Transition): Promise<Alert | null> {
  const row = await transaction
    .selectFrom('alerts')
    .select('alert')
    .where('rule_id', '=', ruleId)
    .where('station_id', '=', stationId)
    .where('state', '!=', 'closed')
    .executeTakeFirst();
  return row === undefined ? null : alertOf(row);
}
