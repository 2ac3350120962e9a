import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlCredentialDesk } from '@canh/adapters/records-sql/sql-credential-desk';
import { SqlCredentials } from '@canh/adapters/records-sql/sql-credentials';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { START } from '@canh/core/readings/journal';
import type { Refusal } from '@canh/core/readings/message';
import { openLog } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import type { BrokerSettings } from '../../apps/broker/src/broker.settings.js';
import { Intake } from '../../apps/broker/src/intake/intake.js';
import { MqttDoor } from '../../apps/broker/src/mqtt/mqtt-door.js';
import { eventually } from '../support/eventually.js';
import { doorSettings } from './door-settings.js';
import { connectPacket } from './raw-device.js';

const TELEMETRY = 'v1/devices/me/telemetry';
const text = { vi: 'x', en: 'x' };
const log = openLog('broker', { logLevel: 'silent' });

describe.each([true, false])('the MQTT door, with a telemetry lane: %s', (mqttLane) => {
  let folder: string;
  let records: RecordsDatabase;
  let journal: FileJournalWriter;
  let door: MqttDoor;
  let tokens: Record<'a' | 'b', string>;
  let refusals: Refusal[];
  const clients: { end(force?: boolean): unknown }[] = [];

  const open = async (changed: Partial<BrokerSettings> = {}): Promise<MqttDoor> => {
    const intake = new Intake(journal, systemClock, log, (refusal) => refusals.push(refusal));
    const credentials = new SqlCredentials(records, await loadServerKey(folder), systemClock);
    return MqttDoor.open(intake, credentials, doorSettings({ mqttLane, ...changed }), log);
  };
  const connect = async (
    device: 'a' | 'b',
    options: IClientOptions = {},
    url = `mqtt://127.0.0.1:${door.mqttPort}`,
  ): Promise<MqttClient> => {
    const client = await connectAsync(url, { username: tokens[device], reconnectPeriod: 0, ...options });
    // A broken-off connection is what some of these tests are about.
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  };
  const raw = async (): Promise<Socket> => {
    const socket = connectTcp(door.mqttPort, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  const journaled = async (): Promise<string[]> => {
    const reader = new FileJournalReader(join(folder, 'journal'));
    const { entries } = await reader.read(START, 2 ** 20);
    await reader.close();
    return entries.map(
      ({ message }) => `${message.kind} ${message.deviceId} ${Buffer.from(message.payload).toString()}`,
    );
  };

  beforeEach(async () => {
    refusals = [];
    folder = await mkdtemp(join(tmpdir(), 'canh-door-'));
    records = await openRecords(join(folder, 'records.sqlite'));
    const inventory = new SqlInventoryDesk(records);
    await inventory.putArea({ id: 'x', names: text, parentId: null, validFrom: null, validTo: null });
    await inventory.putStation({
      id: 's',
      names: text,
      areaId: 'x',
      ownerUnit: 'x',
      position: { latitude: 16, longitude: 107 },
      profileId: 'gauge',
      limits: [],
    });
    const desk = new SqlCredentialDesk(records, await loadServerKey(folder));
    const issue = async (id: string): Promise<string> => {
      await inventory.putDevice({ id, name: id, stationId: 's', profileId: 'gauge', gatewayId: null });
      return desk.issue(id);
    };
    tokens = { a: await issue('device-a'), b: await issue('device-b') };
    journal = await FileJournalWriter.open(join(folder, 'journal'));
    door = await open();
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true);
    await door.close();
    await journal.close();
    await records.destroy();
    await rm(folder, { recursive: true, force: true });
  });

  it('has the message on disk before it acknowledges, over TCP and over WebSocket, at QoS 1 and 2', async () => {
    const tcp = await connect('a');
    await tcp.publishAsync(TELEMETRY, '{"level_m":1}', { qos: 1 });
    expect(await journaled()).toEqual(['telemetry device-a {"level_m":1}']);
    const ws = await connect('b', {}, `ws://127.0.0.1:${door.wsPort}/mqtt`);
    await ws.publishAsync(TELEMETRY, '{"level_m":2}', { qos: 1 });
    await ws.publishAsync(TELEMETRY, '{"level_m":3}', { qos: 2 });
    expect((await journaled()).slice(1)).toEqual([
      'telemetry device-b {"level_m":2}',
      'telemetry device-b {"level_m":3}',
    ]);
  });

  it('acknowledges nothing that could not be kept', async () => {
    const client = await connect('a');
    await journal.close();
    const closed = closing(client);
    client.publish(TELEMETRY, '{"level_m":1}', { qos: 1 });
    await closed;
    expect(client.getLastMessageId()).toBeGreaterThan(0);
    expect(await journaled()).toEqual([]);
  });

  it('refuses an unknown token with the code for it, and keeps that somebody tried', async () => {
    await expect(
      connectAsync(`mqtt://127.0.0.1:${door.mqttPort}`, { username: 'nobody', reconnectPeriod: 0 }),
    ).rejects.toMatchObject({ code: 4 });
    await expect(connectAsync(`mqtt://127.0.0.1:${door.mqttPort}`, { reconnectPeriod: 0 })).rejects.toMatchObject({
      code: 4,
    });
    await eventually(async () =>
      expect((await journaled()).filter((line) => line.includes('unknown-credential'))).toHaveLength(2),
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
    expect(await journaled()).toEqual(['telemetry device-b {"level_m":2}', 'telemetry device-a {"level_m":1}']);
  });

  it('cuts off a device that publishes to what is not its own', async () => {
    for (const topic of ['v1/devices/device-b/telemetry', '$SYS/x', 'received', 'v1/devices/me/telemetry/x']) {
      const client = await connect('a');
      const closed = closing(client);
      client.publish(topic, '{"level_m":1}', { qos: 1 });
      await closed;
    }
    expect(refusals.map(({ reason }) => reason)).toEqual(Array.from({ length: 4 }, () => 'forbidden-topic'));
    expect((await journaled()).filter((line) => line.startsWith('telemetry'))).toEqual([]);
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
    await eventually(async () => expect(await journaled()).toEqual(['telemetry device-a {"level_m":9}']));
    const foreign = {
      topic: 'v1/devices/device-b/telemetry',
      payload: Buffer.from('{"level_m":9}'),
      qos: 1,
      retain: true,
    } as const;
    await expect(connect('a', { will: foreign })).rejects.toMatchObject({ code: 5 });
    expect(refusals.map(({ reason }) => reason)).toEqual(['forbidden-topic']);
  });

  it('hangs up on a device whose token is withdrawn, and on no other', async () => {
    const [stolen, honest] = [await connect('a'), await connect('b')];
    const closed = closing(stolen);
    await new SqlCredentialDesk(records, await loadServerKey(folder)).revoke('device-a', 0);
    await door.dropRevoked();
    await closed;
    await honest.publishAsync(TELEMETRY, '{"level_m":1}', { qos: 1 });
    await expect(connect('a')).rejects.toMatchObject({ code: 4 });
  });

  it('knows MQTT 3.1, and turns MQTT 5 away in words that its client understands', async () => {
    const old = await connect('a', { protocolId: 'MQIsdp', protocolVersion: 3, clientId: 'ESP8266-1' });
    await old.publishAsync(TELEMETRY, '{"level_m":1}', { qos: 1 });
    expect(await journaled()).toEqual(['telemetry device-a {"level_m":1}']);
    await expect(connect('a', { protocolVersion: 5 })).rejects.toThrow(/protocol version/i);
    await eventually(() => expect(refusals.map(({ reason }) => reason)).toEqual(['protocol']));
  });

  it('hangs up on a packet that announces more than it may have, before it is in memory', async () => {
    const stranger = await raw();
    stranger.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f, ...Buffer.alloc(100)]));
    await closing(stranger);
    const device = await connect('a');
    const closed = closing(device);
    device.publish(TELEMETRY, Buffer.alloc(1_000_000, 'x'), { qos: 1 });
    await closed;
    await eventually(() => expect(refusals.map(({ reason }) => reason)).toEqual(['too-large', 'too-large']));
    const slightly = await connect('a');
    const closedToo = closing(slightly);
    slightly.publish(TELEMETRY, Buffer.alloc(262_145, 'x'), { qos: 1 });
    await closedToo;
    expect(refusals.at(-1)?.detail).toContain('262145');
  });

  it('turns away a client without a keep-alive, or with a longer one than is allowed, and says so', async () => {
    for (const keepAlive of [0, 3_601]) {
      const socket = await raw();
      socket.write(connectPacket(tokens.a, keepAlive));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect([...answer]).toEqual([0x20, 2, 0, 5]);
    }
    expect(refusals.map(({ reason }) => reason)).toEqual(['bad-keep-alive', 'bad-keep-alive']);
    await door.close();
    door = await open({ mqttKeepaliveMaxSeconds: 0 });
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
    expect(refusals).toMatchObject([{ reason: 'too-many-filters', detail: '5000 filters in one packet, at most 20' }]);
  });

  it('hangs up on one connection too many, and keeps that it came', async () => {
    await door.close();
    door = await open({ mqttConnections: 1 });
    const client = await connect('a');
    const socket = await raw();
    await once(socket, 'close');
    expect(refusals).toMatchObject([{ reason: 'too-many-connections', door: 'mqtt', address: '127.0.0.1' }]);
    await client.endAsync();
    await eventually(async () => void (await connect('b')));
  });

  it('reads no faster from a device than it may send, and drops nothing that it sends', async () => {
    await door.close();
    door = await open({ deviceMessagesPerSecond: 100 });
    const [loud, quiet] = [await connect('a'), await connect('b')];
    // More than is read at once.
    const payloads = Array.from({ length: 350 }, (_, nth) => `{"level_m":${nth},"note":"${'x'.repeat(1_000)}"}`);
    const sent = payloads.map((payload) => loud.publishAsync(TELEMETRY, payload, { qos: 1 }));
    await quiet.publishAsync(TELEMETRY, '{"level_m":-1}', { qos: 1 });
    await Promise.all(sent);
    expect(door.slowed).toBeGreaterThan(0);
    const kept = await journaled();
    expect(kept.indexOf('telemetry device-b {"level_m":-1}')).toBeLessThan(300);
    expect(kept.filter((line) => line.startsWith('telemetry device-a'))).toEqual(
      payloads.map((payload) => `telemetry device-a ${payload}`),
    );
  });

  it('says which setting to change when a port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(open({ mqttPort: port })).rejects.toMatchObject({
      code: 'PORT_NOT_OPEN',
      message: expect.stringContaining('CANH_MQTT_PORT') as string,
    });
    await expect(open({ wsPort: port })).rejects.toMatchObject({
      code: 'PORT_NOT_OPEN',
      message: expect.stringContaining('CANH_WS_PORT') as string,
    });
    other.close();
  });

  it('lets go of those who never said who they are when it closes', async () => {
    const silent = await raw();
    const closed = closing(silent);
    await door.close();
    await closed;
    door = await open();
  });

  it('outlives records that cannot be asked', async () => {
    const socket = await raw();
    await records.destroy();
    const closed = closing(socket);
    socket.end(connectPacket('somebody'));
    await closed;
    records = await openRecords(join(folder, 'records.sqlite'));
  });
});

/** Also where it ends with an error, which is often what is asked for here. */
function closing(stream: { once(event: 'close', listener: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => stream.once('close', () => resolve()));
}

async function turnsOfTheLoop(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await setImmediate();
}
