import { ReplayRequests, type ReplayRequest } from '@canh/core/readings/quarantine';
import type { Instant } from '@canh/core/time/instant';
import type { RecordsDatabase } from './open-records.js';

export class SqlReplayRequests extends ReplayRequests {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async open(limit: number): Promise<ReplayRequest[]> {
    const rows = await this.database
      .selectFrom('quarantine_replays as asked')
      .innerJoin('quarantine', (join) =>
        join
          .onRef('quarantine.journal_offset', '=', 'asked.journal_offset')
          .onRef('quarantine.part', '=', 'asked.part'),
      )
      .select(['asked.journal_offset', 'asked.part', 'sender_id', 'received_at', 'payload'])
      .select((row) => row.ref('kind').$notNull().as('kind'))
      .where('replayed_at', 'is', null)
      .orderBy('asked.journal_offset')
      .orderBy('asked.part')
      .limit(limit)
      .execute();
    return rows.map((row) => ({
      offset: row.journal_offset,
      part: row.part,
      message: { kind: row.kind, deviceId: row.sender_id, receivedAt: row.received_at, payload: row.payload },
    }));
  }

  done(requests: readonly ReplayRequest[], at: Instant): Promise<void> {
    return this.database.write(async (transaction) => {
      for (const { offset, part } of requests)
        await transaction
          .updateTable('quarantine_replays')
          .set({ replayed_at: at })
          .where('journal_offset', '=', offset)
          .where('part', '=', part)
          .execute();
    });
  }
}
