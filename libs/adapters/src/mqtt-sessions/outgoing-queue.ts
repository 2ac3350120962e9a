import { Readable } from 'node:stream';
import type { SessionDatabase } from './session-database.js';
import { deviceOfSession } from './session-id.js';
import { NO_BROKER, type Client, type DropReason, type SessionStoreParts } from './session-parts.js';
import { numberOf, outgoingOf, type Packet, type PacketId, type Row } from './stored-packet.js';

/** The messages that wait for a session, or for its acknowledgement, and the topics of those that were acknowledged. */
export class OutgoingQueue {
  /** Rows that were sent on this connection: sent on another one, they are duplicates. */
  private readonly sentOn = new WeakMap<object, Set<number>>();
  private readonly flights = new WeakMap<object, Map<number, string>>();

  constructor(
    private readonly database: SessionDatabase,
    private readonly parts: Pick<SessionStoreParts, 'limits' | 'clock' | 'dropped'>,
  ) {}

  get waiting(): number {
    return this.database.count('select count(*) as n from outgoing');
  }

  async enqueue(subscribers: readonly { readonly clientId: string }[], packet: Packet): Promise<void> {
    if (subscribers.length === 0) return;
    await this.database.write(() => {
      for (const { clientId } of subscribers) this.enqueueFor(clientId, packet);
    });
  }

  /** Notes the id that a message is sent with, or that only its release is still to come. What was let go of meanwhile is sent all the same. */
  async update(client: Client, packet: Packet | PacketId): Promise<void> {
    const { database } = this;
    const row = this.rowOf(client.id, packet);
    if (row === undefined) return;
    const seq = Number(row['seq']);
    const messageId = packet.messageId ?? null;
    if (packet.cmd !== undefined && packet.cmd !== 'publish') {
      const { cmd } = packet;
      return database.write(() =>
        database.run('update outgoing set cmd = ?, message_id = ?, payload = null where seq = ?', cmd, messageId, seq),
      );
    }
    const sent = this.sentOn.get(client) ?? new Set();
    this.sentOn.set(client, sent);
    // MQTT 3.1.1, 3.3.1.1.
    if (row['message_id'] !== null && !sent.has(seq)) (packet as Packet).dup = true;
    sent.add(seq);
    if (row['message_id'] === packet.messageId) return;
    await database.write(() => database.run('update outgoing set message_id = ? where seq = ?', messageId, seq));
  }

  /** The client has it: PUBACK, or PUBCOMP. What it had is told by `acknowledged`. */
  async clear(client: Client, { messageId }: PacketId): Promise<Packet | PacketId | undefined> {
    const { database } = this;
    if (messageId === undefined) return undefined;
    if (client.clean === true) {
      const flight = this.flightOf(client);
      const topic = flight.get(messageId);
      flight.delete(messageId);
      if (topic !== undefined) await database.write(() => this.acknowledge(topic));
      return undefined;
    }
    const row = database.one(
      'select * from outgoing where session_id = ? and message_id = ? order by seq limit 1',
      client.id,
      messageId,
    );
    if (row === undefined) return undefined;
    const topic = String(row['topic']);
    await database.write(() => {
      database.run('delete from outgoing where seq = ?', Number(row['seq']));
      // Aedes clears in the same way what it was not allowed to send.
      if (deviceOfSession(topic) === deviceOfSession(client.id)) this.acknowledge(topic);
    });
    return outgoingOf(row);
  }

  stream(client: Client): Readable {
    if (client.clean === true) return Readable.from([]);
    const now = this.parts.clock.now();
    const rows = this.database.all('select * from outgoing where session_id = ? order by seq', client.id);
    const ended = rows.filter((row) => Number(row['expires_at'] ?? Infinity) <= now);
    if (ended.length > 0) this.letGo(ended, 'expired', client.id);
    return Readable.from(rows.filter((row) => !ended.includes(row)).map(outgoingOf));
  }

  /** Of a client with a clean session, the topics of what it was sent and has not acknowledged, by message id. */
  flightOf(client: object): Map<number, string> {
    const flight = this.flights.get(client) ?? new Map<number, string>();
    this.flights.set(client, flight);
    return flight;
  }

  /** The id with which the newest of the messages was sent that wait for an acknowledgement; 0 where none does. */
  lastMessageId(sessionId: string): number {
    const newest = this.database.one(
      'select message_id from outgoing where session_id = ? and message_id is not null order by seq desc limit 1',
      sessionId,
    );
    return numberOf(newest?.['message_id']) ?? 0;
  }

  /** Whether a message on this topic waits for somebody. */
  holds(topic: string): boolean {
    return this.database.one('select 1 from outgoing where topic = ?', topic) !== undefined;
  }

  /** Lets go of every message on this topic that waits for somebody. */
  async withdraw(topic: string): Promise<void> {
    const { database } = this;
    if (this.holds(topic)) await database.write(() => database.run('delete from outgoing where topic = ?', topic));
  }

  hasAcknowledged(topic: string): boolean {
    return this.database.one('select 1 from acknowledged where topic = ?', topic) !== undefined;
  }

  /** Topics of messages that a client has acknowledged; each is given until `forgetAcknowledged`. */
  acknowledged(limit: number): string[] {
    return this.database.all('select topic from acknowledged limit ?', limit).map((row) => String(row['topic']));
  }

  async forgetAcknowledged(topics: readonly string[]): Promise<void> {
    const { database } = this;
    if (topics.length === 0) return;
    await database.write(() => {
      for (const topic of topics) database.run('delete from acknowledged where topic = ?', topic);
    });
  }

  private enqueueFor(sessionId: string, packet: Packet): void {
    const { database } = this;
    const { lastInsertRowid } = database.run(
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
      database.run('update outgoing set broker_counter = seq where seq = ?', Number(lastInsertRowid));
    this.keepBound(sessionId);
  }

  /** The oldest go. */
  private keepBound(sessionId: string): void {
    const { queueMessages, queueBytes } = this.parts.limits;
    const rows = this.database.all('select seq, bytes from outgoing where session_id = ? order by seq', sessionId);
    let bytes = rows.reduce((sum, row) => sum + Number(row['bytes']), 0);
    const tooMany: Row[] = [];
    for (let n = 0; rows.length - n > queueMessages || bytes > queueBytes; n += 1) {
      tooMany.push(rows[n]!);
      bytes -= Number(rows[n]!['bytes']);
    }
    for (const { seq } of tooMany) this.database.run('delete from outgoing where seq = ?', Number(seq));
    if (tooMany.length > 0) this.parts.dropped('queue-full', tooMany.length, sessionId);
  }

  private rowOf(sessionId: string, packet: Packet | PacketId): Row | undefined {
    const { brokerId, brokerCounter } = packet as Partial<Packet>;
    if (brokerId !== undefined) {
      const row = this.database.one(
        'select * from outgoing where session_id = ? and broker_id = ? and broker_counter = ?',
        sessionId,
        brokerId,
        brokerCounter ?? null,
      );
      if (row !== undefined) return row;
    }
    return this.database.one(
      'select * from outgoing where session_id = ? and message_id = ? and broker_id is not ? order by seq limit 1',
      sessionId,
      packet.messageId ?? null,
      brokerId ?? null,
    );
  }

  private acknowledge(topic: string): void {
    this.database.run('insert or ignore into acknowledged (topic) values (?)', topic);
  }

  private letGo(rows: readonly Row[], reason: DropReason, sessionId: string): void {
    this.parts.dropped(reason, rows.length, sessionId);
    void this.database
      .write(() => {
        for (const { seq } of rows) this.database.run('delete from outgoing where seq = ?', Number(seq));
      })
      // They have ended, and are passed over the next time as well.
      .catch(() => undefined);
  }
}
