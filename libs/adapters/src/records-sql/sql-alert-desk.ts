import type { Alert, AlertEvent, OperatorId } from '@canh/core/alerts/alert';
import { AlertDesk, type AlertChange } from '@canh/core/alerts/alert-store';
import { acknowledge, type Answer } from '@canh/core/alerts/lifecycle';
import type { Evidence } from '@canh/core/rules/transition';
import type { Instant } from '@canh/core/time/instant';
import { alertById, alertOf, saveStep } from './alert-steps.js';
import { valueOf } from './counters.js';
import type { RecordsDatabase } from './open-records.js';

/** Steps shown of one alert: its latest. A value that swings about its limit for weeks makes more than a page can show. */
const HISTORY_SHOWN = 1_000;
/** Alerts of one station that one chart can show. */
const FIRINGS_SHOWN = 1_000;

export class SqlAlertDesk extends AlertDesk {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async list(which: 'open' | 'all', limit: number): Promise<Alert[]> {
    let query = this.database.selectFrom('alerts').select('alert').orderBy('change', 'desc').limit(limit);
    if (which === 'open') query = query.where('state', '!=', 'closed');
    return (await query.execute()).map(alertOf);
  }

  one(id: string): Promise<{ alert: Alert; history: AlertEvent[] } | null> {
    return this.database.readTogether(async (snapshot) => {
      const alert = await alertById(snapshot, id);
      if (alert === null) return null;
      const events = await snapshot
        .selectFrom('alert_events')
        .select(['kind', 'at', 'severity', 'operator_id', 'note', 'evidence'])
        .where('alert_id', '=', id)
        .orderBy('change', 'desc')
        .limit(HISTORY_SHOWN)
        .execute();
      const history = events.toReversed().map((row): AlertEvent => ({
        kind: row.kind,
        at: row.at,
        severity: row.severity,
        by: row.operator_id,
        note: row.note,
        evidence: row.evidence === null ? null : (JSON.parse(row.evidence) as Evidence),
      }));
      return { alert, history };
    });
  }

  async ofStation(stationId: string, from: Instant, to: Instant): Promise<Alert[]> {
    const rows = await this.database
      .selectFrom('alerts')
      .select('alert')
      .where('station_id', '=', stationId)
      .where('raised_at', '<', to)
      .where(({ eb, or }) => or([eb('returned_at', 'is', null), eb('returned_at', '>', from)]))
      .orderBy('raised_at', 'desc')
      .limit(FIRINGS_SHOWN)
      .execute();
    return rows.toReversed().map(alertOf);
  }

  acknowledge(
    id: string,
    seenVersion: number,
    by: OperatorId,
    at: Instant,
    note: string | null,
  ): Promise<Answer | null> {
    return this.database.write(async (transaction) => {
      const alert = await alertById(transaction, id);
      if (alert === null) return null;
      const answer = acknowledge(alert, seenVersion, by, at, note);
      if (answer.kind === 'done') await saveStep(transaction, answer.step, at);
      return answer;
    });
  }

  async changedAfter(change: number, limit: number): Promise<AlertChange[]> {
    const rows = await this.database
      .selectFrom('alerts')
      .select(['change', 'alert'])
      .where('change', '>', change)
      .orderBy('change')
      .limit(limit)
      .execute();
    return rows.map((row) => ({ change: row.change, alert: alertOf(row) }));
  }

  latestChange(): Promise<number> {
    return valueOf(this.database, 'alert-change');
  }
}
