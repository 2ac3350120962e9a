import { sql, type Kysely } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  const { schema } = database;
  await schema
    .createTable('device_commands')
    .addColumn('id', 'bigint', (column) => column.primaryKey())
    .addColumn('device_id', 'text', (column) => column.notNull().references('devices.id').onDelete('cascade'))
    .addColumn('method', 'text', (column) => column.notNull())
    .addColumn('params', 'text', (column) => column.notNull())
    .addColumn('requested_by', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('sent_at', 'bigint')
    .addColumn('delivered_at', 'bigint')
    .addColumn('answered_at', 'bigint')
    .addColumn('answer', 'text')
    .execute();
  await schema.createIndex('device_commands_of_device').on('device_commands').columns(['device_id', 'id']).execute();
  await schema
    .createIndex('device_commands_open')
    .on('device_commands')
    .column('id')
    .where(sql.ref('state'), 'in', [sql.lit('waiting'), sql.lit('sent')])
    .execute();
  await sql`insert into counters (name, value) values ('device-command', 0)`.execute(database);
}
