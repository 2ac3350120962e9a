import { sql, type Kysely } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  const { schema } = database;

  await schema.alterTable('quarantine').addColumn('kind', 'text').execute();
  await schema
    .alterTable('quarantine')
    .addColumn('sender_id', 'text', (column) => column.notNull().defaultTo(''))
    .execute();
  // All that is asked when it is full, so that no row with its bytes is read for that.
  await schema
    .createIndex('quarantine_by_sender')
    .on('quarantine')
    .columns(['sender_id', 'journal_offset desc', 'part desc', 'payload_bytes'])
    .execute();
  // Apart from the quarantine: a row there holds the bytes of a message, and would be written anew with all of them.
  await schema
    .createTable('quarantine_replays')
    .addColumn('journal_offset', 'bigint', (column) => column.notNull())
    .addColumn('part', 'integer', (column) => column.notNull())
    .addColumn('replayed_at', 'bigint')
    .addPrimaryKeyConstraint('quarantine_replays_key', ['journal_offset', 'part'])
    .addForeignKeyConstraint(
      'quarantine_replays_of',
      ['journal_offset', 'part'],
      'quarantine',
      ['journal_offset', 'part'],
      (constraint) => constraint.onDelete('cascade'),
    )
    .execute();
  await schema
    .createIndex('quarantine_replays_open')
    .on('quarantine_replays')
    .columns(['journal_offset', 'part'])
    .where(sql.ref('replayed_at'), 'is', sql.lit(null))
    .execute();

  // The hour first, and no index by device: what is added up and what is let go of then stands together, whatever the number of devices.
  await schema
    .createTable('ledger')
    .addColumn('hour', 'bigint', (column) => column.notNull())
    .addColumn('device_id', 'text', (column) => column.notNull())
    .addColumn('messages', 'bigint', (column) => column.notNull())
    .addColumn('received', 'bigint', (column) => column.notNull())
    .addColumn('stored', 'bigint', (column) => column.notNull())
    .addColumn('duplicate', 'bigint', (column) => column.notNull())
    .addColumn('late', 'bigint', (column) => column.notNull())
    .addColumn('missing', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('ledger_key', ['hour', 'device_id'])
    .execute();
  await schema
    .createTable('ledger_quarantined')
    .addColumn('hour', 'bigint', (column) => column.notNull())
    .addColumn('device_id', 'text', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('count', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('ledger_quarantined_key', ['hour', 'device_id', 'reason'])
    .execute();
  await schema
    .createTable('ledger_begun')
    .addColumn('from_offset', 'bigint', (column) => column.primaryKey())
    .addColumn('next_offset', 'bigint', (column) => column.notNull())
    .addColumn('lines', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('device_counts')
    .addColumn('device_id', 'text', (column) => column.primaryKey())
    .addColumn('state', 'text', (column) => column.notNull())
    .execute();
  // What was stored before there was a ledger is not counted, and would be by halves if it were.
  await sql`insert into followers (follower, journal_offset)
    select 'ledger', journal_offset from followers where follower = 'store'
    union all select 'ledger-from', journal_offset from followers where follower = 'store'`.execute(database);

  await schema
    .createTable('store_marks')
    .addColumn('at', 'bigint', (column) => column.primaryKey())
    .addColumn('journal_offset', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('store_marks_by_offset').on('store_marks').column('journal_offset').execute();
  await schema
    .createTable('store_seen')
    .addColumn('only', 'integer', (column) => column.primaryKey())
    .addColumn('started_at', 'bigint', (column) => column.notNull())
    .addColumn('seen_at', 'bigint', (column) => column.notNull())
    .execute();
}
