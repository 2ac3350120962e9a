import { sql, type Kysely } from 'kysely';

/** A delivery may carry several notices. Which one carries a notice to a contact is in `told`. */
export async function up(database: Kysely<unknown>): Promise<void> {
  const { schema } = database;

  await schema.dropIndex('deliveries_due').execute();
  await schema.alterTable('deliveries').renameTo('deliveries_of_one').execute();
  await schema.alterTable('attempts').renameTo('attempts_of_one').execute();

  await schema
    .createTable('deliveries')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('kind', 'text', (column) => column.notNull())
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
    .addColumn('planned_at', 'bigint', (column) => column.notNull())
    .addColumn('incidents', 'integer', (column) => column.notNull())
    .addColumn('notices', 'integer', (column) => column.notNull())
    .execute();
  await sql`insert into deliveries
    select d.id, 'single', d.notice_id, d.place, d.contact_id, d.contact_name, d.channel, d.address, d.language, d.from_severity,
      d.state, d.attempts, d.next_attempt_at, n.created_at, 1, 1
    from deliveries_of_one d join notices n on n.id = d.notice_id`.execute(database);

  await schema
    .createTable('told')
    .addColumn('notice_id', 'text', (column) => column.notNull().references('notices.id'))
    .addColumn('contact_id', 'text', (column) => column.notNull())
    .addColumn('place', 'integer', (column) => column.notNull())
    .addColumn('delivery_id', 'text', (column) => column.notNull().references('deliveries.id'))
    .addPrimaryKeyConstraint('told_key', ['notice_id', 'contact_id'])
    .execute();
  await sql`insert into told (notice_id, contact_id, place, delivery_id)
    select notice_id, contact_id, place, id from deliveries_of_one`.execute(database);

  await schema
    .createTable('attempts')
    .addColumn('delivery_id', 'text', (column) => column.notNull().references('deliveries.id'))
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('outcome', 'text', (column) => column.notNull())
    .addColumn('answer', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('attempts_by_number', ['delivery_id', 'number'])
    .execute();
  await sql`insert into attempts (delivery_id, number, at, outcome, answer)
    select delivery_id, number, at, outcome, answer from attempts_of_one`.execute(database);

  await schema.dropTable('attempts_of_one').execute();
  await schema.dropTable('deliveries_of_one').execute();

  await schema
    .createIndex('deliveries_due')
    .on('deliveries')
    .columns(['channel', 'kind', 'next_attempt_at'])
    .where(sql.ref('state'), '=', sql.lit('pending'))
    .execute();
  await schema
    .createIndex('deliveries_collecting')
    .on('deliveries')
    .column('next_attempt_at')
    .where(sql.ref('state'), '=', sql.lit('collecting'))
    .execute();
  await schema.createIndex('deliveries_planned').on('deliveries').column('planned_at').execute();
  // What is critical is planned before all that waits with it.
  await schema
    .alterTable('notices')
    .addColumn('urgent', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
  await schema
    .createIndex('notices_urgent')
    .on('notices')
    .column('change')
    .where(sql.ref('planned'), '=', sql.lit(0))
    .where(sql.ref('urgent'), '=', sql.lit(1))
    .execute();
  await schema.createIndex('told_by').on('told').column('delivery_id').execute();
}
