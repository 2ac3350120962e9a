import type { ExpressionBuilder, ExpressionWrapper, SqlBool } from 'kysely';
import {
  STORE_PARTS,
  QuarantineDesk,
  type QuarantinedRecord,
  type QuarantineQuery,
  type QuarantineReason,
} from '@canh/core/readings/quarantine';
import type { RecordsDatabase } from './open-records.js';
import type { Schema } from './schema.js';

export class SqlQuarantineDesk extends QuarantineDesk {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  counts(): Promise<{ reason: QuarantineReason; count: number }[]> {
    return this.database.selectFrom('quarantine_counts').select(['reason', 'count']).orderBy('reason').execute();
  }

  async newest(query: QuarantineQuery, limit: number): Promise<QuarantinedRecord[]> {
    const rows = await this.database
      .selectFrom('quarantine')
      .selectAll()
      .select(({ selectFrom }) =>
        selectFrom('quarantine_replays')
          .select(({ fn }) => fn.max('replayed_at').as('replayed_at'))
          .whereRef('quarantine_replays.journal_offset', '=', 'quarantine.journal_offset')
          .where(({ eb, or, and, ref }) =>
            or([
              eb('quarantine_replays.part', '=', ref('quarantine.part')),
              // The faults of a message by itself share its bytes.
              and([eb('quarantine_replays.part', '<', STORE_PARTS), eb(ref('quarantine.part'), '<', STORE_PARTS)]),
            ]),
          )
          .as('replayed_at'),
      )
      .where(asked(query))
      .orderBy('journal_offset', 'desc')
      .orderBy('part', 'desc')
      .limit(limit)
      .execute();
    return rows.map((row) => ({
      offset: row.journal_offset,
      part: row.part,
      kind: row.kind,
      senderId: row.sender_id,
      deviceId: row.device_id,
      receivedAt: row.received_at,
      reason: row.reason,
      detail: row.detail,
      payload: row.payload,
      replayedAt: row.replayed_at,
    }));
  }

  requestReplay(query: QuarantineQuery): Promise<number> {
    return this.database.write(async (transaction) => {
      const { numInsertedOrUpdatedRows } = await transaction
        .insertInto('quarantine_replays')
        .columns(['journal_offset', 'part'])
        .expression(({ selectFrom }) =>
          selectFrom('quarantine')
            .select(['journal_offset', 'part'])
            .where('kind', 'is not', null)
            .where('payload_bytes', '>', 0)
            .where((row) =>
              row.or([
                asked(query)(row),
                // Another fault of the same message was asked for: its bytes stand with the first.
                row.and([
                  row('part', '<', STORE_PARTS),
                  row(
                    'journal_offset',
                    'in',
                    selectFrom('quarantine')
                      .select('journal_offset')
                      .where('part', '<', STORE_PARTS)
                      .where(asked(query)),
                  ),
                ]),
              ]),
            ),
        )
        .onConflict((conflict) => conflict.columns(['journal_offset', 'part']).doNothing())
        .executeTakeFirst();
      return Number(numInsertedOrUpdatedRows);
    });
  }
}

const asked =
  ({ deviceId, reason, from, to }: QuarantineQuery) =>
  ({ eb, and }: ExpressionBuilder<Schema, 'quarantine'>): ExpressionWrapper<Schema, 'quarantine', SqlBool> =>
    and([
      ...(deviceId === undefined ? [] : [eb('device_id', '=', deviceId)]),
      ...(reason === undefined ? [] : [eb('reason', '=', reason)]),
      ...(from === undefined ? [] : [eb('received_at', '>=', from)]),
      ...(to === undefined ? [] : [eb('received_at', '<', to)]),
    ]);
