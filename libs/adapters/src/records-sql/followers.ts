import type { Transaction } from 'kysely';
import type { JournalOffset } from '@canh/core/readings/journal';
import type { Schema } from './schema.js';

export async function keepOffset(
  transaction: Transaction<Schema>,
  follower: Schema['followers']['follower'],
  journal_offset: JournalOffset,
): Promise<void> {
  await transaction
    .insertInto('followers')
    .values({ follower, journal_offset })
    .onConflict((conflict) => conflict.column('follower').doUpdateSet({ journal_offset }))
    .execute();
}
