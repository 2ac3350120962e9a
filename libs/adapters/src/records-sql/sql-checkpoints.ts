import { START, type JournalOffset } from '@canh/core/readings/journal';
import { Checkpoints, type Follower, type RuleStateRow } from '@canh/core/rules/checkpoints';
import type { Instant } from '@canh/core/time/instant';
import { keepOffset } from './followers.js';
import type { RecordsDatabase } from './open-records.js';

const STATES_AT_ONCE = 250;

export class SqlCheckpoints extends Checkpoints {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async offset(follower: Follower): Promise<JournalOffset> {
    const row = await this.database
      .selectFrom('followers')
      .select('journal_offset')
      .where('follower', '=', follower)
      .executeTakeFirst();
    return row?.journal_offset ?? START;
  }

  async ruleStates(): Promise<RuleStateRow[]> {
    const rows = await this.database.selectFrom('rule_states').selectAll().execute();
    return rows.map((row) => ({
      ruleId: row.rule_id,
      stationId: row.station_id,
      state: JSON.parse(row.state) as unknown,
    }));
  }

  keepJudge(offset: JournalOffset, changed: readonly RuleStateRow[]): Promise<void> {
    // One statement may not touch a row twice, so of two states for one rule and station only the later goes in.
    const rows = [...new Map(changed.map((row) => [JSON.stringify([row.ruleId, row.stationId]), row])).values()].map(
      (row) => ({
        rule_id: row.ruleId,
        station_id: row.stationId,
        state: JSON.stringify(row.state ?? null),
      }),
    );
    return this.database.write(async (transaction) => {
      for (let from = 0; from < rows.length; from += STATES_AT_ONCE)
        await transaction
          .insertInto('rule_states')
          .values(rows.slice(from, from + STATES_AT_ONCE))
          .onConflict((conflict) =>
            conflict.columns(['rule_id', 'station_id']).doUpdateSet((row) => ({ state: row.ref('excluded.state') })),
          )
          .execute();
      await keepOffset(transaction, 'judge', offset);
    });
  }

  rewindStore(offset: JournalOffset): Promise<void> {
    return this.database.write(async (transaction) => {
      await keepOffset(transaction, 'store', offset);
      // What was stored behind it is to be stored again, so its time is not known any more.
      await transaction.deleteFrom('store_marks').where('journal_offset', '>', offset).execute();
    });
  }

  async storedAt(time: Instant): Promise<JournalOffset> {
    const mark = await this.database
      .selectFrom('store_marks')
      .select('journal_offset')
      .where('at', '<=', time)
      .orderBy('at', 'desc')
      .limit(1)
      .executeTakeFirst();
    return mark?.journal_offset ?? START;
  }

  async storeSeen(): Promise<{ startedAt: Instant; seenAt: Instant } | null> {
    const row = await this.database.selectFrom('store_seen').selectAll().executeTakeFirst();
    return row === undefined ? null : { startedAt: row.started_at, seenAt: row.seen_at };
  }

  keepStoreSeen(startedAt: Instant, seenAt: Instant): Promise<void> {
    const seen = { started_at: startedAt, seen_at: seenAt };
    return this.database.write(async (transaction) => {
      await transaction
        .insertInto('store_seen')
        .values({ only: 1, ...seen })
        .onConflict((conflict) => conflict.column('only').doUpdateSet(seen))
        .execute();
    });
  }
}
