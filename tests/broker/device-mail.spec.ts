import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS } from '@canh/core/time/instant';
import { eventually } from '../support/eventually.js';
import { MailDoor, REQUESTS, type Heard } from './mail-door.js';

const TELEMETRY = 'v1/devices/me/telemetry';
const response = (id: number): string => `v1/devices/me/rpc/response/${id}`;
const methods = ({ packets }: Heard): string[] =>
  packets.map(({ payload }) => (JSON.parse(payload.toString()) as { method: string }).method);

describe('what is kept for devices', () => {
  let door: MailDoor;

  beforeEach(async () => {
    door = await MailDoor.open({ mqttQueueMessages: 3, mqttSessionsPerDevice: 2 });
  });
  afterEach(() => door.close());

  /** One more command comes, and nothing came before it. */
  const hearsOnly = async (heard: Heard, method: string): Promise<void> => {
    await door.send(heard.device, method);
    await eventually(async () => expect((await door.states(heard.device))[0]).toBe('delivered'));
    expect(methods(heard)).toEqual([method]);
  };

  it('brings a command to a device that listens, and shows that it has it and what it answers', async () => {
    const a = await door.connect('a', { clean: true });
    await a.client.subscribeAsync(REQUESTS, { qos: 1 });
    const id = await door.send('a', 'openGate');
    expect(await door.states('a')).toEqual(['sent']);
    await eventually(async () => expect(await door.states('a')).toEqual(['delivered']));
    expect(a.packets.map(({ topic, qos, dup }) => ({ topic, qos, dup }))).toEqual([
      { topic: `v1/devices/me/rpc/request/${id}`, qos: 1, dup: false },
    ]);
    expect(a.packets[0]?.payload.toString()).toBe('{"method":"openGate","params":{"gate":2}}');
    await a.client.publishAsync(response(id), '{"ok":true}', { qos: 1 });
    expect(await door.commands('a')).toMatchObject([{ id, state: 'answered', answer: '{"ok":true}' }]);
    await a.client.publishAsync(response(id), '{"ok":false}', { qos: 1 });
    expect(await door.commands('a')).toMatchObject([{ answer: '{"ok":true}' }]);
  });

  it('keeps for a session that is away what is sent meanwhile, in order, also over a restart', async () => {
    await door.leaveSession('a');
    await door.send('a', 'one');
    await door.send('a', 'two');
    expect(await door.states('a')).toEqual(['sent', 'sent']);
    await door.stop();
    await door.start();
    expect(await door.states('a')).toEqual(['sent', 'sent']);
    const back = await door.connect('a');
    expect(back.sessionPresent).toBe(true);
    await eventually(() => expect(methods(back)).toEqual(['one', 'two']));
    await eventually(async () => expect(await door.states('a')).toEqual(['delivered', 'delivered']));
    await door.send('a', 'three');
    await eventually(async () => expect(await door.states('a')).toEqual(['delivered', 'delivered', 'delivered']));
    expect(methods(back)).toEqual(['one', 'two', 'three']);
    await back.client.endAsync();
    await hearsOnly(await door.connect('a'), 'four');
  });

  it('drops it with the session when the client comes back with a clean one, and says so', async () => {
    await door.leaveSession('a');
    await door.send('a', 'one');
    await door.states('a');
    const back = await door.connect('a', { clean: true });
    expect(back.sessionPresent).toBe(false);
    await back.client.subscribeAsync(REQUESTS, { qos: 1 });
    expect(await door.states('a')).toEqual(['dropped']);
    expect(await door.dropped()).toEqual({ 'clean-session': 1 });
    await hearsOnly(back, 'two');
  });

  it('sends again, marked as a duplicate and by the same id, what was sent and not acknowledged', async () => {
    const deaf = await door.connect('a');
    deaf.client.handleMessage = () => undefined;
    const heard = new Promise<{ messageId?: number | undefined; dup: boolean }>((resolve) =>
      deaf.client.on('packetreceive', (packet) => packet.cmd === 'publish' && resolve(packet)),
    );
    await deaf.client.subscribeAsync(REQUESTS, { qos: 1 });
    await door.send('a', 'one');
    await door.states('a');
    const first = await heard;
    expect(first.dup).toBe(false);
    deaf.client.stream.destroy();
    await door.settled();
    await door.stop();
    await door.start();
    const back = await door.connect('a');
    await eventually(() => expect(back.packets).toHaveLength(1));
    expect(back.packets[0]).toMatchObject({ dup: true, messageId: first.messageId });
    await eventually(async () => expect(await door.states('a')).toEqual(['delivered']));
  });

  it('brings a command for one device to no other, whatever names and ids that one uses', async () => {
    await door.leaveSession('b', 'away');
    const b = await door.connect('b');
    const forA = ['a/v1/devices/me/rpc/request/+', 'a/#', '#', '+/v1/devices/me/rpc/request/+'];
    await expect(b.client.subscribeAsync([REQUESTS, ...forA], { qos: 1 })).rejects.toMatchObject({
      packet: { granted: [1, 128, 128, 128, 128] },
    });
    const a = await door.connect('a');
    await a.client.subscribeAsync(REQUESTS, { qos: 1 });
    const id = await door.send('a', 'one');
    await eventually(async () => expect(await door.states('a')).toEqual(['delivered']));
    expect(methods(a)).toEqual(['one']);
    await b.client.publishAsync(response(id), '{"ok":"of b"}', { qos: 1 });
    const away = await door.connect('b', { clientId: 'away' });
    expect(door.mail.store.waiting).toBe(0);
    await hearsOnly(b, 'for b');
    await eventually(() => expect(methods(away)).toEqual(['for b']));
    expect(await door.commands('a')).toMatchObject([{ state: 'delivered', answer: null }]);
    expect(await door.dropped()).toEqual({ 'unknown-command': 1 });
  });

  it('puts a command into the sessions of its own device alone', async () => {
    await door.leaveSession('a', 'away');
    await door.leaveSession('b', 'away');
    const b = await door.connect('b');
    await b.client.subscribeAsync(REQUESTS, { qos: 1 });
    await door.send('a', 'one');
    expect(await door.states('a')).toEqual(['sent']);
    const database = new DatabaseSync(join(door.folder, 'sessions.sqlite'), { readOnly: true });
    expect(database.prepare('select session_id from outgoing').all()).toEqual([{ session_id: 'a/away' }]);
    database.close();
  });

  it('has a second lock: what got into the session of another device by mistake does not leave it', async () => {
    await door.leaveSession('b');
    const to = (device: string) => ({
      cmd: 'publish',
      topic: `${device}/v1/devices/me/rpc/request/1`,
      payload: Buffer.from(device),
      qos: 1,
      retain: false,
      dup: false,
    });
    await door.mail.store.outgoingEnqueue({ clientId: 'b/unit' }, to('a'));
    await door.mail.store.outgoingEnqueue({ clientId: 'b/unit' }, to('b'));
    const b = await door.connect('b');
    await eventually(() => expect(door.mail.store.acknowledged(10)).toEqual(['b/v1/devices/me/rpc/request/1']));
    expect(b.packets.map(({ payload }) => payload.toString())).toEqual(['b']);
  });

  it('keeps a command for a device that has no session until it listens, or until its time is over', async () => {
    await door.send('a', 'one');
    await door.send('a', 'two', 1_000);
    expect(await door.states('a')).toEqual(['waiting', 'waiting']);
    door.laterMs = 2_000;
    expect(await door.states('a')).toEqual(['expired', 'waiting']);
    const a = await door.connect('a');
    await a.client.subscribeAsync(REQUESTS, { qos: 1 });
    await eventually(async () => expect(await door.states('a')).toEqual(['expired', 'delivered']));
    expect(methods(a)).toEqual(['one']);
  });

  it('brings nothing whose time is over, also to who is back before anybody has looked', async () => {
    await door.leaveSession('a');
    await door.send('a', 'openGate', 1_000);
    expect(await door.states('a')).toEqual(['sent']);
    await door.stop();
    door.laterMs = 2_000;
    await door.start();
    const back = await door.connect('a');
    await hearsOnly(back, 'closeGate');
    expect(await door.states('a')).toEqual(['delivered', 'expired']);
  });

  it('says of a subscription of QoS 0 that nobody confirms, and keeps nothing for it', async () => {
    const a = await door.connect('a');
    await a.client.subscribeAsync(REQUESTS, { qos: 0 });
    await door.send('a', 'one');
    expect(await door.states('a')).toEqual(['unconfirmed']);
    await eventually(() => expect(methods(a)).toEqual(['one']));
    await a.client.endAsync();
    await door.settled();
    await door.send('a', 'two');
    expect(await door.states('a')).toEqual(['waiting', 'unconfirmed']);
  });

  it('lets a command wait its turn where it would push another one out of the session, and brings all of them in order', async () => {
    await door.leaveSession('a');
    for (const method of ['1', '2', '3', '4', '5']) await door.send('a', method);
    expect(await door.states('a')).toEqual(['waiting', 'waiting', 'sent', 'sent', 'sent']);
    expect(await door.states('a')).toEqual(['waiting', 'waiting', 'sent', 'sent', 'sent']);
    const back = await door.connect('a');
    await eventually(async () => expect(new Set(await door.states('a'))).toEqual(new Set(['delivered'])));
    expect(methods(back)).toEqual(['1', '2', '3', '4', '5']);
    expect(await door.dropped()).toEqual({});
  });

  it('hands over no more bytes than a session takes', async () => {
    await door.leaveSession('a');
    const now = Date.now();
    const command = { deviceId: 'a', params: JSON.stringify('x'.repeat(16_000)), by: 'x', expiresAt: now + DAY_MS };
    for (let n = 0; n < 3; n += 1) await door.desk.send({ ...command, method: String(n) }, now);
    const small = await MailDoor.open({ mqttQueueKb: 40 });
    await small.leaveSession('a');
    for (let n = 0; n < 3; n += 1) await small.desk.send({ ...command, method: String(n) }, now);
    expect(await small.states('a')).toEqual(['waiting', 'sent', 'sent']);
    expect(await door.states('a')).toEqual(['sent', 'sent', 'sent']);
    expect(await small.dropped()).toEqual({});
    await small.close();
  });

  it('drops the oldest for a session that has too many messages waiting, counts it and warns', async () => {
    await door.leaveSession('a');
    for (const n of [1, 2, 3, 4, 5])
      await door.mail.store.outgoingEnqueue(
        { clientId: 'a/unit' },
        {
          cmd: 'publish',
          topic: `a/v1/devices/me/rpc/request/${n}`,
          payload: Buffer.from(`{"method":"${n}"}`),
          qos: 1,
          retain: false,
          dup: false,
        },
      );
    expect(await door.dropped()).toEqual({ 'queue-full': 2 });
    expect(door.mail.warnings).toEqual([expect.stringContaining('CANH_MQTT_QUEUE_MESSAGES')]);
    const back = await door.connect('a');
    await eventually(() => expect(methods(back)).toEqual(['3', '4', '5']));
  });

  it('lets go of the session that was not used for longest when a device makes up one more, and of none that is in use', async () => {
    await door.leaveSession('a', 'first');
    await door.leaveSession('a', 'second');
    await door.leaveSession('a', 'third');
    expect(await door.dropped()).toEqual({ 'session-replaced': 1 });
    const second = await door.connect('a', { clientId: 'second' });
    const third = await door.connect('a', { clientId: 'third' });
    expect([second.sessionPresent, third.sessionPresent]).toEqual([true, true]);
    const first = await door.connect('a', { clientId: 'first' });
    expect(first.sessionPresent).toBe(false);
    const closed = new Promise<void>((resolve) => first.client.once('close', resolve));
    first.client.subscribe(REQUESTS, { qos: 1 }, () => undefined);
    await closed;
    expect(second.client.connected && third.client.connected).toBe(true);
  });

  it('forgets a session that nobody used for its days of running, and not one whose client is there', async () => {
    await door.leaveSession('a');
    const b = await door.connect('b');
    await b.client.subscribeAsync(REQUESTS, { qos: 1 });
    await door.mail.store.age(29 * DAY_MS);
    expect(door.mail.store.sessions).toBe(2);
    await door.mail.store.age(2 * DAY_MS);
    expect(door.mail.store.sessions).toBe(1);
    expect(await door.dropped()).toEqual({ 'session-unused': 1 });
    await b.client.endAsync();
    expect((await door.connect('b')).sessionPresent).toBe(true);
  });

  it('lets go of what a revoked device has left, and of nothing of another', async () => {
    await door.leaveSession('a');
    await door.leaveSession('b');
    await door.mail.dropRevoked();
    expect(door.mail.store.sessions).toBe(2);
    await door.revoke('a');
    await door.mail.dropRevoked();
    expect(door.mail.store.sessions).toBe(1);
    expect((await door.connect('b')).sessionPresent).toBe(true);
  });

  it('tells a will once, when the connection breaks and when Canh stops', async () => {
    const will = { topic: TELEMETRY, payload: Buffer.from('{"online":0}'), qos: 1, retain: false } as const;
    const a = await door.connect('a', { will });
    a.client.stream.destroy();
    await eventually(async () => expect(await door.journaled()).toEqual(['telemetry a {"online":0}']));
    await door.connect('b', { will });
    await door.stop();
    await door.start();
    expect(await door.journaled()).toEqual(['telemetry a {"online":0}', 'telemetry b {"online":0}']);
    const polite = await door.connect('b', { will });
    await polite.client.endAsync();
    await door.settled();
    await door.stop();
    await door.start();
    expect(await door.journaled()).toHaveLength(2);
  });

  it('writes nothing for a device that sends telemetry, whatever session it has', async () => {
    await door.leaveSession('a');
    const a = await door.connect('a');
    const files = ['sessions.sqlite', 'sessions.sqlite-wal'].map((name) => join(door.folder, name));
    const changed = (): number[] => files.flatMap((file) => [statSync(file).mtimeMs, statSync(file).size]);
    const before = changed();
    for (let n = 0; n < 50; n += 1)
      await a.client.publishAsync(TELEMETRY, `{"level_m":${n}}`, { qos: (n % 3) as 0 | 1 | 2, retain: n % 2 === 0 });
    expect(changed()).toEqual(before);
    expect(await door.journaled()).toHaveLength(50);
  });

  it('puts a file aside that is no database, says so, and lets the devices in', async () => {
    await door.stop();
    const file = join(door.folder, 'sessions.sqlite');
    writeFileSync(file, 'x'.repeat(10_000));
    await door.start();
    expect(existsSync(`${file}.damaged`)).toBe(true);
    expect(door.mail.warnings).toEqual([expect.stringContaining('sessions.sqlite.damaged')]);
    await door.leaveSession('a');
    const database = new DatabaseSync(file, { readOnly: true });
    expect(database.prepare('select id from sessions').all()).toEqual([{ id: 'a/unit' }]);
    database.close();
  });

  it('takes no command for a device that is not there, that is no JSON, that came too late, or that is one of too many', async () => {
    const now = Date.now();
    const command = { deviceId: 'a', method: 'x', params: '{}', by: 'x', expiresAt: now + 1_000 };
    await expect(door.desk.send({ ...command, deviceId: 'c' }, now)).rejects.toMatchObject({ code: 'UNKNOWN_DEVICE' });
    await expect(door.desk.send({ ...command, params: '{x' }, now)).rejects.toMatchObject({ code: 'BAD_COMMAND' });
    await expect(door.desk.send({ ...command, expiresAt: now }, now)).rejects.toMatchObject({ code: 'BAD_COMMAND' });
    for (let n = 0; n < 100; n += 1) await door.desk.send(command, now);
    await expect(door.desk.send(command, now)).rejects.toMatchObject({ code: 'TOO_MANY_COMMANDS' });
    await door.desk.send({ ...command, deviceId: 'b' }, now);
  });
});
