import { setImmediate as othersTurn } from 'node:timers/promises';
import {
  BehaviorSubject,
  catchError,
  defer,
  filter,
  finalize,
  firstValueFrom,
  ignoreElements,
  lastValueFrom,
  map,
  merge,
  mergeMap,
  of,
  race,
  repeat,
  ReplaySubject,
  retry,
  take,
  takeUntil,
  tap,
  throwError,
  timer,
  type Observable,
  type SchedulerLike,
} from 'rxjs';
import { CanhError } from '@canh/core/canh-error';
import type { AsksForConfirmation, Unconfirmed } from '@canh/core/dispatch/confirmation';
import type { Channel, NamedIncident, NoticeContext } from '@canh/core/dispatch/channel';
import { incidentsOf } from '@canh/core/dispatch/incident';
import type { ChannelName, Contact, Delivery, DeliveryState, Notice, Outcome } from '@canh/core/dispatch/notice';
import type { Attempt, ContactBook, Outbox } from '@canh/core/dispatch/outbox';
import { afterAttempt, LONGEST_WAIT_MS } from '@canh/core/dispatch/plan';
import type { TellingBounds } from '@canh/core/dispatch/telling-bounds';
import type { Alert } from '@canh/core/alerts/alert';
import type { Instant } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import { withoutSecrets } from '@canh/runtime/without-secrets';
import type { NotifierMetrics } from './notifier.metrics.js';

export interface NotifierParts {
  readonly outbox: Outbox;
  readonly contacts: ContactBook;
  readonly channels: readonly Channel[];
  /** Sends the mails with which people confirm their address. */
  readonly addresses: AsksForConfirmation;
  /** The names and the advice that belong to an alert. */
  readonly contextOf: (alert: Alert) => Promise<NoticeContext>;
  /** Every wait and every "now"; a test hands in a virtual one. */
  readonly scheduler: SchedulerLike;
  /** In [0, 1): spreads the tries of many deliveries. */
  readonly random: () => number;
  readonly deliveriesAtOnce: number;
  readonly bounds: TellingBounds;
  readonly metrics: NotifierMetrics;
  readonly log: Log;
}

const LOOK_EVERY_MS = 250;
const PAUSE_AFTER_ERROR_MS = 1_000;
/** Planned in one transaction: each waits for the disk. Not so many that an operator's acknowledgement waits long for the lock. */
const PLAN_AT_ONCE = 100;
const TELLINGS_AT_ONCE = 2_000;
/** Of a digest, looked up before others have their turn on this thread. */
const NAMED_AT_ONCE = 50;
const NAMED_IN_WARNING = 5;
/** Longer than any channel takes by its own deadlines: a promise that never settles must not keep its place for ever. */
const ATTEMPT_WITHIN_MS = 90_000;
/** Shorter than what a process has to stop in. */
const STOP_WITHIN_MS = 6_000;
const RECORD_WITHIN_MS = 1_000;

/** One channel's deliveries on their way. */
interface Lane {
  readonly channel: Channel;
  /** By id. A delivery stays pending in the outbox while it is here, so it must not be taken a second time. */
  readonly onTheWay: Map<string, Delivery['kind']>;
}

/**
 * Tells people: plans who is told of each notice, sends what is due, and records each attempt. What it knows is in the outbox, so it may
 * be killed at any moment: a message that was sent and not recorded is sent again under the same id.
 */
export class Notifier {
  private readonly lanes: readonly Lane[];
  private readonly stopping = new ReplaySubject<void>(1);
  private stopped = false;
  /** Counts what makes it worth to look again at once: a place that became free, a notice that was planned. */
  private readonly changes = new BehaviorSubject(0);
  private readonly failures = new Map<string, string>();
  private unconfirmed: readonly Unconfirmed[] = [];
  private running: Promise<unknown> = Promise.resolve();
  /** Why nobody is told of anything until the next start; null while its loops turn. */
  ended: string | null = null;

  constructor(private readonly parts: NotifierParts) {
    this.lanes = parts.channels.map((channel) => ({ channel, onTheWay: new Map() }));
  }

  /** What keeps it from telling people right now, in words; empty when nothing does. */
  get problems(): string[] {
    return [...this.failures].map(([what, why]) => `${what}: ${why}`);
  }

  /** What is not as it should be and keeps nobody else from being told. */
  get warnings(): string[] {
    const ids = this.unconfirmed.map(({ contact }) => contact.id);
    if (ids.length === 0) return [];
    const more = ids.length - NAMED_IN_WARNING;
    return [
      `These contacts are told of nothing until their address is confirmed: ${ids.slice(0, NAMED_IN_WARNING).join(', ')}` +
        `${more > 0 ? ` and ${more} more` : ''}. Each was sent a code; enter it with 'canh contact confirm ID CODE'.`,
    ];
  }

  start(): void {
    const planning = this.looks('planning', () => this.plan());
    const sending = this.lanes.map((lane) =>
      this.looks(`sending by ${lane.channel.name}`, () => this.take(lane)).pipe(
        mergeMap((delivery) => this.deliver(lane, delivery), this.parts.deliveriesAtOnce),
      ),
    );
    const asking = this.looks('asking people to confirm their address', () => this.ask());
    this.running = lastValueFrom(merge(planning, asking, ...sending).pipe(ignoreElements()), {
      defaultValue: undefined,
    }).then(
      () => this.endedBy('its loops have ended'),
      (error: unknown) => this.endedBy(messageOf(error)),
    );
  }

  private endedBy(why: string): void {
    if (this.stopped) return;
    this.ended = `The notifier tells nobody any more: ${why}. Start it again.`;
    this.parts.log.fatal({ event: 'notifier.ended', error: why }, this.ended);
  }

  /** Takes up nothing more, lets what is on its way finish for at most 6 s, and closes the channels. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.stopping.next();
    const { scheduler, channels, log } = this.parts;
    await firstValueFrom(race(this.running, timer(STOP_WITHIN_MS, scheduler)));
    await Promise.all(channels.map((channel) => channel.close()));
    // What a closed channel gave up is an attempt like any other, and is recorded.
    await firstValueFrom(race(this.running, timer(RECORD_WITHIN_MS, scheduler)));
    const left = this.lanes.reduce((sum, { onTheWay }) => sum + onTheWay.size, 0);
    if (left > 0)
      log.warn(
        { event: 'notifier.cut-off', deliveries: left },
        'deliveries were cut off and not recorded; they go out after the next start',
      );
  }

  /** What each look finds: at once again after it found something, otherwise after a pause or a change. Ends when stopping, never by an error. */
  private looks<T>(what: string, look: () => Promise<readonly T[]>): Observable<T> {
    const { scheduler } = this.parts;
    let found = 0;
    let seen = 0;
    return defer(() => {
      found = 0;
      seen = this.changes.value;
      return look();
    }).pipe(
      tap((items) => {
        found = items.length;
        this.succeeded(what);
      }),
      catchError((error: unknown) => {
        this.failed(what, error);
        return timer(PAUSE_AFTER_ERROR_MS, scheduler).pipe(takeUntil(this.stopping), ignoreElements());
      }),
      mergeMap((items) => items),
      repeat({
        delay: () => {
          const changed = this.changes.pipe(filter((count) => count > seen));
          // SQLite answers without leaving the thread, which others use too: doors for devices, when all runs in one process.
          const again: Observable<unknown> =
            found > 0 ? defer(() => othersTurn()) : merge(timer(LOOK_EVERY_MS, scheduler), changed);
          return again.pipe(take(1), takeUntil(this.stopping));
        },
      }),
    );
  }

  /** Closes the digests that are complete, plans the notices that wait for it, and returns those that it could. */
  private async plan(): Promise<readonly Notice[]> {
    const { outbox, contacts, bounds, scheduler, log } = this.parts;
    const closed = await outbox.closeDigests(bounds, scheduler.now());
    if (closed > 0) log.info({ event: 'digests.closed', digests: closed }, 'digests are complete and go out');
    const waiting = await outbox.unplanned(PLAN_AT_ONCE);
    const book = waiting.length === 0 ? [] : await contacts.list();
    const room = this.stopped ? 0 : Math.max(1, Math.floor(TELLINGS_AT_ONCE / Math.max(1, book.length)));
    const notices = waiting.slice(0, room);
    let planned: readonly Notice[] = notices;
    let failure: Error | null = null;
    if (notices.length > 0)
      try {
        await this.planTogether(notices, book);
      } catch (error) {
        // One notice that cannot be planned must not hold up the others. What the records as a whole say of themselves is true of each.
        if (error instanceof CanhError || notices.length === 1) throw error;
        ({ planned, failure } = await this.planOneByOne(notices, book));
      }
    if (closed > 0 || planned.length > 0) this.changed();
    if (failure !== null) throw failure;
    return planned;
  }

  private async planTogether(notices: readonly Notice[], book: readonly Contact[]): Promise<void> {
    const { outbox, bounds, scheduler, metrics, log } = this.parts;
    const { waiting, nobody } = await outbox.plan(notices, book, bounds, scheduler.now());
    if (waiting > 0) {
      metrics.collected(waiting);
      log.info(
        { event: 'notices.collected', notices: notices.length, waiting },
        'more than people can be told one by one: they are told of these in digests',
      );
    }
    for (const { id, alert } of nobody)
      log.warn(
        { event: 'notice.nobody', noticeId: id, alertId: alert.id, severity: alert.severity },
        'nobody is told of this: no contact wants alerts of this severity',
      );
  }

  private async planOneByOne(
    notices: readonly Notice[],
    book: readonly Contact[],
  ): Promise<{ planned: readonly Notice[]; failure: Error | null }> {
    const planned: Notice[] = [];
    let failure: Error | null = null;
    for (const notice of notices)
      try {
        await othersTurn();
        await this.planTogether([notice], book);
        planned.push(notice);
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
      }
    return { planned, failure };
  }

  /** As many due deliveries as the lane has room for. */
  private async take({ channel, onTheWay }: Lane): Promise<readonly Delivery[]> {
    const { outbox, scheduler, deliveriesAtOnce } = this.parts;
    const room = deliveriesAtOnce - onTheWay.size;
    if (room === 0) return [];
    // Digests are long and may be many: they leave a place free for what cannot wait.
    const digests = [...onTheWay.values()].filter((kind) => kind === 'digest').length;
    const digestRoom = Math.max(1, deliveriesAtOnce - 1) - digests;
    const due = await outbox.due(scheduler.now(), room, channel.name, digestRoom, new Set(onTheWay.keys()));
    if (this.stopped) return [];
    for (const { id, kind } of due) onTheWay.set(id, kind);
    return due;
  }

  private deliver({ channel, onTheWay }: Lane, delivery: Delivery): Observable<never> {
    const { log, scheduler } = this.parts;
    return defer(() => this.attempt(channel, delivery)).pipe(
      ignoreElements(),
      catchError((error: unknown) => {
        log.error(
          { event: 'delivery.broken', deliveryId: delivery.id, error: messageOf(error) },
          'a delivery could not be tried',
        );
        // Keeps its place meanwhile: what fails at once would otherwise be taken again at once.
        return timer(PAUSE_AFTER_ERROR_MS, scheduler).pipe(takeUntil(this.stopping), ignoreElements());
      }),
      finalize(() => {
        onTheWay.delete(delivery.id);
        this.changed();
      }),
    );
  }

  private async attempt(channel: Channel, delivery: Delivery): Promise<void> {
    const { scheduler, random } = this.parts;
    const send = await this.composed(channel, delivery);
    const began = scheduler.now();
    const outcome = await this.answerOf(channel.name, send);
    const at = scheduler.now();
    const tryingSince = delivery.kind === 'single' ? delivery.notice.createdAt : delivery.closedAt;
    const next = afterAttempt(outcome, delivery.attempts + 1, tryingSince, at, random());
    this.tell(channel, delivery, { at, outcome }, next, at - began);
    await this.record(delivery, { at, outcome }, next);
  }

  /** Looks up what the message says; what it returns sends it. */
  private async composed(channel: Channel, delivery: Delivery): Promise<() => Promise<Outcome>> {
    const { contextOf } = this.parts;
    if (delivery.kind === 'single') {
      const context = await contextOf(delivery.notice.alert);
      return () => channel.send(delivery, context);
    }
    const named: NamedIncident[] = [];
    for (const incident of incidentsOf(delivery.notices)) {
      if (named.length % NAMED_AT_ONCE === NAMED_AT_ONCE - 1) await othersTurn();
      named.push({ incident, context: await contextOf(incident.latest.alert) });
    }
    return () => channel.sendDigest(delivery, named);
  }

  /** What comes of sending, whatever it does. */
  private async answerOf(channel: ChannelName, send: () => Promise<Outcome>): Promise<Outcome> {
    const answered = await firstValueFrom(
      race(
        defer(send).pipe(catchError((error: unknown) => of(this.brokenChannel(channel, error)))),
        timer(ATTEMPT_WITHIN_MS, this.parts.scheduler).pipe(
          map((): Outcome => ({ kind: 'failed', answer: `No answer within ${ATTEMPT_WITHIN_MS / 1_000} s.` })),
        ),
      ),
    );
    // It is kept and shown, and a server may repeat what it was told.
    return { ...answered, answer: withoutSecrets(answered.answer) };
  }

  /** Sends each address that is not confirmed its one mail; one after the other, since nothing hurries. Finds nothing that others wait for. */
  private async ask(): Promise<readonly never[]> {
    const { contacts, addresses, scheduler, random, log } = this.parts;
    this.unconfirmed = await contacts.unconfirmed();
    const due = this.unconfirmed.filter(
      ({ state, nextAttemptAt }) => state === 'pending' && isDue(nextAttemptAt ?? 0, scheduler.now()),
    );
    for (const one of due) {
      if (this.stopped) break;
      const outcome = await this.answerOf('email', () => addresses.ask(one));
      const next = afterAttempt(outcome, one.attempts + 1, 0, scheduler.now(), random());
      await contacts.asked(one.mailId, next);
      log.info(
        { event: 'contact.asked', contactId: one.contact.id, outcome: outcome.kind, answer: outcome.answer, ...next },
        'somebody was asked to confirm their address',
      );
    }
    return [];
  }

  private brokenChannel(name: ChannelName, error: unknown): Outcome {
    this.parts.log.error(
      { event: 'channel.broken', channel: name, error: messageOf(error) },
      'a channel threw where it should have answered',
    );
    return { kind: 'failed', answer: messageOf(error) };
  }

  private tell(
    channel: Channel,
    delivery: Delivery,
    { at, outcome }: Attempt,
    { state, nextAttemptAt }: { state: DeliveryState; nextAttemptAt: number | null },
    took: number,
  ): void {
    const { log, metrics } = this.parts;
    const notices = delivery.kind === 'single' ? [delivery.notice] : delivery.notices;
    metrics.attempted(channel.name, state === 'given-up' ? 'given-up' : outcome.kind, took / 1_000);
    if (outcome.kind === 'accepted')
      for (const { alert } of notices) metrics.accepted((at - alert.evidence.receivedAt) / 1_000);
    const facts = {
      deliveryId: delivery.id,
      ...(delivery.kind === 'single'
        ? { alertId: delivery.notice.alert.id, about: delivery.notice.event }
        : { notices: notices.length, about: 'digest' }),
      contactId: delivery.contact.id,
      channel: channel.name,
      attempt: delivery.attempts + 1,
      answer: outcome.answer,
    };
    if (outcome.kind === 'accepted') log.info({ event: 'delivery.accepted', ...facts }, 'a message was accepted');
    else
      log.warn(
        { event: `delivery.${state === 'pending' ? 'failed' : state}`, ...facts, nextAttemptAt },
        'a message was not accepted',
      );
  }

  /**
   * Keeps the attempt, however long that takes: a message whose sending was forgotten would be sent again, and again, as fast as we can.
   * Its place in the lane is held meanwhile, so a record that cannot be written slows the sending down to a stop.
   */
  private record(
    { id }: Delivery,
    attempt: Attempt,
    next: { state: DeliveryState; nextAttemptAt: number | null },
  ): Promise<void> {
    const { outbox, scheduler } = this.parts;
    const what = 'recording attempts';
    return lastValueFrom(
      defer(() => outbox.record(id, attempt, next)).pipe(
        tap(() => this.succeeded(what)),
        retry({
          delay: (error: unknown) => {
            if (error instanceof CanhError && error.code === 'UNKNOWN_DELIVERY') return throwError(() => error);
            this.failed(what, error);
            const givenUp = this.stopping.pipe(
              map((): never => {
                throw error;
              }),
            );
            return race(timer(PAUSE_AFTER_ERROR_MS, scheduler), givenUp);
          },
        }),
      ),
      { defaultValue: undefined },
    );
  }

  private changed(): void {
    this.changes.next(this.changes.value + 1);
  }

  /** Logs a failure when it begins, not four times a second while it lasts. */
  private failed(what: string, error: unknown): void {
    const message = messageOf(error);
    if (this.failures.get(what) !== message)
      this.parts.log.error(
        { event: 'notifier.failing', what, error: message },
        'the notifier cannot do its work and tries again',
      );
    this.failures.set(what, message);
  }

  private succeeded(what: string): void {
    if (this.failures.delete(what))
      this.parts.log.info({ event: 'notifier.recovered', what }, 'the notifier does its work again');
  }
}

/** A time further ahead than any wait is of a clock that was set back since. */
const isDue = (at: Instant, now: Instant): boolean => at <= now || at > now + LONGEST_WAIT_MS;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
