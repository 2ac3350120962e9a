import { sql, type Kysely } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  const { schema } = database;

  // A device may have two tokens while it changes from one to the other.
  await schema.alterTable('device_tokens').renameTo('device_tokens_of_one').execute();
  await schema
    .createTable('device_tokens')
    .addColumn('token_hash', 'text', (column) => column.primaryKey())
    .addColumn('device_id', 'text', (column) => column.notNull().references('devices.id').onDelete('cascade'))
    .addColumn('valid_until', 'bigint')
    .execute();
  await sql`insert into device_tokens (token_hash, device_id) select token_hash, device_id from device_tokens_of_one`.execute(
    database,
  );
  await schema.dropTable('device_tokens_of_one').execute();
  await schema.createIndex('device_tokens_of_device').on('device_tokens').column('device_id').execute();

  await schema
    .createTable('device_passwords')
    .addColumn('device_id', 'text', (column) => column.primaryKey().references('devices.id').onDelete('cascade'))
    .addColumn('password_hash', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('device_revocations')
    .addColumn('device_id', 'text', (column) => column.primaryKey().references('devices.id').onDelete('cascade'))
    .addColumn('revoked_at', 'bigint', (column) => column.notNull())
    .execute();
}
