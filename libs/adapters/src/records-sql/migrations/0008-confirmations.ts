import type { Kysely } from 'kysely';

/** Contacts that are there already keep being told: only who is added from now on may be asked. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('confirmations')
    .addColumn('contact_id', 'text', (column) => column.primaryKey().references('contacts.id').onDelete('cascade'))
    .addColumn('code', 'text', (column) => column.notNull())
    .addColumn('mail_id', 'text', (column) => column.notNull().unique())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('next_attempt_at', 'bigint')
    .execute();
}
