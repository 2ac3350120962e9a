import type { Kysely, Transaction } from 'kysely';
import type { Alert } from '@canh/core/alerts/alert';
import type { AlertStep } from '@canh/core/alerts/lifecycle';
import { isUrgent } from '@canh/core/dispatch/notice';
import type { Instant } from '@canh/core/time/instant';
import { raise } from './counters.js';
import type { Schema } from './schema.js';

/** An alert as it was written by `saveStep`; nobody else writes that column. */
export function alertOf(row: { alert: string }): Alert {
  return JSON.parse(row.alert) as Alert;
}

/** Saves an alert's step: the alert as it is now, the event, and a notice for each effect. */
export async function saveStep(
  transaction: Transaction<Schema>,
  { alert, event, effects }: AlertStep,
  now: Instant,
): Promise<void> {
  const change = await raise(transaction, 'alert-change');
  const whole = JSON.stringify(alert);
  const row = {
    state: alert.state,
    severity: alert.severity,
    returned_at: 'returnedAt' in alert ? alert.returnedAt : null,
    change,
    alert: whole,
  };
  await transaction
    .insertInto('alerts')
    .values({
      id: alert.id,
      rule_id: alert.ruleId,
      station_id: alert.stationId,
      since: alert.since,
      raised_at: alert.raisedAt,
      ...row,
    })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute();
  await transaction
    .insertInto('alert_events')
    .values({
      change,
      alert_id: alert.id,
      rule_id: alert.ruleId,
      station_id: alert.stationId,
      kind: event.kind,
      at: event.at,
      severity: event.severity,
      operator_id: event.by,
      note: event.note,
      evidence: event.evidence === null ? null : JSON.stringify(event.evidence),
    })
    .execute();
  for (const effect of effects)
    await transaction
      .insertInto('notices')
      .values({
        id: `${alert.id}.${effect.event}.${event.severity}.${event.at.toString(36)}`,
        change,
        alert_id: alert.id,
        event: effect.event,
        created_at: now,
        alert: whole,
        planned: 0,
        urgent: isUrgent(effect.event, alert) ? 1 : 0,
      })
      .execute();
}

export async function alertById(database: Kysely<Schema>, id: string): Promise<Alert | null> {
  const row = await database.selectFrom('alerts').select('alert').where('id', '=', id).executeTakeFirst();
  return row === undefined ? null : alertOf(row);
}
