import { Readable } from 'node:stream';
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { CanhError } from '@canh/core/canh-error';
import type { Clock } from '@canh/core/time/instant';
import { GroupCommit } from './group-commit.js';
import { openSessionFile } from './session-file.js';
import { deviceOfSession } from './session-id.js';
import { headOf, numberOf, outgoingOf, withPayload, type Packet, type PacketId, type Row } from './stored-packet.js';
import { takesIn } from './topic-filter.js';

export interface SessionLimits {
  /** Of one session that is away, and of all its messages together. */
  readonly queueMessages: number;
  readonly queueBytes: number;
  readonly sessionsPerDevice: number;
  /** A session that was not used for so long, while the broker ran, goes. */
  readonly idleMs: number;
  readonly retainedTopics: number;
}

/** What was let go of, and was not delivered: messages, sessions or retained messages. */
export type DropReason =
  | 'queue-full'
  | 'expired'
  | 'clean-session'
  | 'session-unused'
  | 'session-replaced'
  | 'session-revoked'
  | 'retained-full';

export interface SessionStoreParts {
  readonly file: string;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  /** What a device's right to be here rests on: changes when it is revoked, null where there is no such device. */
  readonly standingOf: (deviceId: string) => string | null;
  /** Whether a subscription to this filter is kept. Aedes hands in those that it has refused, too. */
  readonly keeps: (filter: string) => boolean;
  /** On this topic nothing is ever kept, and nobody is looked for. */
  readonly unkeptTopic: string;
  readonly dropped: (reason: DropReason, count: number, sessionId: string) => void;
}

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

interface Client {
  readonly id: string;
  readonly clean?: boolean;
}

export interface LeftWill {
  readonly sessionId: string;
  readonly deviceId: string;
  readonly standing: string;
  readonly brokerId: string;
  readonly topic: string;
  readonly payload: Buffer;
}

interface Broker {
  readonly id: string;
  readonly clients?: Readonly<Record<string, { readonly closed: boolean; readonly will?: unknown } | undefined>>;
}

/** Where no broker has given it one; the row's own number counts then. */
const NO_BROKER = 'here';

/**
 * What Aedes asks of a persistence, on disk: sessions that are not clean with their subscriptions and the messages that wait for them,
 * wills, and retained messages. What a client relies on is on disk when its promise resolves; wills, which a power cut fulfils for all at
 * once, are not synced, so that thousands who connect at once do not wait for the disk. Packets of QoS 2 that come in stay in memory for as long as their
 * connection: the journal has them before Aedes looks here, and a reading that comes twice is stored once.
 */
export class SessionStore {
  /** A file that was no database and was put aside at the start. */
  readonly damaged: string | null;
  private readonly database: DatabaseSync;
  private readonly commits: GroupCommit;
  private readonly prepared = new Map<string, StatementSync>();
  private readonly incoming = new Map<string, Map<number, Packet>>();
  /** Rows that were sent on this connection: sent on another one, they are duplicates. */
  private readonly sentOn = new WeakMap<object, Set<number>>();
  private readonly flights = new WeakMap<object, Map<number, string>>();
  private broker: Broker = { id: NO_BROKER };
  private open = true;

  private constructor(private readonly parts: SessionStoreParts) {
    const { database, damaged } = openSessionFile(parts.file);
    this.database = database;
    this.damaged = damaged;
    this.commits = new GroupCommit(database);
  }

  /** Throws CanhError `SESSIONS_UNOPENABLE`, `SESSIONS_NEWER`. */
  static open(parts: SessionStoreParts): SessionStore {
    return new SessionStore(parts);
  }

  // What Aedes asks for.

  async setup(broker: Broker): Promise<void> {
    this.broker = broker;
  }

  async storeRetained(packet: Packet): Promise<void> {
    const { topic } = packet;
    if (topic === this.parts.unkeptTopic) return;
    if (packet.payload.length === 0)
      return this.commits.write(() => void this.run('delete from retained where topic = ?', topic));
    const { retainedTopics } = this.parts.limits;
    if (this.one('select 1 from retained where topic = ?', topic) === undefined && this.retained() >= retainedTopics)
      return this.parts.dropped('retained-full', 1, '');
    await this.commits.write(() =>
      this.run(
        'insert or replace into retained (topic, packet, payload) values (?, ?, ?)',
        topic,
        headOf(packet),
        packet.payload,
      ),
    );
  }

  createRetainedStream(pattern: string): Readable {
    return this.createRetainedStreamCombi([pattern]);
  }

  createRetainedStreamCombi(patterns: readonly string[]): Readable {
    const rows = this.retained() === 0 ? [] : this.all('select topic, packet, payload from retained order by topic');
    return Readable.from(
      rows
        .filter(({ topic }) => patterns.some((pattern) => takesIn(pattern, String(topic))))
        .map((row) => withPayload(row)),
    );
  }

  async addSubscriptions(client: Client, subscriptions: readonly Subscription[]): Promise<void> {
    const kept = subscriptions.filter(({ topic }) => this.parts.keeps(topic));
    if (kept.length === 0) return;
    const known = this.has(client.id);
    if (!known) this.makePlaceFor(client.id);
    await this.commits.write(() => {
      if (!known) {
        const deviceId = deviceOfSession(client.id);
        this.run(
          'insert or ignore into sessions (id, device_id, standing, idle_ms) values (?, ?, ?, 0)',
          client.id,
          deviceId,
          this.parts.standingOf(deviceId) ?? '',
        );
      }
      for (const { topic, qos, ...options } of kept)
        this.run(
          `insert into subscriptions (session_id, topic, qos, options) values (?, ?, ?, ?)
            on conflict do update set qos = excluded.qos, options = excluded.options`,
          client.id,
          topic,
          qos,
          JSON.stringify(options),
        );
    });
  }

  /** A session without a subscription is none; what waits for it goes with it. */
  async removeSubscriptions(client: Client, topics: readonly string[]): Promise<void> {
    if (!this.has(client.id)) return;
    await this.commits.write(() => {
      for (const topic of topics)
        this.run('delete from subscriptions where session_id = ? and topic = ?', client.id, topic);
      if (this.one('select 1 from subscriptions where session_id = ?', client.id) === undefined)
        this.remove(client.id, 'clean-session');
    });
  }

  async subscriptionsByClient({ id }: Client): Promise<Subscription[]> {
    const session = this.one('select idle_ms from sessions where id = ?', id);
    if (session === undefined) return [];
    if (session['idle_ms'] !== 0)
      await this.commits.write(() => this.run('update sessions set idle_ms = 0 where id = ?', id), 'kill');
    return this.all('select topic, qos, options from subscriptions where session_id = ? order by seq', id).map(
      subscriptionOf,
    );
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    return {
      subsCount: this.count('select count(*) as n from subscriptions where qos > 0'),
      clientsCount: this.count('select count(*) as n from sessions'),
    };
  }

  async subscriptionsByTopic(topic: string): Promise<Subscriber[]> {
    if (topic === this.parts.unkeptTopic) return [];
    return this.all('select session_id, topic, qos, options from subscriptions where qos > 0 order by topic desc')
      .filter((row) => takesIn(String(row['topic']), topic))
      .map(subscriberOf);
  }

  async cleanSubscriptions({ id }: Client): Promise<void> {
    if (this.has(id)) await this.commits.write(() => this.remove(id, 'clean-session'));
  }

  async outgoingEnqueue(subscriber: { readonly clientId: string }, packet: Packet): Promise<void> {
    await this.outgoingEnqueueCombi([subscriber], packet);
  }

  async outgoingEnqueueCombi(subscribers: readonly { readonly clientId: string }[], packet: Packet): Promise<void> {
    if (subscribers.length === 0) return;
    await this.commits.write(() => {
      for (const { clientId } of subscribers) this.enqueue(clientId, packet);
    });
  }

  /** Notes the id that a message is sent with, or that only its release is still to come. What was let go of meanwhile is sent all the same. */
  async outgoingUpdate(client: Client, packet: Packet | PacketId): Promise<void> {
    const row = this.outgoingRow(client.id, packet);
    if (row === undefined) return;
    const seq = Number(row['seq']);
    if (packet.cmd !== undefined && packet.cmd !== 'publish') {
      await this.commits.write(() =>
        this.run(
          'update outgoing set cmd = ?, message_id = ?, payload = null where seq = ?',
          packet.cmd!,
          packet.messageId ?? null,
          seq,
        ),
      );
      return;
    }
    const sent = this.sentOn.get(client) ?? new Set();
    this.sentOn.set(client, sent);
    // MQTT 3.1.1, 3.3.1.1.
    if (row['message_id'] !== null && !sent.has(seq)) (packet as Packet).dup = true;
    sent.add(seq);
    if (row['message_id'] === packet.messageId) return;
    await this.commits.write(() =>
      this.run('update outgoing set message_id = ? where seq = ?', packet.messageId ?? null, seq),
    );
  }

  /** The client has it: PUBACK, or PUBCOMP. What it had is told by `takeAcknowledged`. */
  async outgoingClearMessageId(client: Client, { messageId }: PacketId): Promise<Packet | PacketId | undefined> {
    if (messageId === undefined) return undefined;
    if (client.clean === true) {
      const flight = this.flightOf(client);
      const topic = flight.get(messageId);
      flight.delete(messageId);
      if (topic !== undefined) await this.commits.write(() => this.acknowledge(topic));
      return undefined;
    }
    const row = this.one(
      'select * from outgoing where session_id = ? and message_id = ? order by seq limit 1',
      client.id,
      messageId,
    );
    if (row === undefined) return undefined;
    await this.commits.write(() => {
      this.run('delete from outgoing where seq = ?', Number(row['seq']));
      // Aedes clears in the same way what it was not allowed to send.
      if (deviceOfSession(String(row['topic'])) === deviceOfSession(client.id)) this.acknowledge(String(row['topic']));
    });
    return outgoingOf(row);
  }

  outgoingStream(client: Client): Readable {
    if (client.clean === true) return Readable.from([]);
    const now = this.parts.clock.now();
    const rows = this.all('select * from outgoing where session_id = ? order by seq', client.id);
    const ended = rows.filter((row) => Number(row['expires_at'] ?? Infinity) <= now);
    if (ended.length > 0) this.letGo(ended, 'expired', client.id);
    return Readable.from(rows.filter((row) => !ended.includes(row)).map(outgoingOf));
  }

  async incomingStorePacket({ id }: Client, packet: Packet): Promise<void> {
    const packets = this.incoming.get(id) ?? new Map<number, Packet>();
    this.incoming.set(id, packets.set(packet.messageId ?? 0, copyOf(packet)));
  }

  async incomingGetPacket({ id }: Client, { messageId }: PacketId): Promise<Packet> {
    const packet = this.incoming.get(id)?.get(messageId ?? 0);
    if (packet === undefined) throw new Error('no such packet');
    return packet;
  }

  async incomingDelPacket({ id }: Client, { messageId }: PacketId): Promise<void> {
    const packets = this.incoming.get(id);
    if (packets?.delete(messageId ?? 0) !== true) throw new Error('no such packet');
    if (packets.size === 0) this.incoming.delete(id);
  }

  async cleanIncoming({ id }: Client): Promise<void> {
    this.incoming.delete(id);
  }

  async putWill(client: Client, will: Packet): Promise<void> {
    will.brokerId = this.broker.id;
    will.clientId = client.id;
    const deviceId = deviceOfSession(client.id);
    await this.commits.write(
      () =>
        this.run(
          'insert or replace into wills (id, device_id, standing, broker_id, packet, payload) values (?, ?, ?, ?, ?, ?)',
          client.id,
          deviceId,
          this.parts.standingOf(deviceId) ?? '',
          this.broker.id,
          headOf(will),
          will.payload,
        ),
      'kill',
    );
  }

  async getWill({ id }: Client): Promise<Packet | undefined> {
    const row = this.one('select packet, payload from wills where id = ?', id);
    return row === undefined ? undefined : withPayload(row);
  }

  async delWill(client: Client & { readonly brokerId?: string }): Promise<Packet | undefined> {
    const will = await this.getWill(client);
    if (will === undefined) return undefined;
    // A connection that was taken over ends after its successor has left a will of its own.
    const successor = client.brokerId === undefined ? undefined : this.broker.clients?.[client.id];
    if (successor?.closed === false && (successor.will ?? null) !== null) return undefined;
    await this.commits.write(() => this.run('delete from wills where id = ?', client.id), 'kill');
    return will;
  }

  streamWill(brokers: Readonly<Record<string, unknown>> = {}): Readable {
    const rows = this.all('select broker_id, packet, payload from wills order by id');
    return Readable.from(
      rows.filter((row) => brokers[String(row['broker_id'])] === undefined).map((row) => withPayload(row)),
    );
  }

  getClientList(topic: string): Readable {
    const rows = this.all('select session_id from subscriptions where topic = ? order by seq', topic);
    return Readable.from(rows.map((row) => row['session_id']));
  }

  /** Makes durable what was written, and closes the file. */
  async destroy(): Promise<void> {
    if (!this.open) throw new Error('destroyed called twice!');
    this.open = false;
    this.commits.flush();
    this.prepared.clear();
    this.database.close();
  }

  // What the broker asks for beside it.

  get sessions(): number {
    return this.count('select count(*) as n from sessions');
  }

  get waiting(): number {
    return this.count('select count(*) as n from outgoing');
  }

  /** Resolves when everything that was written so far is on disk; rejects when some of it is not. */
  async durable(): Promise<void> {
    await this.commits.settled();
  }

  /** Of a client with a clean session, the topics of what it was sent and has not acknowledged, by message id. */
  flightOf(client: object): Map<number, string> {
    const flight = this.flights.get(client) ?? new Map<number, string>();
    this.flights.set(client, flight);
    return flight;
  }

  /** The id with which the newest of the messages was sent that wait for an acknowledgement; 0 where none does. */
  lastMessageId(sessionId: string): number {
    const newest = this.one(
      'select message_id from outgoing where session_id = ? and message_id is not null order by seq desc limit 1',
      sessionId,
    );
    return numberOf(newest?.['message_id']) ?? 0;
  }

  /** The subscriptions of all sessions of the device that take in the topic. */
  subscribersOf(deviceId: string, topic: string): Subscriber[] {
    return this.all(
      `select session_id, topic, qos, options from subscriptions
        where session_id in (select id from sessions where device_id = ?) order by seq`,
      deviceId,
    )
      .filter((row) => takesIn(String(row['topic']), topic))
      .map(subscriberOf);
  }

  /** Whether a message on this topic waits for somebody. */
  holds(topic: string): boolean {
    return this.one('select 1 from outgoing where topic = ?', topic) !== undefined;
  }

  /** Lets go of every message on this topic that waits for somebody. */
  async withdraw(topic: string): Promise<void> {
    if (this.holds(topic)) await this.commits.write(() => this.run('delete from outgoing where topic = ?', topic));
  }

  hasAcknowledged(topic: string): boolean {
    return this.one('select 1 from acknowledged where topic = ?', topic) !== undefined;
  }

  /** Topics of messages that a client has acknowledged; each is given until `forgetAcknowledged`. */
  acknowledged(limit: number): string[] {
    return this.all('select topic from acknowledged limit ?', limit).map((row) => String(row['topic']));
  }

  async forgetAcknowledged(topics: readonly string[]): Promise<void> {
    if (topics.length === 0) return;
    await this.commits.write(() => {
      for (const topic of topics) this.run('delete from acknowledged where topic = ?', topic);
    });
  }

  /** Wills whose connections ended with an earlier broker, behind `after`. */
  leftWills(limit: number, after: string): LeftWill[] {
    const rows = this.all(
      'select * from wills where broker_id <> ? and id > ? order by id limit ?',
      this.broker.id,
      after,
      limit,
    );
    return rows.map((row) => {
      const { topic, payload } = withPayload(row);
      return {
        sessionId: String(row['id']),
        deviceId: String(row['device_id']),
        standing: String(row['standing']),
        brokerId: String(row['broker_id']),
        topic,
        payload: Buffer.from(payload),
      };
    });
  }

  /** Of connections that have all ended, their wills told. */
  async forgetWills(): Promise<void> {
    await this.commits.write(() => this.run('delete from wills where broker_id = ?', this.broker.id));
  }

  async forgetLeftWill({ sessionId, brokerId }: LeftWill): Promise<void> {
    await this.commits.write(() => this.run('delete from wills where id = ? and broker_id = ?', sessionId, brokerId));
  }

  /** Lets go of sessions and wills of devices that were revoked or removed since. */
  async dropRevoked(): Promise<void> {
    const stands = (row: Row): boolean =>
      (this.parts.standingOf(String(row['device_id'])) ?? null) === String(row['standing']);
    const sessions = this.all('select id, device_id, standing from sessions').filter((row) => !stands(row));
    const wills = this.all('select id, device_id, standing from wills').filter((row) => !stands(row));
    if (sessions.length + wills.length === 0) return;
    await this.commits.write(() => {
      for (const { id } of sessions) this.dropSession(String(id), 'session-revoked');
      for (const { id } of wills) this.run('delete from wills where id = ?', String(id));
    });
  }

  /** So much time went by; sessions that nobody uses become older by it, and those that are too old go. */
  async age(elapsedMs: number): Promise<void> {
    if (this.sessions === 0) return;
    await this.commits.write(() => {
      this.run('update sessions set idle_ms = idle_ms + ?', Math.round(elapsedMs));
      for (const { id } of this.all('select id from sessions where idle_ms > 0'))
        if (this.isOnline(String(id))) this.run('update sessions set idle_ms = 0 where id = ?', String(id));
      for (const { id } of this.all('select id from sessions where idle_ms > ?', this.parts.limits.idleMs))
        this.dropSession(String(id), 'session-unused');
    });
  }

  /** Of a connection that has ended. */
  forgetIncoming(sessionId: string): void {
    this.incoming.delete(sessionId);
  }

  private enqueue(sessionId: string, packet: Packet): void {
    const { queueMessages, queueBytes } = this.parts.limits;
    const { lastInsertRowid } = this.run(
      `insert into outgoing (session_id, broker_id, broker_counter, cmd, topic, payload, bytes, qos, retain, dup, expires_at)
        values (?, ?, ?, 'publish', ?, ?, ?, ?, ?, ?, ?)`,
      sessionId,
      packet.brokerId ?? NO_BROKER,
      packet.brokerCounter ?? null,
      packet.topic,
      packet.payload,
      Buffer.byteLength(packet.payload) + Buffer.byteLength(packet.topic),
      packet.qos,
      packet.retain ? 1 : 0,
      packet.dup ? 1 : 0,
      packet.messageExpiry ?? null,
    );
    if (packet.brokerCounter === undefined)
      this.run('update outgoing set broker_counter = seq where seq = ?', Number(lastInsertRowid));
    const rows = this.all('select seq, bytes from outgoing where session_id = ? order by seq', sessionId);
    let bytes = rows.reduce((sum, row) => sum + Number(row['bytes']), 0);
    const tooMany: Row[] = [];
    for (let n = 0; rows.length - n > queueMessages || bytes > queueBytes; n += 1) {
      tooMany.push(rows[n]!);
      bytes -= Number(rows[n]!['bytes']);
    }
    for (const { seq } of tooMany) this.run('delete from outgoing where seq = ?', Number(seq));
    if (tooMany.length > 0) this.parts.dropped('queue-full', tooMany.length, sessionId);
  }

  private outgoingRow(sessionId: string, packet: Packet | PacketId): Row | undefined {
    const { brokerId, brokerCounter } = packet as Partial<Packet>;
    if (brokerId !== undefined) {
      const row = this.one(
        'select * from outgoing where session_id = ? and broker_id = ? and broker_counter = ?',
        sessionId,
        brokerId,
        brokerCounter ?? null,
      );
      if (row !== undefined) return row;
    }
    return this.one(
      'select * from outgoing where session_id = ? and message_id = ? and broker_id is not ? order by seq limit 1',
      sessionId,
      packet.messageId ?? null,
      brokerId ?? null,
    );
  }

  private acknowledge(topic: string): void {
    this.run('insert or ignore into acknowledged (topic) values (?)', topic);
  }

  private letGo(rows: readonly Row[], reason: DropReason, sessionId: string): void {
    this.parts.dropped(reason, rows.length, sessionId);
    void this.commits
      .write(() => {
        for (const { seq } of rows) this.run('delete from outgoing where seq = ?', Number(seq));
      })
      // They have ended, and are passed over the next time as well.
      .catch(() => undefined);
  }

  /** The newest session of a device pushes out the one that was not used for longest: firmware that makes up an id at each start needs no other. */
  private makePlaceFor(sessionId: string): void {
    const deviceId = deviceOfSession(sessionId);
    const { sessionsPerDevice } = this.parts.limits;
    const others = this.all('select id from sessions where device_id = ? order by idle_ms desc, seq', deviceId);
    if (others.length < sessionsPerDevice) return;
    const unused = others.find(({ id }) => !this.isOnline(String(id)));
    if (unused === undefined)
      throw new CanhError(
        'TOO_MANY_SESSIONS',
        `${deviceId} has ${others.length} sessions, all of them connected. Let it connect with a clean session, or raise CANH_MQTT_SESSIONS_PER_DEVICE.`,
      );
    void this.commits.write(() => this.dropSession(String(unused['id']), 'session-replaced')).catch(() => undefined);
  }

  private dropSession(id: string, reason: DropReason): void {
    this.parts.dropped(reason, 1, id);
    this.remove(id, reason);
  }

  /** Its messages are counted where it is not the session itself that is. */
  private remove(id: string, reason: DropReason): void {
    this.run('delete from subscriptions where session_id = ?', id);
    this.run('delete from sessions where id = ?', id);
    const { changes } = this.run('delete from outgoing where session_id = ?', id);
    if (reason === 'clean-session' && Number(changes) > 0) this.parts.dropped(reason, Number(changes), id);
  }

  private isOnline(id: string): boolean {
    return this.broker.clients?.[id]?.closed === false;
  }

  private has(id: string): boolean {
    return this.one('select 1 from sessions where id = ?', id) !== undefined;
  }

  private retained(): number {
    return this.count('select count(*) as n from retained');
  }

  private count(text: string): number {
    return numberOf(this.one(text)?.['n']) ?? 0;
  }

  private one(text: string, ...values: SQLInputValue[]): Row | undefined {
    return this.statement(text).get(...values);
  }

  private all(text: string, ...values: SQLInputValue[]): Row[] {
    return this.statement(text).all(...values);
  }

  private run(
    text: string,
    ...values: SQLInputValue[]
  ): { changes: number | bigint; lastInsertRowid: number | bigint } {
    return this.statement(text).run(...values);
  }

  private statement(text: string): StatementSync {
    const known = this.prepared.get(text);
    if (known !== undefined) return known;
    const statement = this.database.prepare(text);
    this.prepared.set(text, statement);
    return statement;
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

function copyOf(packet: Packet): Packet {
  const { cmd, messageId, topic, payload, qos, retain, dup } = packet;
  return { ...(cmd === undefined ? {} : { cmd }), messageId, topic, payload: Buffer.from(payload), qos, retain, dup };
}
