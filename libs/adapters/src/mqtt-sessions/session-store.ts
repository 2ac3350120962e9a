import { Readable } from 'node:stream';
import { IncomingPackets } from './incoming-packets.js';
import { KeptSessions, type Subscriber, type Subscription } from './kept-sessions.js';
import { KeptWills, type LeftWill } from './kept-wills.js';
import { OutgoingQueue } from './outgoing-queue.js';
import { RetainedMessages } from './retained-messages.js';
import { SessionDatabase } from './session-database.js';
import { NO_BROKER, type Broker, type Client, type SessionStoreParts } from './session-parts.js';
import type { Packet, PacketId } from './stored-packet.js';

/**
 * What Aedes asks of a persistence, on disk: sessions that are not clean with their subscriptions and the messages that wait for them,
 * wills, and retained messages. What a client relies on is on disk when its promise resolves; wills survive a kill, and packets of QoS 2
 * that come in only their connection. Each idea has a file of its own beside this one, which gives them the names that Aedes knows.
 */
export class SessionStore {
  private readonly database: SessionDatabase;
  private readonly retained: RetainedMessages;
  private readonly kept: KeptSessions;
  private readonly outgoing: OutgoingQueue;
  private readonly incoming = new IncomingPackets();
  private readonly wills: KeptWills;
  private broker: Broker = { id: NO_BROKER };

  private constructor(parts: SessionStoreParts) {
    this.database = new SessionDatabase(parts.file);
    this.retained = new RetainedMessages(this.database, parts);
    this.kept = new KeptSessions(this.database, parts, (id) => this.broker.clients?.[id]?.closed === false);
    this.outgoing = new OutgoingQueue(this.database, parts);
    this.wills = new KeptWills(this.database, parts, () => this.broker);
  }

  /** Throws CanhError `SESSIONS_UNOPENABLE`, `SESSIONS_NEWER`. */
  static open(parts: SessionStoreParts): SessionStore {
    return new SessionStore(parts);
  }

  // What Aedes asks for.

  async setup(broker: Broker): Promise<void> {
    this.broker = broker;
  }

  storeRetained(packet: Packet): Promise<void> {
    return this.retained.keep(packet);
  }

  createRetainedStream(pattern: string): Readable {
    return this.retained.stream([pattern]);
  }

  createRetainedStreamCombi(patterns: readonly string[]): Readable {
    return this.retained.stream(patterns);
  }

  addSubscriptions(client: Client, subscriptions: readonly Subscription[]): Promise<void> {
    return this.kept.subscribe(client, subscriptions);
  }

  removeSubscriptions(client: Client, topics: readonly string[]): Promise<void> {
    return this.kept.unsubscribe(client, topics);
  }

  subscriptionsByClient(client: Client): Promise<Subscription[]> {
    return this.kept.subscriptionsOf(client);
  }

  countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    return this.kept.countOffline();
  }

  subscriptionsByTopic(topic: string): Promise<Subscriber[]> {
    return this.kept.subscribersTo(topic);
  }

  cleanSubscriptions(client: Client): Promise<void> {
    return this.kept.clean(client);
  }

  getClientList(topic: string): Readable {
    return Readable.from(this.kept.following(topic));
  }

  outgoingEnqueue(subscriber: { readonly clientId: string }, packet: Packet): Promise<void> {
    return this.outgoing.enqueue([subscriber], packet);
  }

  outgoingEnqueueCombi(subscribers: readonly { readonly clientId: string }[], packet: Packet): Promise<void> {
    return this.outgoing.enqueue(subscribers, packet);
  }

  outgoingUpdate(client: Client, packet: Packet | PacketId): Promise<void> {
    return this.outgoing.update(client, packet);
  }

  outgoingClearMessageId(client: Client, packet: PacketId): Promise<Packet | PacketId | undefined> {
    return this.outgoing.clear(client, packet);
  }

  outgoingStream(client: Client): Readable {
    return this.outgoing.stream(client);
  }

  incomingStorePacket(client: Client, packet: Packet): Promise<void> {
    return this.incoming.keep(client, packet);
  }

  incomingGetPacket(client: Client, packet: PacketId): Promise<Packet> {
    return this.incoming.get(client, packet);
  }

  incomingDelPacket(client: Client, packet: PacketId): Promise<void> {
    return this.incoming.release(client, packet);
  }

  async cleanIncoming({ id }: Client): Promise<void> {
    this.incoming.forget(id);
  }

  putWill(client: Client, will: Packet): Promise<void> {
    return this.wills.put(client, will);
  }

  getWill(client: Client): Promise<Packet | undefined> {
    return this.wills.get(client);
  }

  delWill(client: Client & { readonly brokerId?: string }): Promise<Packet | undefined> {
    return this.wills.delete(client);
  }

  streamWill(brokers: Readonly<Record<string, unknown>> = {}): Readable {
    return this.wills.stream(brokers);
  }

  /** Makes durable what was written, and closes the file. */
  async destroy(): Promise<void> {
    this.database.close();
  }

  // What the broker asks for beside it.

  /** A file that was no database and was put aside at the start. */
  get damaged(): string | null {
    return this.database.damaged;
  }

  get sessions(): number {
    return this.kept.count;
  }

  get waiting(): number {
    return this.outgoing.waiting;
  }

  /** Resolves when everything that was written so far is on disk; rejects when some of it is not. */
  durable(): Promise<void> {
    return this.database.durable();
  }

  /** Of a client with a clean session, the topics of what it was sent and has not acknowledged, by message id. */
  flightOf(client: object): Map<number, string> {
    return this.outgoing.flightOf(client);
  }

  /** The id with which the newest of the messages was sent that wait for an acknowledgement; 0 where none does. */
  lastMessageId(sessionId: string): number {
    return this.outgoing.lastMessageId(sessionId);
  }

  /** The subscriptions of all sessions of the device that take in the topic. */
  subscribersOf(deviceId: string, topic: string): Subscriber[] {
    return this.kept.subscribersOf(deviceId, topic);
  }

  /** Whether a message on this topic waits for somebody. */
  holds(topic: string): boolean {
    return this.outgoing.holds(topic);
  }

  /** Lets go of every message on this topic that waits for somebody. */
  withdraw(topic: string): Promise<void> {
    return this.outgoing.withdraw(topic);
  }

  hasAcknowledged(topic: string): boolean {
    return this.outgoing.hasAcknowledged(topic);
  }

  /** Topics of messages that a client has acknowledged; each is given until `forgetAcknowledged`. */
  acknowledged(limit: number): string[] {
    return this.outgoing.acknowledged(limit);
  }

  forgetAcknowledged(topics: readonly string[]): Promise<void> {
    return this.outgoing.forgetAcknowledged(topics);
  }

  /** Wills whose connections ended with an earlier broker, behind `after`. */
  leftWills(limit: number, after: string): LeftWill[] {
    return this.wills.left(limit, after);
  }

  /** Of connections that have all ended, their wills told. */
  forgetWills(): Promise<void> {
    return this.wills.forget();
  }

  forgetLeftWill(will: LeftWill): Promise<void> {
    return this.wills.forgetLeft(will);
  }

  /** Lets go of sessions and wills of devices that were revoked or removed since. */
  async dropRevoked(): Promise<void> {
    await this.kept.dropRevoked();
    await this.wills.dropRevoked();
  }

  /** So much time went by; sessions that nobody uses become older by it, and those that are too old go. */
  age(elapsedMs: number): Promise<void> {
    return this.kept.age(elapsedMs);
  }

  /** Of a connection that has ended. */
  forgetIncoming(sessionId: string): void {
    this.incoming.forget(sessionId);
  }
}
