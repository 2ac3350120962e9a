import { sql, type Kysely } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema.alterTable('device_commands').addColumn('sent_through', 'text').execute();
  await sql`update device_commands set sent_through = device_id where sent_at is not null`.execute(database);
}
