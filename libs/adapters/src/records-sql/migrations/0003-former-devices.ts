import type { Kysely } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('former_devices')
    .addColumn('device_id', 'text', (column) => column.notNull().references('devices.id').onDelete('cascade'))
    .addColumn('until', 'bigint', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('station_id', 'text', (column) => column.notNull().references('stations.id'))
    .addColumn('profile_id', 'text', (column) => column.notNull())
    .addColumn('gateway_id', 'text', (column) => column.references('devices.id'))
    .addPrimaryKeyConstraint('former_devices_key', ['device_id', 'until'])
    .execute();
}
