import { once } from 'node:events';
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { DoorOnDisk } from './door-on-disk.js';
import { connectPacket } from './raw-device.js';

const TELEMETRY = 'v1/devices/me/telemetry';

describe.each([true, false])('the MQTT door, with a telemetry lane: %s', (mqttLane) => {
  let door: DoorOnDisk;
  let tokens: Record<'a' | 'b', string>;
  const clients: { end(force?: boolean): unknown }[] = [];

  const connect = async (
    device: 'a' | 'b',
    options: IClientOptions = {},
    url = `mqtt://127.0.0.1:${door.port}`,
  ): Promise<MqttClient> => {
    const client = await connectAsync(url, { username: tokens[device], reconnectPeriod: 0, ...options });
    // A broken-off connection is what some of these tests are about.
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  };
  const raw = async (): Promise<Socket> => {
    const socket = connectTcp(door.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  beforeEach(async () => {
    door = await DoorOnDisk.open({ devices: ['device-a', 'device-b'], settings: { mqttLane } });
    const [a = '', b = ''] = door.tokens;
    tokens = { a, b };
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true);
    await door.close();
  });

  it('has the message on disk before it acknowledges, over TCP and over WebSocket, at QoS 1 and 2', async () => {
    const tcp = await connect('a');
    await tcp.publishAsync(TELEMETRY, '{"level_m":1}', { qos: 1 });
    expect(await door.lines()).toEqual(['telemetry device-a {"level_m":1}']);
    const ws = await connect('b', {}, `ws://127.0.0.1:${door.wsPort}/mqtt`);
    await ws.publishAsync(TELEMETRY, '{"level_m":2}', { qos: 1 });
    await ws.publishAsync(TELEMETRY, '{"level_m":3}', { qos: 2 });
    expect((await door.lines()).slice(1)).toEqual([
      'telemetry device-b {"level_m":2}',
      'telemetry device-b {"level_m":3}',
    ]);
  });

  it('acknowledges nothing that could not be kept', async () => {
    const client = await connect('a');
    await door.journal.close();
    const closed = closing(client);
    client.publish(TELEMETRY, '{"level_m":1}', { qos: 1 });
    await closed;
    expect(client.getLastMessageId()).toBeGreaterThan(0);
    expect(await door.lines()).toEqual([]);
  });

  it('refuses an unknown token with the code for it, and keeps that somebody tried', async () => {
    await expect(
      connectAsync(`mqtt://127.0.0.1:${door.port}`, { username: 'nobody', reconnectPeriod: 0 }),
    ).rejects.toMatchObject({ code: 4 });
    await expect(connectAsync(`mqtt://127.0.0.1:${door.port}`, { reconnectPeriod: 0 })).rejects.toMatchObject({
      code: 4,
    });
    await eventually(async () =>
      expect((await door.lines()).filter((line) => line.includes('unknown-credential'))).toHaveLength(2),
    );
  });

  it('says so too where the packet with the token does not come in one piece', async () => {
    const socket = await raw();
    const packet = connectPacket('x'.repeat(4_000));
    socket.write(packet.subarray(0, 2_000));
    await turnsOfTheLoop(20);
    socket.write(packet.subarray(2_000));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect([...answer]).toEqual([0x20, 2, 0, 4]);
  });

  it('lets no device take the place of another by its client id, nor of itself', async () => {
    const first = await connect('a', { clientId: 'same' });
    const second = await connect('b', { clientId: 'same' });
    await second.publishAsync(TELEMETRY, '{"level_m":2}', { qos: 1 });
    await first.publishAsync(TELEMETRY, '{"level_m":1}', { qos: 1 });
    expect(await door.lines()).toEqual(['telemetry device-b {"level_m":2}', 'telemetry device-a {"level_m":1}']);
  });

  it('cuts off a device that publishes to what is not its own', async () => {
    for (const topic of ['v1/devices/device-b/telemetry', '$SYS/x', 'received', 'v1/devices/me/telemetry/x']) {
      const client = await connect('a');
      const closed = closing(client);
      client.publish(topic, '{"level_m":1}', { qos: 1 });
      await closed;
    }
    expect(door.refusals.map(({ reason }) => reason)).toEqual(Array.from({ length: 4 }, () => 'forbidden-topic'));
    expect((await door.lines()).filter((line) => line.startsWith('telemetry'))).toEqual([]);
  });

  it('lets nobody listen in, not even by a session with a filter that was refused beside one that was not', async () => {
    const spy = { clientId: 'spy', clean: false } as const;
    const before = await connect('b', spy);
    const filters = ['v1/devices/me/attributes', '#', '$SYS/#', '+/+/+/+', TELEMETRY];
    await expect(before.subscribeAsync(filters, { qos: 1 })).rejects.toMatchObject({
      packet: { granted: [1, 128, 128, 128, 128] },
    });
    const heard: string[] = [];
    before.on('message', (topic) => heard.push(topic));
    const victim = await connect('a');
    await victim.publishAsync('v1/devices/me/attributes', '{"secret":1}', { qos: 1 });
    await before.endAsync();
    for (let index = 0; index < 20; index += 1)
      await victim.publishAsync(TELEMETRY, `{"secret":${index}}`, { qos: 1, retain: true });

    const after = await connect('b', { ...spy });
    after.on('message', (topic) => heard.push(topic));
    await after.subscribeAsync('v1/devices/me/attributes', { qos: 1 });
    await after.publishAsync(TELEMETRY, '{"level_m":1}', { qos: 1 });
    expect(heard).toEqual([]);
  });

  it('takes a will as what it is: a message on one of the device’s own topics, or nothing', async () => {
    const own = await connect('a', {
      will: { topic: TELEMETRY, payload: Buffer.from('{"level_m":9}'), qos: 1, retain: false },
    });
    own.stream.destroy();
    await eventually(async () => expect(await door.lines()).toEqual(['telemetry device-a {"level_m":9}']));
    const foreign = {
      topic: 'v1/devices/device-b/telemetry',
      payload: Buffer.from('{"level_m":9}'),
      qos: 1,
      retain: true,
    } as const;
    await expect(connect('a', { will: foreign })).rejects.toMatchObject({ code: 5 });
    expect(door.refusals.map(({ reason }) => reason)).toEqual(['forbidden-topic']);
  });

  it('hangs up on a device whose token is withdrawn, and on no other', async () => {
    const [stolen, honest] = [await connect('a'), await connect('b')];
    const closed = closing(stolen);
    await door.desk.revoke('device-a', 0);
    await door.door.dropRevoked();
    await closed;
    await honest.publishAsync(TELEMETRY, '{"level_m":1}', { qos: 1 });
    await expect(connect('a')).rejects.toMatchObject({ code: 4 });
  });

  it('knows MQTT 3.1, and turns MQTT 5 away in words that its client understands', async () => {
    const old = await connect('a', { protocolId: 'MQIsdp', protocolVersion: 3, clientId: 'ESP8266-1' });
    await old.publishAsync(TELEMETRY, '{"level_m":1}', { qos: 1 });
    expect(await door.lines()).toEqual(['telemetry device-a {"level_m":1}']);
    await expect(connect('a', { protocolVersion: 5 })).rejects.toThrow(/protocol version/i);
    await eventually(() => expect(door.refusals.map(({ reason }) => reason)).toEqual(['protocol']));
  });

  it('hangs up on a packet that announces more than it may have, before it is in memory', async () => {
    const stranger = await raw();
    stranger.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f, ...Buffer.alloc(100)]));
    await closing(stranger);
    const device = await connect('a');
    const closed = closing(device);
    device.publish(TELEMETRY, Buffer.alloc(1_000_000, 'x'), { qos: 1 });
    await closed;
    await eventually(() => expect(door.refusals.map(({ reason }) => reason)).toEqual(['too-large', 'too-large']));
    const slightly = await connect('a');
    const closedToo = closing(slightly);
    slightly.publish(TELEMETRY, Buffer.alloc(262_145, 'x'), { qos: 1 });
    await closedToo;
    expect(door.refusals.at(-1)?.detail).toContain('262145');
  });

  it('turns away a client without a keep-alive, or with a longer one than is allowed, and says so', async () => {
    for (const keepAlive of [0, 3_601]) {
      const socket = await raw();
      socket.write(connectPacket(tokens.a, keepAlive));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect([...answer]).toEqual([0x20, 2, 0, 5]);
    }
    expect(door.refusals.map(({ reason }) => reason)).toEqual(['bad-keep-alive', 'bad-keep-alive']);
    await door.stop();
    await door.start({ mqttKeepaliveMaxSeconds: 0 });
    const socket = await raw();
    socket.write(connectPacket(tokens.a, 0));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect([...answer]).toEqual([0x20, 2, 0, 0]);
  });

  it('hangs up on a SUBSCRIBE with thousands of filters, before they are looked at', async () => {
    const client = await connect('a');
    const closed = closing(client);
    client.subscribe(Array.from({ length: 5_000 }, (_, nth) => `v1/devices/me/rpc/response/${nth}`));
    await closed;
    expect(door.refusals).toMatchObject([
      { reason: 'too-many-filters', detail: '5000 filters in one packet, at most 20' },
    ]);
  });

  it('hangs up on one connection too many, and keeps that it came', async () => {
    await door.stop();
    await door.start({ mqttConnections: 1 });
    const client = await connect('a');
    const socket = await raw();
    await once(socket, 'close');
    expect(door.refusals).toMatchObject([{ reason: 'too-many-connections', door: 'mqtt', address: '127.0.0.1' }]);
    await client.endAsync();
    await eventually(async () => void (await connect('b')));
  });

  it('reads no faster from a device than it may send, and drops nothing that it sends', async () => {
    await door.stop();
    await door.start({ deviceMessagesPerSecond: 100 });
    const [loud, quiet] = [await connect('a'), await connect('b')];
    // More than is read at once.
    const payloads = Array.from({ length: 350 }, (_, nth) => `{"level_m":${nth},"note":"${'x'.repeat(1_000)}"}`);
    const sent = payloads.map((payload) => loud.publishAsync(TELEMETRY, payload, { qos: 1 }));
    await quiet.publishAsync(TELEMETRY, '{"level_m":-1}', { qos: 1 });
    await Promise.all(sent);
    expect(door.door.slowed).toBeGreaterThan(0);
    const kept = await door.lines();
    expect(kept.indexOf('telemetry device-b {"level_m":-1}')).toBeLessThan(300);
    expect(kept.filter((line) => line.startsWith('telemetry device-a'))).toEqual(
      payloads.map((payload) => `telemetry device-a ${payload}`),
    );
  });

  it('says which setting to change when a port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(door.openDoor({ mqttPort: port })).rejects.toMatchObject({
      code: 'PORT_NOT_OPEN',
      message: expect.stringContaining('CANH_MQTT_PORT') as string,
    });
    await expect(door.openDoor({ wsPort: port })).rejects.toMatchObject({
      code: 'PORT_NOT_OPEN',
      message: expect.stringContaining('CANH_WS_PORT') as string,
    });
    other.close();
  });

  it('lets go of those who never said who they are when it closes', async () => {
    const silent = await raw();
    const closed = closing(silent);
    await door.stop();
    await closed;
    await door.start();
  });

  it('calls nobody wrong whose message is acknowledged in the moment in which it closes', async () => {
    const { journal } = door;
    const append = journal.append.bind(journal);
    const endings: Promise<void>[] = [];
    journal.append = async (message) => {
      const behind = await append(message);
      // Behind the PUBACK, and before Aedes hands the message on.
      process.nextTick(() => {
        if (endings.length === 0) endings.push(door.stop());
      });
      return behind;
    };
    const client = await connect('a');
    client.publish('v1/devices/me/attributes', '{"model":"x"}', { qos: 1 });
    await eventually(() => expect(endings).toHaveLength(1));
    await Promise.all(endings);
    await turnsOfTheLoop(10);
    expect(await door.lines()).toEqual(['attributes device-a {"model":"x"}']);
    expect(door.refusals).toEqual([]);
    await door.start();
  });

  it('outlives records that cannot be asked', async () => {
    const socket = await raw();
    await door.records.destroy();
    const closed = closing(socket);
    socket.end(connectPacket('somebody'));
    await closed;
  });
});

/** Also where it ends with an error, which is often what is asked for here. */
function closing(stream: { once(event: 'close', listener: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => stream.once('close', () => resolve()));
}

async function turnsOfTheLoop(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await setImmediate();
}
