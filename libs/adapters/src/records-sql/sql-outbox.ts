import type { Kysely, Selectable } from 'kysely';
import { CanhError } from '@canh/core/canh-error';
import type { ChannelName, Contact, Delivery, DeliveryState, Notice, Outcome } from '@canh/core/dispatch/notice';
import { completeDigests, type OpenDigest } from '@canh/core/dispatch/delivery-plan';
import { Outbox, type Attempt, type DeliveryRecord } from '@canh/core/dispatch/outbox';
import { LONGEST_WAIT_MS } from '@canh/core/dispatch/plan';
import type { TellingBounds } from '@canh/core/dispatch/telling-bounds';
import type { Instant } from '@canh/core/time/instant';
import { alertOf } from './alert-steps.js';
import { contactOf, openDigests, placeOf, planAndSave, tellingName, unconfirmedPlaces } from './delivery-plans.js';
import { grouped } from './grouped.js';
import type { RecordsDatabase } from './open-records.js';
import type { Schema } from './schema.js';

/** Characters kept of what the other side said: a web server can answer with a whole page. */
const LONGEST_ANSWER = 2_000;

export class SqlOutbox extends Outbox {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async unplanned(limit: number): Promise<Notice[]> {
    const waiting = this.database
      .selectFrom('notices')
      .select(['id', 'event', 'created_at', 'alert'])
      .where('planned', '=', 0)
      .orderBy('change')
      .limit(limit);
    const urgent = await this.database
      .selectFrom('notices')
      .select('alert_id')
      .where('planned', '=', 0)
      .where('urgent', '=', 1)
      .orderBy('change')
      .limit(limit)
      .execute();
    const alerts = [...new Set(urgent.map((row) => row.alert_id))];
    // With all that waits of these alerts: nobody shall hear of the beginning last.
    const first = alerts.length === 0 ? [] : await waiting.where('alert_id', 'in', alerts).execute();
    const others = first.length === limit ? [] : await waiting.execute();
    const taken = new Set(first.map(({ id }) => id));
    return [...first, ...others.filter(({ id }) => !taken.has(id))].slice(0, limit).map(noticeOf);
  }

  plan(
    notices: readonly Notice[],
    contacts: readonly Contact[],
    bounds: TellingBounds,
    now: Instant,
  ): Promise<{ waiting: number; nobody: readonly Notice[] }> {
    return this.database.write(async (transaction) => {
      const { tellings, singles, nobody } = await planAndSave(transaction, notices, contacts, bounds, now);
      const alone = new Set(singles.map(({ deliveryId }) => deliveryId));
      return { waiting: tellings.filter(({ deliveryId }) => !alone.has(deliveryId)).length, nobody };
    });
  }

  async closeDigests(bounds: TellingBounds, now: Instant): Promise<number> {
    // Asked four times a second, and most of the time there is none: that takes no lock.
    if (completeDigests(await this.sendable(this.database), new Set(), now, bounds).length === 0) return 0;
    return this.database.write(async (transaction) => {
      const open = await this.sendable(transaction);
      const busy = await transaction
        .selectFrom('deliveries')
        .select('contact_id')
        .distinct()
        .where('state', '=', 'pending')
        .where('kind', '=', 'digest')
        .execute();
      const complete = completeDigests(open, new Set(busy.map((row) => row.contact_id)), now, bounds);
      if (complete.length === 0) return 0;
      // All that it held went with more urgent messages.
      await transaction.deleteFrom('deliveries').where('id', 'in', complete).where('incidents', '=', 0).execute();
      const { numUpdatedRows } = await transaction
        .updateTable('deliveries')
        .set({ state: 'pending', planned_at: now, next_attempt_at: now })
        .where('id', 'in', complete)
        .executeTakeFirst();
      return Number(numUpdatedRows);
    });
  }

  /** Open digests for addresses that need no code. */
  private async sendable(database: Kysely<Schema>): Promise<OpenDigest[]> {
    const unconfirmed = await unconfirmedPlaces(database);
    return (await openDigests(database)).filter(({ contact }) => !unconfirmed.has(placeOf(contact)));
  }

  async due(
    now: Instant,
    limit: number,
    channel: ChannelName,
    digests = limit,
    except: ReadonlySet<string> = new Set(),
  ): Promise<Delivery[]> {
    const singles = await this.dueOf('single', now, limit, channel, except);
    const room = Math.min(digests, limit - singles.length);
    return room <= 0 ? singles : [...singles, ...(await this.dueOf('digest', now, room, channel, except))];
  }

  private async dueOf(
    kind: Delivery['kind'],
    now: Instant,
    limit: number,
    channel: ChannelName,
    except: ReadonlySet<string>,
  ): Promise<Delivery[]> {
    let query = this.database
      .selectFrom('deliveries')
      .innerJoin('notices', 'notices.id', 'deliveries.notice_id')
      .select(['deliveries.id', 'kind', 'attempts', 'planned_at'])
      .select(['contact_id', 'contact_name', 'channel', 'address', 'language', 'from_severity'])
      .select(['notice_id', 'event', 'created_at', 'alert'])
      .where('state', '=', 'pending')
      // A time further ahead than any wait is of a clock that was set back since.
      .where(({ eb, or }) => or([eb('next_attempt_at', '<=', now), eb('next_attempt_at', '>', now + LONGEST_WAIT_MS)]))
      .where('channel', '=', channel)
      .where('kind', '=', kind)
      .where(({ eb, or, not, exists, selectFrom }) =>
        or([
          kind === 'single' ? eb('event', '!=', 'returned') : eb('planned_at', '<=', now - LONGEST_WAIT_MS),
          not(
            exists(
              selectFrom('told as end')
                .innerJoin('notices as ended', 'ended.id', 'end.notice_id')
                .innerJoin('notices as began', 'began.alert_id', 'ended.alert_id')
                .innerJoin('told as beginning', (join) =>
                  join
                    .onRef('beginning.notice_id', '=', 'began.id')
                    .onRef('beginning.contact_id', '=', 'end.contact_id'),
                )
                .innerJoin('deliveries as earlier', 'earlier.id', 'beginning.delivery_id')
                .select('earlier.id')
                .whereRef('end.delivery_id', '=', 'deliveries.id')
                .where('ended.event', '=', 'returned')
                .whereRef('began.change', '<', 'ended.change')
                .whereRef('earlier.id', '!=', 'deliveries.id')
                .where('earlier.state', 'in', ['pending', 'collecting']),
            ),
          ),
        ]),
      );
    if (except.size > 0) query = query.where('deliveries.id', 'not in', [...except]);
    query = query.orderBy('next_attempt_at');
    // Digests of one closing are alike, and to sort hundreds of them each time would mean to look into each.
    if (kind === 'single') query = query.orderBy('change').orderBy('place');
    const rows = await query.limit(limit).execute();
    const found: Delivery[] = [];
    for (const row of rows) {
      const message = { id: row.id, contact: contactOf(row), attempts: row.attempts };
      found.push(
        row.kind === 'single'
          ? { kind: 'single', ...message, notice: noticeOf({ ...row, id: row.notice_id }) }
          : { kind: 'digest', ...message, closedAt: row.planned_at, notices: await this.noticesOf(row.id) },
      );
    }
    return found;
  }

  private async noticesOf(deliveryId: string): Promise<Notice[]> {
    const rows = await this.database
      .selectFrom('told')
      .innerJoin('notices', 'notices.id', 'told.notice_id')
      .select(['id', 'event', 'created_at', 'alert'])
      .where('delivery_id', '=', deliveryId)
      .orderBy('change')
      .execute();
    return rows.map(noticeOf);
  }

  /** How many deliveries wait in each channel, digests that are not complete among them, and the creation of the notice that has waited longest. */
  async pending(): Promise<{ channel: ChannelName; count: number; oldest: Instant }[]> {
    const rows = await this.database
      .selectFrom('deliveries')
      .innerJoin('notices', 'notices.id', 'deliveries.notice_id')
      .select(({ fn }) => ['channel', fn.countAll<number>().as('count'), fn.min('created_at').as('oldest')])
      .where('state', 'in', ['pending', 'collecting'])
      .groupBy('channel')
      .execute();
    return rows.map(({ channel, count, oldest }) => ({ channel, count, oldest }));
  }

  record(
    deliveryId: string,
    { at, outcome }: Attempt,
    next: { state: DeliveryState; nextAttemptAt: Instant | null },
  ): Promise<void> {
    return this.database.write(async (transaction) => {
      const delivery = await transaction
        .selectFrom('deliveries')
        .select(['state', 'attempts'])
        .where('id', '=', deliveryId)
        .executeTakeFirst();
      if (delivery === undefined)
        throw new CanhError('UNKNOWN_DELIVERY', `There is no delivery ${deliveryId}; its attempt cannot be kept.`);
      const number = delivery.attempts + 1;
      await transaction
        .insertInto('attempts')
        .values({
          delivery_id: deliveryId,
          number,
          at,
          outcome: outcome.kind,
          answer: outcome.answer.slice(0, LONGEST_ANSWER),
        })
        .execute();
      await transaction.updateTable('deliveries').set({ attempts: number }).where('id', '=', deliveryId).execute();
      // What was accepted stays so, and what is over is not taken up again by a slower second try.
      if (delivery.state === 'pending' || next.state === 'accepted')
        await transaction
          .updateTable('deliveries')
          .set({ state: next.state, next_attempt_at: next.nextAttemptAt })
          .where('id', '=', deliveryId)
          .execute();
    });
  }

  async ofAlert(alertId: string): Promise<DeliveryRecord[]> {
    const { deliveries, attempts } = await this.database.readTogether(async (snapshot) => ({
      deliveries: await snapshot
        .selectFrom('notices')
        .innerJoin('told', 'told.notice_id', 'notices.id')
        .innerJoin('deliveries', 'deliveries.id', 'told.delivery_id')
        .select(['told.notice_id', 'told.contact_id', 'delivery_id', 'kind', 'event'])
        .select(['contact_name', 'channel', 'address', 'state', 'next_attempt_at'])
        .where('alert_id', '=', alertId)
        .orderBy('change')
        .orderBy('told.place')
        .execute(),
      attempts: await snapshot
        .selectFrom('attempts')
        .select(['delivery_id', 'at', 'outcome', 'answer'])
        .where('delivery_id', 'in', ({ selectFrom }) =>
          selectFrom('notices')
            .innerJoin('told', 'told.notice_id', 'notices.id')
            .select('told.delivery_id')
            .where('alert_id', '=', alertId),
        )
        .orderBy('delivery_id')
        .orderBy('number')
        .execute(),
    }));
    const attemptsOf = grouped(attempts, (row) => row.delivery_id);
    return deliveries.map((row) => ({
      id: tellingName(row.notice_id, row.contact_id),
      deliveryId: row.delivery_id,
      digest: row.kind === 'digest',
      event: row.event,
      contactName: row.contact_name,
      channel: row.channel,
      address: row.address,
      state: row.state === 'collecting' ? 'pending' : row.state,
      nextAttemptAt: row.next_attempt_at,
      attempts: (attemptsOf.get(row.delivery_id) ?? []).map(({ at, outcome, answer }) => ({
        at,
        outcome: { kind: outcome, answer } satisfies Outcome,
      })),
    }));
  }
}

function noticeOf(row: Pick<Selectable<Schema['notices']>, 'id' | 'event' | 'created_at' | 'alert'>): Notice {
  return { id: row.id, event: row.event, createdAt: row.created_at, alert: alertOf(row) };
}
