import type { Transaction } from 'kysely';
import { Quarantine, type Quarantined } from '@canh/core/readings/quarantine';
import { raise, valueOf } from './counters.js';
import { grouped } from './grouped.js';
import type { RecordsDatabase } from './open-records.js';
import type { Schema } from './schema.js';

/** What is kept at most; the oldest go first, and stay in the counts. */
export interface QuarantineBounds {
  readonly rows: number;
  readonly bytes: number;
}

const KEPT: QuarantineBounds = { rows: 100_000, bytes: 512 * 1024 * 1024 };

/** SQLite takes 32,766 parameters in a statement, ten in a row here. */
const ROWS_AT_ONCE = 500;

/**
 * Replays are harmless as far back as the rows reach; something older than all of them that comes again is counted again rather than
 * perhaps never.
 */
export class SqlQuarantine extends Quarantine {
  constructor(
    private readonly database: RecordsDatabase,
    private readonly kept: QuarantineBounds = KEPT,
  ) {
    super();
  }

  async keep(entries: readonly Quarantined[]): Promise<void> {
    for (let from = 0; from < entries.length; from += ROWS_AT_ONCE) {
      const chunk = entries.slice(from, from + ROWS_AT_ONCE);
      await this.database.write((transaction) => this.add(transaction, chunk));
    }
  }

  private async add(transaction: Transaction<Schema>, entries: readonly Quarantined[]): Promise<void> {
    const added = await transaction
      .insertInto('quarantine')
      .values(
        entries.map((entry) => ({
          journal_offset: entry.offset,
          part: entry.part,
          device_id: entry.deviceId,
          received_at: entry.receivedAt,
          reason: entry.reason,
          detail: entry.detail,
          payload: entry.payload,
          payload_bytes: entry.payload.byteLength,
          kind: entry.kind,
          sender_id: entry.senderId,
        })),
      )
      .onConflict((conflict) => conflict.columns(['journal_offset', 'part']).doNothing())
      .returning(['reason', 'payload_bytes'])
      .execute();
    if (added.length === 0) return;
    for (const [reason, rows] of grouped(added, (row) => row.reason))
      await transaction
        .insertInto('quarantine_counts')
        .values({ reason, count: rows.length })
        .onConflict((conflict) =>
          conflict.column('reason').doUpdateSet((row) => ({ count: row('quarantine_counts.count', '+', rows.length) })),
        )
        .execute();
    await raise(transaction, 'quarantine-rows', added.length);
    await raise(
      transaction,
      'quarantine-bytes',
      added.reduce((sum, row) => sum + row.payload_bytes, 0),
    );
    await this.trim(transaction);
  }

  private async trim(transaction: Transaction<Schema>): Promise<void> {
    for (;;) {
      let rowsOver = (await valueOf(transaction, 'quarantine-rows')) - this.kept.rows;
      let bytesOver = (await valueOf(transaction, 'quarantine-bytes')) - this.kept.bytes;
      if (rowsOver <= 0 && bytesOver <= 0) return;
      const oldest = await transaction
        .selectFrom('quarantine')
        .select(['journal_offset', 'part', 'payload_bytes'])
        .orderBy('journal_offset')
        .orderBy('part')
        .limit(ROWS_AT_ONCE)
        .execute();
      let rows = 0;
      let bytes = 0;
      for (const row of oldest) {
        if (rowsOver <= 0 && bytesOver <= 0) break;
        rows += 1;
        bytes += row.payload_bytes;
        rowsOver -= 1;
        bytesOver -= row.payload_bytes;
      }
      const last = oldest[rows - 1];
      if (last === undefined) return;
      await transaction
        .deleteFrom('quarantine')
        .where(({ eb, refTuple, tuple }) =>
          eb(refTuple('journal_offset', 'part'), '<=', tuple(last.journal_offset, last.part)),
        )
        .execute();
      await raise(transaction, 'quarantine-rows', -rows);
      await raise(transaction, 'quarantine-bytes', -bytes);
    }
  }
}
