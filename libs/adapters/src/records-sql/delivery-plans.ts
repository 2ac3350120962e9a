import { createHash } from 'node:crypto';
import type { Kysely, Selectable, Transaction } from 'kysely';
import {
  planDeliveries,
  recipientKey,
  type DeliveryPlan,
  type NameOf,
  type OpenDigest,
  type Situation,
  type Telling,
} from '@canh/core/dispatch/delivery-plan';
import type { Contact, Notice } from '@canh/core/dispatch/notice';
import type { TellingBounds } from '@canh/core/dispatch/telling-bounds';
import type { Instant } from '@canh/core/time/instant';
import type { Schema } from './schema.js';

/** Rows of one insert: fewer statements, and not more parameters than one may have. */
const ROWS_AT_ONCE = 200;

/** Plans those of the notices that are not planned yet, and saves what follows. */
export async function planAndSave(
  transaction: Transaction<Schema>,
  notices: readonly Notice[],
  contacts: readonly Contact[],
  bounds: TellingBounds,
  now: Instant,
): Promise<DeliveryPlan> {
  // Planned already is what this process planned before it was stopped, or another one.
  const unplanned = await transaction
    .selectFrom('notices')
    .select(['id', 'change'])
    .where('planned', '=', 0)
    .where(
      'id',
      'in',
      notices.map(({ id }) => id),
    )
    .execute();
  const wanted = new Map(unplanned.map(({ id, change }) => [id, change]));
  const inHand = notices.filter(({ id }) => wanted.has(id));
  if (inHand.length === 0) return { singles: [], opened: [], digests: [], moves: [], tellings: [], nobody: [] };
  const situation = await situationOf(transaction, inHand, bounds, now);
  const plan = planDeliveries(inHand, contacts, situation, bounds, deliveryName);
  await save(transaction, plan, new Map(contacts.map(({ id }, place) => [id, place])), now);
  await beginWithTheOldest(transaction, plan, wanted);
  await transaction
    .updateTable('notices')
    .set({ planned: 1 })
    .where('id', 'in', [...wanted.keys()])
    .execute();
  return plan;
}

/** The digests that take up notices, in the order in which they were opened. */
export async function openDigests(database: Kysely<Schema>): Promise<OpenDigest[]> {
  const rows = await database
    .selectFrom('deliveries')
    .innerJoin('notices as first', 'first.id', 'deliveries.notice_id')
    .select(['deliveries.id', 'contact_id', 'contact_name', 'channel', 'address', 'language', 'from_severity'])
    .select(['incidents', 'notices', 'next_attempt_at'])
    .where('state', '=', 'collecting')
    .orderBy('first.change')
    .execute();
  return rows.map((row) => ({
    id: row.id,
    contact: contactOf(row),
    incidents: row.incidents,
    notices: row.notices,
    closesAt: row.next_attempt_at ?? 0,
  }));
}

/** The contacts whose address nobody has confirmed. */
async function unconfirmedIds(database: Kysely<Schema>): Promise<ReadonlySet<string>> {
  const rows = await database.selectFrom('confirmations').select('contact_id').execute();
  return new Set(rows.map((row) => row.contact_id));
}

/** What waits for a code, by `placeOf`: an address that the contact had before was confirmed, or is not waited for any more. */
export async function unconfirmedPlaces(database: Kysely<Schema>): Promise<ReadonlySet<string>> {
  const rows = await database
    .selectFrom('confirmations')
    .innerJoin('contacts', 'contacts.id', 'contact_id')
    .select(['contact_id', 'channel', 'address'])
    .execute();
  return new Set(rows.map((row) => placeOf({ ...row, id: row.contact_id })));
}

export function placeOf(contact: Pick<Contact, 'id' | 'channel' | 'address'>): string {
  return JSON.stringify([contact.id, recipientKey(contact)]);
}

export function contactOf(
  row: Pick<
    Selectable<Schema['deliveries']>,
    'contact_id' | 'contact_name' | 'channel' | 'address' | 'language' | 'from_severity'
  >,
): Contact {
  return {
    id: row.contact_id,
    name: row.contact_name,
    channel: row.channel,
    address: row.address,
    language: row.language,
    fromSeverity: row.from_severity,
  };
}

/** The same for the same notice and contact, and safe in an e-mail's or a request's header whatever their ids are made of. */
export const deliveryName: NameOf = (kind, notice, contact) => tellingName(notice.id, contact.id, kind);

export function tellingName(noticeId: string, contactId: string, kind: 'single' | 'digest' = 'single'): string {
  const of = kind === 'single' ? [noticeId, contactId] : [noticeId, contactId, kind];
  return createHash('sha256').update(JSON.stringify(of)).digest().subarray(0, 16).toString('base64url');
}

async function situationOf(
  transaction: Transaction<Schema>,
  notices: readonly Notice[],
  { windowMs, digestEveryMs }: TellingBounds,
  now: Instant,
): Promise<Situation> {
  const open = await openDigests(transaction);
  const held = open.length === 0 ? [] : await heldOf(transaction, notices);
  const closed = await transaction
    .selectFrom('deliveries')
    .select(({ fn }) => ['contact_id', fn.max('planned_at').as('closed_at')])
    .where('kind', '=', 'digest')
    .where('state', '!=', 'collecting')
    .where('planned_at', '>', now - digestEveryMs)
    .where('planned_at', '<=', now)
    .groupBy('contact_id')
    .execute();
  const recent = await transaction
    .selectFrom('deliveries')
    .select(({ fn }) => ['channel', 'address', fn.countAll<number>().as('count')])
    .where('kind', '=', 'single')
    // What was planned in the future was planned by a clock that was set back since.
    .where('planned_at', '>', now - windowMs)
    .where('planned_at', '<=', now)
    .groupBy(['channel', 'address'])
    .execute();
  const late = await transaction
    .selectFrom('deliveries')
    .select(({ fn }) => ['channel', 'address', fn.countAll<number>().as('count')])
    .where('state', '=', 'pending')
    .where('kind', '=', 'single')
    .where(({ eb, or }) => or([eb('planned_at', '<=', now - windowMs), eb('planned_at', '>', now)]))
    .groupBy(['channel', 'address'])
    .execute();
  const singles = new Map<string, number>();
  for (const row of [...recent, ...late])
    singles.set(recipientKey(row), (singles.get(recipientKey(row)) ?? 0) + row.count);
  const unconfirmed = await unconfirmedIds(transaction);
  return {
    now,
    singles,
    open,
    held,
    unconfirmed,
    closedAt: new Map(closed.map((row) => [row.contact_id, row.closed_at])),
  };
}

/** Which open digests tell already of the alerts in hand. */
async function heldOf(transaction: Transaction<Schema>, notices: readonly Notice[]): Promise<Situation['held']> {
  const rows = await transaction
    .selectFrom('notices')
    .innerJoin('told', 'told.notice_id', 'notices.id')
    .innerJoin('deliveries', 'deliveries.id', 'told.delivery_id')
    .select(({ fn }) => ['told.delivery_id', 'alert_id', fn.countAll<number>().as('count')])
    .where('alert_id', 'in', [...new Set(notices.map(({ alert }) => alert.id))])
    // An alert that has come and gone for weeks has more notices than can be looked through each time.
    .where('change', '>=', ({ selectFrom }) =>
      selectFrom('deliveries as collecting')
        .innerJoin('notices as first', 'first.id', 'collecting.notice_id')
        .select(({ fn }) => fn.min('first.change').as('change'))
        .where('collecting.state', '=', 'collecting'),
    )
    .where('state', '=', 'collecting')
    .groupBy(['told.delivery_id', 'alert_id'])
    .execute();
  return rows.map((row) => ({ digestId: row.delivery_id, alertId: row.alert_id, notices: row.count }));
}

async function save(
  transaction: Transaction<Schema>,
  { singles, opened, digests, moves, tellings }: DeliveryPlan,
  places: ReadonlyMap<string, number>,
  now: Instant,
): Promise<void> {
  const row = (
    { notice, contact, deliveryId }: Telling,
    kind: 'single' | 'digest',
  ): Selectable<Schema['deliveries']> => ({
    id: deliveryId,
    kind,
    notice_id: notice.id,
    place: places.get(contact.id) ?? 0,
    contact_id: contact.id,
    contact_name: contact.name,
    channel: contact.channel,
    address: contact.address,
    language: contact.language,
    from_severity: contact.fromSeverity,
    state: kind === 'single' ? 'pending' : 'collecting',
    attempts: 0,
    next_attempt_at: notice.createdAt,
    planned_at: now,
    incidents: 1,
    notices: 1,
  });
  const deliveries = [...singles.map((one) => row(one, 'single')), ...opened.map((one) => row(one, 'digest'))];
  for (const rows of inTurns(deliveries)) await transaction.insertInto('deliveries').values(rows).execute();
  for (const { id, incidents, notices, closesAt } of digests)
    await transaction
      .updateTable('deliveries')
      .set({ incidents, notices, next_attempt_at: closesAt })
      .where('id', '=', id)
      .execute();
  for (const { from, to, alertId } of moves)
    await transaction
      .updateTable('told')
      .set({ delivery_id: to })
      .where('delivery_id', '=', from)
      .where('notice_id', 'in', ({ selectFrom }) =>
        selectFrom('notices').select('notices.id').where('alert_id', '=', alertId),
      )
      .execute();
  const told = tellings.map(({ notice, contact, deliveryId }) => ({
    notice_id: notice.id,
    contact_id: contact.id,
    place: places.get(contact.id) ?? 0,
    delivery_id: deliveryId,
  }));
  for (const rows of inTurns(told)) await transaction.insertInto('told').values(rows).execute();
}

/** Urgent notices are planned before older ones: a digest begins with the oldest that it tells of, and not with the one that opened it. */
async function beginWithTheOldest(
  transaction: Transaction<Schema>,
  { digests, tellings }: DeliveryPlan,
  changes: ReadonlyMap<string, number>,
): Promise<void> {
  const oldest = new Map<string, { readonly noticeId: string; readonly change: number }>();
  for (const { notice, deliveryId } of tellings) {
    const change = changes.get(notice.id)!;
    if (change < (oldest.get(deliveryId)?.change ?? Infinity)) oldest.set(deliveryId, { noticeId: notice.id, change });
  }
  for (const { id } of digests) {
    const first = oldest.get(id);
    if (first === undefined) continue;
    await transaction
      .updateTable('deliveries')
      .set({ notice_id: first.noticeId })
      .where('id', '=', id)
      .where(
        ({ selectFrom }) => selectFrom('notices').select('change').whereRef('notices.id', '=', 'deliveries.notice_id'),
        '>',
        first.change,
      )
      .execute();
  }
}

function inTurns<Row>(rows: readonly Row[]): Row[][] {
  const turns: Row[][] = [];
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) turns.push(rows.slice(from, from + ROWS_AT_ONCE));
  return turns;
}
