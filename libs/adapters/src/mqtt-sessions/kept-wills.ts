import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { LOOKED_AT_ONCE } from './kept-sessions.js';
import type { SessionDatabase } from './session-database.js';
import { deviceOfSession } from './session-id.js';
import type { Broker, Client, SessionStoreParts } from './session-parts.js';
import { headOf, withPayload, type Packet } from './stored-packet.js';

/** A will whose connection ended with an earlier broker. */
export interface LeftWill {
  readonly sessionId: string;
  readonly deviceId: string;
  readonly standing: string;
  readonly brokerId: string;
  readonly topic: string;
  readonly payload: Buffer;
}

/**
 * The wills of connections, which outlive a kill of the broker. They are not synced, so that thousands who connect at once do not wait
 * for the disk: a power cut fulfils them for all at once.
 */
export class KeptWills {
  constructor(
    private readonly database: SessionDatabase,
    private readonly parts: Pick<SessionStoreParts, 'standingOf'>,
    private readonly broker: () => Broker,
  ) {}

  async put({ id }: Client, will: Packet): Promise<void> {
    const { database } = this;
    const brokerId = this.broker().id;
    will.brokerId = brokerId;
    will.clientId = id;
    const deviceId = deviceOfSession(id);
    await database.write(
      () =>
        database.run(
          'insert or replace into wills (id, device_id, standing, broker_id, packet, payload) values (?, ?, ?, ?, ?, ?)',
          id,
          deviceId,
          this.parts.standingOf(deviceId) ?? '',
          brokerId,
          headOf(will),
          will.payload,
        ),
      'kill',
    );
  }

  async get({ id }: Client): Promise<Packet | undefined> {
    const row = this.database.one('select packet, payload from wills where id = ?', id);
    return row === undefined ? undefined : withPayload(row);
  }

  async delete(client: Client & { readonly brokerId?: string }): Promise<Packet | undefined> {
    const will = await this.get(client);
    if (will === undefined) return undefined;
    // A connection that was taken over ends after its successor has left a will of its own.
    const successor = client.brokerId === undefined ? undefined : this.broker().clients?.[client.id];
    if (successor?.closed === false && (successor.will ?? null) !== null) return undefined;
    await this.database.write(() => this.database.run('delete from wills where id = ?', client.id), 'kill');
    return will;
  }

  /** Of all brokers but these. */
  stream(brokers: Readonly<Record<string, unknown>>): Readable {
    const rows = this.database.all('select broker_id, packet, payload from wills order by id');
    return Readable.from(
      rows.filter((row) => brokers[String(row['broker_id'])] === undefined).map((row) => withPayload(row)),
    );
  }

  /** Those of earlier brokers, behind the session id `after`. */
  left(limit: number, after: string): LeftWill[] {
    const rows = this.database.all(
      'select * from wills where broker_id <> ? and id > ? order by id limit ?',
      this.broker().id,
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

  async forgetLeft({ sessionId, brokerId }: LeftWill): Promise<void> {
    await this.database.write(() =>
      this.database.run('delete from wills where id = ? and broker_id = ?', sessionId, brokerId),
    );
  }

  /** Of connections that have all ended, their wills told. */
  async forget(): Promise<void> {
    await this.database.write(() => this.database.run('delete from wills where broker_id = ?', this.broker().id));
  }

  /** Lets go of those of devices that were revoked or removed since. */
  async dropRevoked(): Promise<void> {
    const { database } = this;
    for (let after = ''; database.isOpen;) {
      const rows = database.all(
        'select id, device_id, standing from wills where id > ? order by id limit ?',
        after,
        LOOKED_AT_ONCE,
      );
      if (rows.length === 0) return;
      after = String(rows.at(-1)!['id']);
      const revoked = rows.filter((row) => this.parts.standingOf(String(row['device_id'])) !== String(row['standing']));
      if (revoked.length > 0)
        await database.write(() => {
          for (const { id } of revoked) database.run('delete from wills where id = ?', String(id));
        });
      await setImmediate();
    }
  }
}
