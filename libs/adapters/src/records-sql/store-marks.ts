import type { Transaction } from 'kysely';
import type { JournalOffset } from '@canh/core/readings/journal';
import { HOUR_MS, MINUTE_MS, type Instant } from '@canh/core/time/instant';
import type { Schema } from './schema.js';

const EVERY_MS = MINUTE_MS;
/** So many of the newest are kept as they are; older ones stand so far apart, */
const NEWEST = 120;
const OLDER_EVERY_MS = 10 * MINUTE_MS;
/** and none is much older than a journal is ever kept (a year): one must stand before its oldest message. */
const KEPT_MS = 8_784 * HOUR_MS;

/** Marks that everything before `journal_offset` was stored at `at`: once a minute, and never more than some fifty thousand marks. */
export async function markStored(
  transaction: Transaction<Schema>,
  journal_offset: JournalOffset,
  at: Instant,
): Promise<void> {
  // A clock that was put back: what seems to be of later is not known to be of before.
  await transaction.deleteFrom('store_marks').where('at', '>', at).execute();
  const newest = await transaction
    .selectFrom('store_marks')
    .select('at')
    .orderBy('at', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (newest !== undefined && at - newest.at < EVERY_MS) return;
  await transaction.insertInto('store_marks').values({ at, journal_offset }).execute();
  await transaction
    .deleteFrom('store_marks')
    .where('at', '<', at - KEPT_MS)
    .execute();
  // Each new mark makes one an older one: only that can stand too near.
  const [turned, before] = await transaction
    .selectFrom('store_marks')
    .select('at')
    .orderBy('at', 'desc')
    .limit(2)
    .offset(NEWEST)
    .execute();
  if (turned !== undefined && before !== undefined && turned.at - before.at < OLDER_EVERY_MS)
    await transaction.deleteFrom('store_marks').where('at', '=', turned.at).execute();
}
