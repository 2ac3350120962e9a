import assert from 'node:assert';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DropReason, SessionLimits } from '@canh/adapters/mqtt-sessions/session-parts';
import { SessionStore } from '@canh/adapters/mqtt-sessions/session-store';
import { systemClock } from '@canh/runtime/system-clock';

interface AbstractTest {
  readonly assert: typeof assert;
  plan(count: number): void;
  diagnostic(text: string): void;
}
type AbstractSuite = (options: {
  readonly test: (name: string, story: (test: AbstractTest) => Promise<void>) => void;
  readonly persistence: () => unknown;
  readonly testAsync: true;
}) => void;

/** Of the version that this Aedes brings. */
const abstractSuite = createRequire(import.meta.resolve('aedes'))('aedes-persistence/abstract.js') as AbstractSuite;
const PLENTY: SessionLimits = {
  queueMessages: 10_000,
  queueBytes: 10_000_000,
  sessionsPerDevice: 10,
  idleMs: 1_000,
  retainedTopics: 10,
};

describe('sessions on disk, as Aedes itself tests a persistence', () => {
  const folder = mkdtempSync(join(tmpdir(), 'canh-sessions-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  abstractSuite({
    testAsync: true,
    persistence: () =>
      SessionStore.open({
        file: join(folder, randomUUID()),
        limits: PLENTY,
        clock: systemClock,
        standingOf: () => '',
        keeps: () => true,
        unkeptTopic: 'received',
        dropped: (reason) => assert.fail(reason),
      }),
    test: (name, story) =>
      it(`keep the promise: ${name}`, async () => {
        let planned: number | null = null;
        let made = 0;
        const counted = new Proxy(assert, {
          get:
            (target, method) =>
            (...values: unknown[]) => {
              made += 1;
              (target as unknown as Record<PropertyKey, (...given: unknown[]) => void>)[method]!(...values);
            },
        });
        await story({ assert: counted, plan: (count) => (planned = count), diagnostic: () => undefined });
        if (planned !== null) expect(made).toBe(planned);
      }),
  });
});

describe('sessions in one file of SQLite', () => {
  let folder: string;
  let file: string;
  let store: SessionStore;
  let revoked: string | null;
  let asked: number;
  let dropped: [DropReason, number][];
  const published = (topic: string, payload: string, expiry = Number.MAX_SAFE_INTEGER) => ({
    cmd: 'publish',
    topic,
    payload: Buffer.from(payload),
    qos: 1,
    retain: true,
    dup: false,
    messageExpiry: expiry,
  });
  const open = (limits: Partial<SessionLimits> = {}): SessionStore =>
    SessionStore.open({
      file,
      limits: { ...PLENTY, ...limits },
      clock: { now: () => 1_000 },
      standingOf: (deviceId) => {
        asked += 1;
        return deviceId === revoked ? null : 'here';
      },
      keeps: (filter) => filter !== '#',
      unkeptTopic: 'received',
      dropped: (reason, count) => dropped.push([reason, count]),
    });
  const listOf = async (stream: AsyncIterable<unknown>): Promise<unknown[]> => {
    const all: unknown[] = [];
    for await (const each of stream) all.push(each);
    return all;
  };
  const reopen = async (limits: Partial<SessionLimits> = {}): Promise<void> => {
    await store.destroy();
    store = open(limits);
    await store.setup({ id: 'second' });
  };

  beforeEach(async () => {
    dropped = [];
    revoked = null;
    folder = mkdtempSync(join(tmpdir(), 'canh-sessions-'));
    file = join(folder, 'sessions.sqlite');
    store = open();
    await store.setup({ id: 'first' });
  });
  afterEach(async () => {
    await store.destroy();
    rmSync(folder, { recursive: true });
  });

  it('outlive the process, and nobody else reads them', async () => {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await store.addSubscriptions({ id: 'a/1' }, [
      { topic: 'x/+', qos: 1 },
      { topic: '#', qos: 1 },
    ]);
    await store.outgoingEnqueue({ clientId: 'a/1' }, published('a/x/1', 'waits'));
    await store.storeRetained(published('x/1', 'retained'));
    await store.putWill({ id: 'a/1' }, published('x/1', 'will'));
    await reopen();
    expect(await store.subscriptionsByClient({ id: 'a/1' })).toEqual([{ topic: 'x/+', qos: 1 }]);
    expect(await listOf(store.outgoingStream({ id: 'a/1' }))).toMatchObject([{ payload: Buffer.from('waits') }]);
    expect(await listOf(store.createRetainedStream('x/+'))).toMatchObject([{ payload: Buffer.from('retained') }]);
    expect(store.leftWills(10, '')).toMatchObject([{ deviceId: 'a', brokerId: 'first', payload: Buffer.from('will') }]);
  });

  it('of devices that were revoked go, and the event loop has its turn while thousands are looked at', async () => {
    const sessions = Array.from({ length: 2_000 }, (_, n) => ({ id: `${n}/1` }));
    await Promise.all(sessions.map((session) => store.addSubscriptions(session, [{ topic: 'x', qos: 1 }])));
    await Promise.all(sessions.map((session) => store.putWill(session, published('x', 'will'))));
    revoked = '1999';
    let mostAtOnce = 0;
    const turn = (): void => {
      mostAtOnce = Math.max(mostAtOnce, asked);
      asked = 0;
      next = setImmediate(turn);
    };
    asked = 0;
    let next = setImmediate(turn);
    await store.dropRevoked();
    clearImmediate(next);
    expect(mostAtOnce).toBeGreaterThan(0);
    expect(mostAtOnce).toBeLessThanOrEqual(250);
    expect(store.sessions).toBe(1_999);
    expect(await store.getWill(sessions[1_998]!)).toBeDefined();
    expect(await store.getWill(sessions[1_999]!)).toBeUndefined();
    expect(dropped).toEqual([['session-revoked', 1]]);
  });

  it('pass over what has ended, and count it', async () => {
    await store.outgoingEnqueue({ clientId: 'a/1' }, published('a/x/1', 'old', 1_000));
    await store.outgoingEnqueue({ clientId: 'a/1' }, published('a/x/2', 'new', 1_001));
    expect(await listOf(store.outgoingStream({ id: 'a/1' }))).toMatchObject([{ payload: Buffer.from('new') }]);
    expect([dropped, store.waiting]).toEqual([[['expired', 1]], 1]);
  });

  it('let go of the oldest where the bytes are too many, and of a message that is too large for itself', async () => {
    await reopen({ queueBytes: 100 });
    for (const payload of ['1'.repeat(40), '2'.repeat(40), '3'.repeat(40)])
      await store.outgoingEnqueue({ clientId: 'a/1' }, published('a/x', payload));
    expect(await listOf(store.outgoingStream({ id: 'a/1' }))).toMatchObject([
      { payload: Buffer.from('2'.repeat(40)) },
      { payload: Buffer.from('3'.repeat(40)) },
    ]);
    await store.outgoingEnqueue({ clientId: 'a/1' }, published('a/x', '4'.repeat(101)));
    expect([dropped, store.waiting]).toEqual([
      [
        ['queue-full', 1],
        ['queue-full', 3],
      ],
      0,
    ]);
  });

  it('keep no more retained messages than they may, replace those there are, and none of what devices report', async () => {
    await reopen({ retainedTopics: 2 });
    for (const topic of ['x/1', 'x/2', 'x/3', 'received']) await store.storeRetained(published(topic, 'first'));
    await store.storeRetained(published('x/2', 'second'));
    expect(
      (await listOf(store.createRetainedStream('#'))).map((packet) => (packet as { topic: string }).topic),
    ).toEqual(['x/1', 'x/2']);
    expect(dropped).toEqual([['retained-full', 1]]);
    await store.addSubscriptions({ id: 'a/1' }, [{ topic: '+', qos: 1 }]);
    expect([await store.subscriptionsByTopic('x'), await store.subscriptionsByTopic('received')]).toMatchObject([
      [{}],
      [],
    ]);
  });

  it('keep the will of a client that took its own place, when the connection before it ends', async () => {
    const clients = { 'a/1': { closed: false, will: {} } };
    await store.setup({ id: 'first', clients });
    await store.putWill({ id: 'a/1' }, published('x', 'of the second'));
    await store.delWill({ id: 'a/1', brokerId: 'first' });
    expect(await store.getWill({ id: 'a/1' })).toMatchObject({ payload: Buffer.from('of the second') });
    clients['a/1'].closed = true;
    await store.delWill({ id: 'a/1', brokerId: 'first' });
    expect(await store.getWill({ id: 'a/1' })).toBeUndefined();
  });

  it('of a newer version are not touched', async () => {
    await store.destroy();
    const newer = new DatabaseSync(file);
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    expect(() => open()).toThrow(expect.objectContaining({ code: 'SESSIONS_NEWER' }) as Error);
    file = join(folder, 'other.sqlite');
    store = open();
  });

  it('reject what could not be written, and go on', async () => {
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    await expect(store.putWill({ id: 'a/1' }, published('x', 'will'))).rejects.toThrow(/locked/);
    other.exec('ROLLBACK');
    other.close();
    await store.putWill({ id: 'a/1' }, published('x', 'will'));
    expect(await store.getWill({ id: 'a/1' })).toMatchObject({ payload: Buffer.from('will') });
  });
});
