import type { Instant } from '@canh/core/time/instant';
import type { RecordsDatabase } from './open-records.js';
import type { Counter } from './schema.js';

interface Belief {
  readonly believedAt: Instant;
  readonly doubtedMs: number;
}

/** When the clock was last believed, and for how long it was doubted since: kept over restarts. */
export class SqlClockRecord {
  constructor(private readonly database: RecordsDatabase) {}

  /** Where nothing was said yet, what was stored last says it; null where nothing was stored either. */
  async read(): Promise<Belief | null> {
    const rows = await this.database
      .selectFrom('counters')
      .selectAll()
      .where('name', 'in', ['clock-believed', 'clock-doubted'])
      .execute();
    const of = (name: Counter): number | undefined => rows.find((row) => row.name === name)?.value;
    const believedAt = of('clock-believed') ?? (await this.lastStored());
    return believedAt === null ? null : { believedAt, doubtedMs: of('clock-doubted') ?? 0 };
  }

  keep({ believedAt, doubtedMs }: Belief): Promise<void> {
    return this.database.write(async (transaction) => {
      for (const [name, value] of [
        ['clock-believed', believedAt],
        ['clock-doubted', Math.round(doubtedMs)],
      ] as const)
        await transaction
          .insertInto('counters')
          .values({ name, value })
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
          .execute();
    });
  }

  private async lastStored(): Promise<Instant | null> {
    const row = await this.database
      .selectFrom('store_marks')
      .select('at')
      .orderBy('at', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row?.at ?? null;
  }
}
