import type { Kysely, Transaction } from 'kysely';
import type { Counter, Schema } from './schema.js';

/** Raises the counter and gives its new value. */
export async function raise(transaction: Transaction<Schema>, name: Counter, by = 1): Promise<number> {
  const { value } = await transaction
    .updateTable('counters')
    .set((row) => ({ value: row('value', '+', by) }))
    .where('name', '=', name)
    .returning('value')
    .executeTakeFirstOrThrow();
  return value;
}

export async function valueOf(database: Kysely<Schema>, name: Counter): Promise<number> {
  const { value } = await database
    .selectFrom('counters')
    .select('value')
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  return value;
}
