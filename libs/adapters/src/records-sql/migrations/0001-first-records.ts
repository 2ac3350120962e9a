import { sql, type Kysely } from 'kysely';
import type { Counter } from '../schema.js';

const COUNTERS: readonly Counter[] = ['registry-version', 'alert-change', 'quarantine-rows', 'quarantine-bytes'];

export async function up(database: Kysely<unknown>): Promise<void> {
  const { schema } = database;

  await schema
    .createTable('counters')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('value', 'bigint', (column) => column.notNull())
    .execute();
  for (const name of COUNTERS) await sql`insert into counters (name, value) values (${name}, 0)`.execute(database);

  await schema
    .createTable('areas')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name_vi', 'text', (column) => column.notNull())
    .addColumn('name_en', 'text', (column) => column.notNull())
    .addColumn('parent_id', 'text', (column) => column.references('areas.id'))
    .addColumn('valid_from', 'bigint')
    .addColumn('valid_to', 'bigint')
    .execute();
  await schema
    .createTable('stations')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name_vi', 'text', (column) => column.notNull())
    .addColumn('name_en', 'text', (column) => column.notNull())
    .addColumn('area_id', 'text', (column) => column.notNull().references('areas.id'))
    .addColumn('owner_unit', 'text', (column) => column.notNull())
    .addColumn('latitude', 'double precision', (column) => column.notNull())
    .addColumn('longitude', 'double precision', (column) => column.notNull())
    .addColumn('profile_id', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('limits')
    .addColumn('station_id', 'text', (column) => column.notNull().references('stations.id').onDelete('cascade'))
    .addColumn('place', 'integer', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('metric', 'text', (column) => column.notNull())
    .addColumn('value', 'double precision', (column) => column.notNull())
    .addColumn('valid_from', 'bigint')
    .addColumn('valid_to', 'bigint')
    .addColumn('document', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('limits_key', ['station_id', 'place'])
    .execute();
  await schema
    .createTable('devices')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('station_id', 'text', (column) => column.notNull().references('stations.id'))
    .addColumn('profile_id', 'text', (column) => column.notNull())
    .addColumn('gateway_id', 'text', (column) => column.references('devices.id'))
    .execute();
  await schema
    .createTable('device_tokens')
    .addColumn('device_id', 'text', (column) => column.primaryKey().references('devices.id').onDelete('cascade'))
    .addColumn('token_hash', 'text', (column) => column.notNull().unique())
    .execute();
  // No reference to devices: the journal may speak of a device that these records never knew.
  await schema
    .createTable('device_attributes')
    .addColumn('device_id', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('device_attributes_key', ['device_id', 'name'])
    .execute();

  await schema
    .createTable('quarantine')
    .addColumn('journal_offset', 'bigint', (column) => column.notNull())
    .addColumn('part', 'integer', (column) => column.notNull())
    .addColumn('device_id', 'text', (column) => column.notNull())
    .addColumn('received_at', 'bigint', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('detail', 'text', (column) => column.notNull())
    .addColumn('payload', 'blob', (column) => column.notNull())
    .addColumn('payload_bytes', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('quarantine_key', ['journal_offset', 'part'])
    .execute();
  await schema
    .createTable('quarantine_counts')
    .addColumn('reason', 'text', (column) => column.primaryKey())
    .addColumn('count', 'bigint', (column) => column.notNull())
    .execute();

  await schema
    .createTable('followers')
    .addColumn('follower', 'text', (column) => column.primaryKey())
    .addColumn('journal_offset', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createTable('rule_states')
    .addColumn('rule_id', 'text', (column) => column.notNull())
    .addColumn('station_id', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('rule_states_key', ['rule_id', 'station_id'])
    .execute();

  await schema
    .createTable('alerts')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('rule_id', 'text', (column) => column.notNull())
    .addColumn('station_id', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('severity', 'text', (column) => column.notNull())
    .addColumn('since', 'bigint', (column) => column.notNull())
    .addColumn('raised_at', 'bigint', (column) => column.notNull())
    .addColumn('returned_at', 'bigint')
    .addColumn('change', 'bigint', (column) => column.notNull().unique())
    .addColumn('alert', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createIndex('alerts_one_open')
    .on('alerts')
    .columns(['rule_id', 'station_id'])
    .unique()
    .where(sql.ref('state'), '!=', sql.lit('closed'))
    .execute();
  await schema
    .createIndex('alerts_open')
    .on('alerts')
    .column('change')
    .where(sql.ref('state'), '!=', sql.lit('closed'))
    .execute();
  await schema.createIndex('alerts_of_station').on('alerts').columns(['station_id', 'raised_at']).execute();

  await schema
    .createTable('alert_events')
    .addColumn('change', 'bigint', (column) => column.primaryKey())
    .addColumn('alert_id', 'text', (column) => column.notNull().references('alerts.id'))
    .addColumn('rule_id', 'text', (column) => column.notNull())
    .addColumn('station_id', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('severity', 'text', (column) => column.notNull())
    .addColumn('operator_id', 'text')
    .addColumn('note', 'text')
    .addColumn('evidence', 'text')
    .execute();
  await schema
    .createIndex('alert_events_once')
    .on('alert_events')
    .columns(['rule_id', 'station_id', 'at', 'kind', 'severity'])
    .unique()
    .where(sql.ref('operator_id'), 'is', sql.lit(null))
    .execute();
  await schema.createIndex('alert_events_of_alert').on('alert_events').columns(['alert_id', 'change']).execute();

  await schema
    .createTable('notices')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('change', 'bigint', (column) => column.notNull().references('alert_events.change'))
    .addColumn('alert_id', 'text', (column) => column.notNull().references('alerts.id'))
    .addColumn('event', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('alert', 'text', (column) => column.notNull())
    .addColumn('planned', 'integer', (column) => column.notNull())
    .execute();
  await schema
    .createIndex('notices_unplanned')
    .on('notices')
    .column('change')
    .where(sql.ref('planned'), '=', sql.lit(0))
    .execute();
  await schema.createIndex('notices_of_alert').on('notices').columns(['alert_id', 'change']).execute();
  await schema
    .createTable('deliveries')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('notice_id', 'text', (column) => column.notNull().references('notices.id'))
    .addColumn('place', 'integer', (column) => column.notNull())
    .addColumn('contact_id', 'text', (column) => column.notNull())
    .addColumn('contact_name', 'text', (column) => column.notNull())
    .addColumn('channel', 'text', (column) => column.notNull())
    .addColumn('address', 'text', (column) => column.notNull())
    .addColumn('language', 'text', (column) => column.notNull())
    .addColumn('from_severity', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('next_attempt_at', 'bigint')
    .addUniqueConstraint('deliveries_once', ['notice_id', 'contact_id'])
    .execute();
  await schema
    .createIndex('deliveries_due')
    .on('deliveries')
    .columns(['channel', 'next_attempt_at'])
    .where(sql.ref('state'), '=', sql.lit('pending'))
    .execute();
  await schema
    .createTable('attempts')
    .addColumn('delivery_id', 'text', (column) => column.notNull().references('deliveries.id'))
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('outcome', 'text', (column) => column.notNull())
    .addColumn('answer', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('attempts_key', ['delivery_id', 'number'])
    .execute();
  await schema
    .createTable('contacts')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('channel', 'text', (column) => column.notNull())
    .addColumn('address', 'text', (column) => column.notNull())
    .addColumn('language', 'text', (column) => column.notNull())
    .addColumn('from_severity', 'text', (column) => column.notNull())
    .execute();

  await schema
    .createTable('operators')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('login', 'text', (column) => column.notNull().unique())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('language', 'text', (column) => column.notNull())
    .addColumn('password_hash', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('sessions')
    .addColumn('token_hash', 'text', (column) => column.primaryKey())
    .addColumn('operator_id', 'text', (column) => column.notNull().references('operators.id').onDelete('cascade'))
    .addColumn('started_at', 'bigint', (column) => column.notNull())
    .addColumn('used_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('sessions_of_operator').on('sessions').columns(['operator_id', 'used_at']).execute();
  await schema.createIndex('sessions_unused').on('sessions').column('used_at').execute();
}
