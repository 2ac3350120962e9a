import type { StatementSync } from 'node:sqlite';
import type { Transaction } from 'kysely';
import { START } from '@canh/core/readings/journal';
import type { CountState } from '@canh/core/series/count-gaps';
import { Ledger, type AccountedStretch, type LedgerLine, type LedgerPlace } from '@canh/core/series/ledger';
import type { Instant } from '@canh/core/time/instant';
import { keepOffset } from './followers.js';
import type { RecordsDatabase } from './open-records.js';
import type { Schema } from './schema.js';
import { markStored } from './store-marks.js';

/**
 * Thousands of lines are added up every second, on the thread that judges, and each time another number of them: rows of one prepared
 * statement, since an insert of many rows has another text for each number of rows, and would push all others out of those that are kept.
 */
export class SqlLedger extends Ledger {
  private readonly addLine: StatementSync;
  private readonly correctMissing: StatementSync;
  private readonly addQuarantined: StatementSync;
  private readonly keepCount: StatementSync;

  constructor(private readonly database: RecordsDatabase) {
    super();
    this.addLine = database.prepare(
      `insert into ledger (hour, device_id, messages, received, stored, duplicate, late, missing)
       values (?, ?, ?, ?, ?, ?, ?, ?)
       on conflict (hour, device_id) do update set
         messages = messages + excluded.messages, received = received + excluded.received,
         stored = stored + excluded.stored, duplicate = duplicate + excluded.duplicate,
         late = late + excluded.late, missing = missing + excluded.missing`,
    );
    this.correctMissing = database.prepare('update ledger set missing = missing + ? where hour = ? and device_id = ?');
    this.addQuarantined = database.prepare(
      `insert into ledger_quarantined (hour, device_id, reason, count) values (?, ?, ?, ?)
       on conflict (hour, device_id, reason) do update set count = count + excluded.count`,
    );
    this.keepCount = database.prepare(
      `insert into device_counts (device_id, state) values (?, ?)
       on conflict (device_id) do update set state = excluded.state`,
    );
  }

  place(): Promise<LedgerPlace> {
    return this.database.readTogether(async (snapshot) => {
      const offset = await placeOf(snapshot);
      const begun = await snapshot
        .selectFrom('ledger_begun')
        .selectAll()
        .where('from_offset', '>=', offset)
        .orderBy('from_offset')
        .execute();
      const counts = await snapshot.selectFrom('device_counts').selectAll().execute();
      return {
        offset,
        begun: begun.map((row) => ({
          from: row.from_offset,
          next: row.next_offset,
          lines: JSON.parse(row.lines) as LedgerLine[],
        })),
        counts: counts.map((row) => ({ deviceId: row.device_id, state: JSON.parse(row.state) as CountState })),
      };
    });
  }

  begin({ from, next, lines }: AccountedStretch): Promise<void> {
    const begun = { next_offset: next, lines: JSON.stringify(lines) };
    return this.database.write(async (transaction) => {
      await transaction
        .insertInto('ledger_begun')
        .values({ from_offset: from, ...begun })
        .onConflict((conflict) => conflict.column('from_offset').doUpdateSet(begun))
        .execute();
    });
  }

  /** Settling up to a place that the ledger has reached already adds nothing: whoever is told of an error may try again. */
  settle({ next, lines, counts, at }: Parameters<Ledger['settle']>[0]): Promise<void> {
    return this.database.write(async (transaction) => {
      if (next > (await placeOf(transaction))) {
        for (const line of lines) this.add(line);
        for (const { deviceId, state } of counts) this.keepCount.run(deviceId, JSON.stringify(state));
        await transaction.deleteFrom('ledger_begun').where('from_offset', '<', next).execute();
        await keepOffset(transaction, 'ledger', next);
      }
      await keepOffset(transaction, 'store', next);
      await markStored(transaction, next, at);
    });
  }

  async forget(before: Instant): Promise<number> {
    let forgotten = 0;
    // An hour at a time: all of it at once would keep others from writing, and this thread from judging.
    for (;;) {
      const { hour } = await this.database
        .selectFrom('ledger')
        .select(({ fn }) => fn.min<number | null>('hour').as('hour'))
        .executeTakeFirstOrThrow();
      if (hour === null || hour >= before) return forgotten;
      forgotten += await this.database.write(async (transaction) => {
        await transaction.deleteFrom('ledger_quarantined').where('hour', '<=', hour).execute();
        const { numDeletedRows } = await transaction.deleteFrom('ledger').where('hour', '=', hour).executeTakeFirst();
        return Number(numDeletedRows);
      });
    }
  }

  private add({ hour, deviceId, messages, received, stored, duplicate, late, missing, quarantined }: LedgerLine): void {
    // What comes after all, and nothing else: its line is there, or was let go of and is not begun again by less than nothing.
    if (missing < 0 && messages === 0 && received === 0 && stored === 0) {
      this.correctMissing.run(missing, hour, deviceId);
      return;
    }
    this.addLine.run(hour, deviceId, messages, received, stored, duplicate, late, missing);
    for (const reason in quarantined)
      this.addQuarantined.run(hour, deviceId, reason, quarantined[reason as keyof typeof quarantined] ?? 0);
  }
}

async function placeOf(transaction: Transaction<Schema>): Promise<number> {
  const row = await transaction
    .selectFrom('followers')
    .select('journal_offset')
    .where('follower', '=', 'ledger')
    .executeTakeFirst();
  return row?.journal_offset ?? START;
}
