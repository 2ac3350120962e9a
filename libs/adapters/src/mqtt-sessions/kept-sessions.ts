import { setImmediate } from 'node:timers/promises';
import { CanhError } from '@canh/core/canh-error';
import type { SessionDatabase } from './session-database.js';
import { deviceOfSession } from './session-id.js';
import type { Client, DropReason, SessionStoreParts } from './session-parts.js';
import type { Row } from './stored-packet.js';
import { takesIn } from './topic-filter.js';

/** Then the event loop has its turn: each is asked about in the records. */
export const LOOKED_AT_ONCE = 250;

export interface Subscription {
  readonly topic: string;
  readonly qos: number;
  readonly rh?: number;
  readonly rap?: boolean;
  readonly nl?: boolean;
  readonly subscriptionIdentifier?: number;
}

export interface Subscriber extends Subscription {
  readonly clientId: string;
}

/** The sessions that outlive their connections: what each is subscribed to, for how long nobody used it, and how many a device may have. */
export class KeptSessions {
  /** `isOnline`: a connection uses it. */
  constructor(
    private readonly database: SessionDatabase,
    private readonly parts: Pick<SessionStoreParts, 'limits' | 'standingOf' | 'keeps' | 'unkeptTopic' | 'dropped'>,
    private readonly isOnline: (id: string) => boolean,
  ) {}

  get count(): number {
    return this.database.count('select count(*) as n from sessions');
  }

  async subscribe({ id }: Client, subscriptions: readonly Subscription[]): Promise<void> {
    const { database } = this;
    const kept = subscriptions.filter(({ topic }) => this.parts.keeps(topic));
    if (kept.length === 0) return;
    const known = this.has(id);
    if (!known) this.makePlaceFor(id);
    await database.write(() => {
      if (!known) {
        const deviceId = deviceOfSession(id);
        database.run(
          'insert or ignore into sessions (id, device_id, standing, idle_ms) values (?, ?, ?, 0)',
          id,
          deviceId,
          this.parts.standingOf(deviceId) ?? '',
        );
      }
      for (const { topic, qos, ...options } of kept)
        database.run(
          `insert into subscriptions (session_id, topic, qos, options) values (?, ?, ?, ?)
            on conflict do update set qos = excluded.qos, options = excluded.options`,
          id,
          topic,
          qos,
          JSON.stringify(options),
        );
    });
  }

  /** A session without a subscription is none; what waits for it goes with it. */
  async unsubscribe({ id }: Client, topics: readonly string[]): Promise<void> {
    const { database } = this;
    if (!this.has(id)) return;
    await database.write(() => {
      for (const topic of topics)
        database.run('delete from subscriptions where session_id = ? and topic = ?', id, topic);
      if (database.one('select 1 from subscriptions where session_id = ?', id) === undefined)
        this.remove(id, 'clean-session');
    });
  }

  async subscriptionsOf({ id }: Client): Promise<Subscription[]> {
    const { database } = this;
    const session = database.one('select idle_ms from sessions where id = ?', id);
    if (session === undefined) return [];
    if (session['idle_ms'] !== 0)
      await database.write(() => database.run('update sessions set idle_ms = 0 where id = ?', id), 'kill');
    return database
      .all('select topic, qos, options from subscriptions where session_id = ? order by seq', id)
      .map(subscriptionOf);
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    return {
      subsCount: this.database.count('select count(*) as n from subscriptions where qos > 0'),
      clientsCount: this.count,
    };
  }

  /** The subscriptions of all sessions that take in the topic and keep what comes. */
  async subscribersTo(topic: string): Promise<Subscriber[]> {
    if (topic === this.parts.unkeptTopic) return [];
    return this.database
      .all('select session_id, topic, qos, options from subscriptions where qos > 0 order by topic desc')
      .filter((row) => takesIn(String(row['topic']), topic))
      .map(subscriberOf);
  }

  /** The subscriptions of all sessions of the device that take in the topic. */
  subscribersOf(deviceId: string, topic: string): Subscriber[] {
    return this.database
      .all(
        `select session_id, topic, qos, options from subscriptions
          where session_id in (select id from sessions where device_id = ?) order by seq`,
        deviceId,
      )
      .filter((row) => takesIn(String(row['topic']), topic))
      .map(subscriberOf);
  }

  /** The sessions that are subscribed to exactly this. */
  following(filter: string): string[] {
    return this.database
      .all('select session_id from subscriptions where topic = ? order by seq', filter)
      .map((row) => String(row['session_id']));
  }

  async clean({ id }: Client): Promise<void> {
    if (this.has(id)) await this.database.write(() => this.remove(id, 'clean-session'));
  }

  /** Lets go of sessions of devices that were revoked or removed since. */
  async dropRevoked(): Promise<void> {
    const { database } = this;
    for (let after = 0; database.isOpen;) {
      const rows = database.all(
        'select seq, id, device_id, standing from sessions where seq > ? order by seq limit ?',
        after,
        LOOKED_AT_ONCE,
      );
      if (rows.length === 0) return;
      after = Number(rows.at(-1)!['seq']);
      const revoked = rows.filter((row) => this.parts.standingOf(String(row['device_id'])) !== String(row['standing']));
      if (revoked.length > 0)
        await database.write(() => {
          for (const { id } of revoked) this.drop(String(id), 'session-revoked');
        });
      await setImmediate();
    }
  }

  /** So much time went by; sessions that nobody uses become older by it, and those that are too old go. */
  async age(elapsedMs: number): Promise<void> {
    const { database } = this;
    if (this.count === 0) return;
    await database.write(() => {
      database.run('update sessions set idle_ms = idle_ms + ?', Math.round(elapsedMs));
      for (const { id } of database.all('select id from sessions where idle_ms > 0'))
        if (this.isOnline(String(id))) database.run('update sessions set idle_ms = 0 where id = ?', String(id));
      for (const { id } of database.all('select id from sessions where idle_ms > ?', this.parts.limits.idleMs))
        this.drop(String(id), 'session-unused');
    });
  }

  /** The newest session of a device pushes out the one that was not used for longest: firmware that makes up an id at each start needs no other. */
  private makePlaceFor(sessionId: string): void {
    const deviceId = deviceOfSession(sessionId);
    const { sessionsPerDevice } = this.parts.limits;
    const others = this.database.all(
      'select id from sessions where device_id = ? order by idle_ms desc, seq',
      deviceId,
    );
    if (others.length < sessionsPerDevice) return;
    const unused = others.find(({ id }) => !this.isOnline(String(id)));
    if (unused === undefined)
      throw new CanhError(
        'TOO_MANY_SESSIONS',
        `${deviceId} has ${others.length} sessions, all of them connected. Let it connect with a clean session, or raise CANH_MQTT_SESSIONS_PER_DEVICE.`,
      );
    void this.database.write(() => this.drop(String(unused['id']), 'session-replaced')).catch(() => undefined);
  }

  private drop(id: string, reason: DropReason): void {
    this.parts.dropped(reason, 1, id);
    this.remove(id, reason);
  }

  /** Its messages are counted where it is not the session itself that is. */
  private remove(id: string, reason: DropReason): void {
    const { database } = this;
    database.run('delete from subscriptions where session_id = ?', id);
    database.run('delete from sessions where id = ?', id);
    const { changes } = database.run('delete from outgoing where session_id = ?', id);
    if (reason === 'clean-session' && Number(changes) > 0) this.parts.dropped(reason, Number(changes), id);
  }

  private has(id: string): boolean {
    return this.database.one('select 1 from sessions where id = ?', id) !== undefined;
  }
}

function subscriptionOf(row: Row): Subscription {
  return {
    topic: String(row['topic']),
    qos: Number(row['qos']),
    ...(JSON.parse(String(row['options'])) as Partial<Subscription>),
  };
}

function subscriberOf(row: Row): Subscriber {
  const { subscriptionIdentifier: _identifier, ...subscription } = subscriptionOf(row);
  return { clientId: String(row['session_id']), ...subscription };
}
