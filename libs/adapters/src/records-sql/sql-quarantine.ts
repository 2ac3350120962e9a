import { sql, type Transaction } from 'kysely';
import { Quarantine, type Quarantined } from '@canh/core/readings/quarantine';
import { raise, valueOf } from './counters.js';
import { grouped } from './grouped.js';
import type { RecordsDatabase } from './open-records.js';
import type { Schema } from './schema.js';

/** What is kept at most. The oldest of whoever holds most go first, so that nobody pushes out what is kept of others; they stay in the counts. */
export interface QuarantineBounds {
  readonly rows: number;
  readonly bytes: number;
}

const KEPT: QuarantineBounds = { rows: 100_000, bytes: 512 * 1024 * 1024 };

/** SQLite takes 32,766 parameters in a statement, ten in a row here. */
const ROWS_AT_ONCE = 500;
/** When a bound is passed, so much of it stays. */
const LEFT_BY_A_STROKE = 0.98;

/**
 * Replays are harmless as far back as the rows of a sender reach; something older than all of them that comes again is counted again
 * rather than perhaps never.
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
    if ((await valueOf(transaction, 'quarantine-rows')) > this.kept.rows) await this.letGo(transaction, 'rows');
    if ((await valueOf(transaction, 'quarantine-bytes')) > this.kept.bytes) await this.letGo(transaction, 'bytes');
  }

  /**
   * The oldest of the senders that hold the most of `measure`, until what is left is as much below the bound as a stroke takes. It ranks
   * every row by what its sender holds from it on, which is too much work to be done for each row that comes in.
   */
  private async letGo(transaction: Transaction<Schema>, measure: keyof QuarantineBounds): Promise<void> {
    const size = measure === 'rows' ? sql<number>`1` : sql<number>`payload_bytes`;
    const target = Math.floor(this.kept[measure] * LEFT_BY_A_STROKE);
    const over = (await valueOf(transaction, `quarantine-${measure}`)) - target;
    const { rows: gone } = await sql<{ payload_bytes: number }>`
      with shares as (
        select journal_offset, part, ${size} as size,
          sum(${size}) over (partition by sender_id order by journal_offset desc, part desc) as held
        from quarantine
      ), strokes as (
        select journal_offset, part, size, sum(size) over (order by held desc, journal_offset, part) as freed from shares
      )
      delete from quarantine
      where (journal_offset, part) in (select journal_offset, part from strokes where freed - size < ${over})
      returning payload_bytes`.execute(transaction);
    await raise(transaction, 'quarantine-rows', -gone.length);
    await raise(transaction, 'quarantine-bytes', -gone.reduce((sum, row) => sum + row.payload_bytes, 0));
  }
}
