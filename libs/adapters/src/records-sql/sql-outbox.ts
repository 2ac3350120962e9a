import { createHash } from 'node:crypto';
import { CanhError } from '@canh/core/canh-error';
import type { ChannelName, Contact, Delivery, DeliveryState, Notice, Outcome } from '@canh/core/dispatch/notice';
import { Outbox, type Attempt, type DeliveryRecord } from '@canh/core/dispatch/outbox';
import { LONGEST_WAIT_MS } from '@canh/core/dispatch/plan';
import type { Instant } from '@canh/core/time/instant';
import { alertOf } from './alert-steps.js';
import { grouped } from './grouped.js';
import type { RecordsDatabase } from './open-records.js';

/** Characters kept of what the other side said: a web server can answer with a whole page. */
const LONGEST_ANSWER = 2_000;

export class SqlOutbox extends Outbox {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async unplanned(limit: number): Promise<Notice[]> {
    const rows = await this.database
      .selectFrom('notices')
      .select(['id', 'event', 'created_at', 'alert'])
      .where('planned', '=', 0)
      .orderBy('change')
      .limit(limit)
      .execute();
    return rows.map((row) => ({ id: row.id, event: row.event, createdAt: row.created_at, alert: alertOf(row) }));
  }

  plan(notice: Notice, to: readonly Contact[]): Promise<void> {
    return this.database.write(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable('notices')
        .set({ planned: 1 })
        .where('id', '=', notice.id)
        .where('planned', '=', 0)
        .executeTakeFirst();
      // Planned already, by this process before it was stopped or by another one.
      if (numUpdatedRows === 0n) return;
      for (const [place, contact] of to.entries())
        await transaction
          .insertInto('deliveries')
          .values({
            id: deliveryId(notice, contact),
            notice_id: notice.id,
            place,
            contact_id: contact.id,
            contact_name: contact.name,
            channel: contact.channel,
            address: contact.address,
            language: contact.language,
            from_severity: contact.fromSeverity,
            state: 'pending',
            attempts: 0,
            next_attempt_at: notice.createdAt,
          })
          .execute();
    });
  }

  async due(now: Instant, limit: number, channel: ChannelName): Promise<Delivery[]> {
    const rows = await this.database
      .selectFrom('deliveries')
      .innerJoin('notices', 'notices.id', 'deliveries.notice_id')
      .select([
        'deliveries.id',
        'contact_id',
        'contact_name',
        'channel',
        'address',
        'language',
        'from_severity',
        'attempts',
      ])
      .select(['notice_id', 'event', 'created_at', 'alert'])
      .where('state', '=', 'pending')
      // A time further ahead than any wait is of a clock that was set back since.
      .where(({ eb, or }) => or([eb('next_attempt_at', '<=', now), eb('next_attempt_at', '>', now + LONGEST_WAIT_MS)]))
      .where('channel', '=', channel)
      .where(({ eb, or, not, exists, selectFrom }) =>
        or([
          eb('event', '!=', 'returned'),
          not(
            exists(
              selectFrom('deliveries as earlier')
                .innerJoin('notices as told', 'told.id', 'earlier.notice_id')
                .select('earlier.id')
                .whereRef('told.alert_id', '=', 'notices.alert_id')
                .whereRef('told.change', '<', 'notices.change')
                .whereRef('earlier.contact_id', '=', 'deliveries.contact_id')
                .where('earlier.state', '=', 'pending'),
            ),
          ),
        ]),
      )
      .orderBy('next_attempt_at')
      .orderBy('change')
      .orderBy('place')
      .limit(limit)
      .execute();
    return rows.map((row) => ({
      id: row.id,
      notice: { id: row.notice_id, event: row.event, createdAt: row.created_at, alert: alertOf(row) },
      contact: {
        id: row.contact_id,
        name: row.contact_name,
        channel: row.channel,
        address: row.address,
        language: row.language,
        fromSeverity: row.from_severity,
      },
      attempts: row.attempts,
    }));
  }

  /** How many deliveries wait in each channel, and the creation of the notice that has waited longest. */
  async pending(): Promise<{ channel: ChannelName; count: number; oldest: Instant }[]> {
    const rows = await this.database
      .selectFrom('deliveries')
      .innerJoin('notices', 'notices.id', 'deliveries.notice_id')
      .select(({ fn }) => ['channel', fn.countAll<number>().as('count'), fn.min('created_at').as('oldest')])
      .where('state', '=', 'pending')
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
        .selectFrom('deliveries')
        .innerJoin('notices', 'notices.id', 'deliveries.notice_id')
        .select(['deliveries.id', 'event', 'contact_name', 'channel', 'address', 'state', 'next_attempt_at'])
        .where('alert_id', '=', alertId)
        .orderBy('change')
        .orderBy('place')
        .execute(),
      attempts: await snapshot
        .selectFrom('attempts')
        .innerJoin('deliveries', 'deliveries.id', 'attempts.delivery_id')
        .innerJoin('notices', 'notices.id', 'deliveries.notice_id')
        .select(['delivery_id', 'at', 'outcome', 'answer'])
        .where('alert_id', '=', alertId)
        .orderBy('delivery_id')
        .orderBy('number')
        .execute(),
    }));
    const attemptsOf = grouped(attempts, (row) => row.delivery_id);
    return deliveries.map((row) => ({
      id: row.id,
      event: row.event,
      contactName: row.contact_name,
      channel: row.channel,
      address: row.address,
      state: row.state,
      nextAttemptAt: row.next_attempt_at,
      attempts: (attemptsOf.get(row.id) ?? []).map(({ at, outcome, answer }) => ({
        at,
        outcome: { kind: outcome, answer } satisfies Outcome,
      })),
    }));
  }
}

/** The same for the same notice and contact, and safe in an e-mail's or a request's header whatever their ids are made of. */
function deliveryId(notice: Notice, contact: Contact): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([notice.id, contact.id]))
    .digest();
  return digest.subarray(0, 16).toString('base64url');
}
