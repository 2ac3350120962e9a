import { Readable } from 'node:stream';
import type { SessionDatabase } from './session-database.js';
import type { SessionStoreParts } from './session-parts.js';
import { headOf, withPayload, type Packet } from './stored-packet.js';
import { takesIn } from './topic-filter.js';

/** The last message of each topic that asked to be kept for those who subscribe later. */
export class RetainedMessages {
  constructor(
    private readonly database: SessionDatabase,
    private readonly parts: Pick<SessionStoreParts, 'limits' | 'unkeptTopic' | 'dropped'>,
  ) {}

  async keep(packet: Packet): Promise<void> {
    const { database } = this;
    const { topic, payload } = packet;
    if (topic === this.parts.unkeptTopic) return;
    if (payload.length === 0) return database.write(() => database.run('delete from retained where topic = ?', topic));
    const known = database.one('select 1 from retained where topic = ?', topic) !== undefined;
    if (!known && this.count() >= this.parts.limits.retainedTopics) return this.parts.dropped('retained-full', 1, '');
    await database.write(() =>
      database.run(
        'insert or replace into retained (topic, packet, payload) values (?, ?, ?)',
        topic,
        headOf(packet),
        payload,
      ),
    );
  }

  stream(patterns: readonly string[]): Readable {
    const rows =
      this.count() === 0 ? [] : this.database.all('select topic, packet, payload from retained order by topic');
    return Readable.from(
      rows
        .filter(({ topic }) => patterns.some((pattern) => takesIn(pattern, String(topic))))
        .map((row) => withPayload(row)),
    );
  }

  private count(): number {
    return this.database.count('select count(*) as n from retained');
  }
}
