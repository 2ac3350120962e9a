import type { Transaction } from 'kysely';
import { START, type JournalOffset } from '@canh/core/readings/journal';
import { Checkpoints, type Follower, type RuleStateRow } from '@canh/core/rules/checkpoints';
import type { RecordsDatabase } from './open-records.js';
import type { Schema } from './schema.js';

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

  keepStore(offset: JournalOffset): Promise<void> {
    return this.database.write((transaction) => keepOffset(transaction, 'store', offset));
  }
}

async function keepOffset(
  transaction: Transaction<Schema>,
  follower: Follower,
  journal_offset: JournalOffset,
): Promise<void> {
  await transaction
    .insertInto('followers')
    .values({ follower, journal_offset })
    .onConflict((conflict) => conflict.column('follower').doUpdateSet({ journal_offset }))
    .execute();
}
