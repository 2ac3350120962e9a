import { sql } from 'kysely';
import { START, type JournalOffset } from '@canh/core/readings/journal';
import { LedgerDesk, type LedgerLine, type LedgerQuery } from '@canh/core/series/ledger';
import type { RecordsDatabase } from './open-records.js';

export class SqlLedgerDesk extends LedgerDesk {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async lines({ from, to, deviceId }: LedgerQuery, limit: number): Promise<LedgerLine[]> {
    const lines = this.database
      // The hours that there are, newest first: the lines of one device are found by them, since no index is kept for it.
      .withRecursive('hours(hour)', (query) =>
        query
          .selectFrom('ledger')
          .select(({ fn }) => fn.max('hour').as('hour'))
          .where('hour', '<', to)
          .unionAll(
            query
              .selectFrom('hours')
              .select((row) =>
                row
                  .selectFrom('ledger')
                  .select(({ fn }) => fn.max('ledger.hour').as('hour'))
                  .whereRef('ledger.hour', '<', 'hours.hour')
                  .$asScalar()
                  .$notNull()
                  .as('hour'),
              )
              .where('hours.hour', '>', from),
          ),
      )
      .selectFrom('ledger')
      .where('ledger.hour', '>=', from)
      .where('ledger.hour', '<', to);
    const wanted =
      deviceId === undefined
        ? lines
        : lines
            .where('ledger.device_id', '=', deviceId)
            .where('ledger.hour', 'in', (row) => row.selectFrom('hours').select('hour'));
    const rows = await wanted
      .selectAll('ledger')
      .select(
        sql<string>`(select json_group_object(reason, count) from ledger_quarantined as q
          where q.hour = ledger.hour and q.device_id = ledger.device_id and count <> 0)`.as('quarantined'),
      )
      .orderBy('ledger.hour', 'desc')
      .orderBy('ledger.device_id')
      .limit(limit)
      .execute();
    return rows.map(({ device_id, quarantined, ...line }) => ({
      ...line,
      deviceId: device_id,
      quarantined: JSON.parse(quarantined) as LedgerLine['quarantined'],
    }));
  }

  async begunAt(): Promise<JournalOffset> {
    const row = await this.database
      .selectFrom('followers')
      .select('journal_offset')
      .where('follower', '=', 'ledger-from')
      .executeTakeFirst();
    return row?.journal_offset ?? START;
  }
}
