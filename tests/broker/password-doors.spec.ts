import { connect as connectTo, type Socket } from 'node:net';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOUR_MS } from '@canh/core/time/instant';
import { eventually } from '../support/eventually.js';
import { DoorOnDisk } from './door-on-disk.js';
import { field, packet } from './raw-device.js';

const WRONG = { code: 4 };
const COME_AGAIN = { code: 3 };
const CHOSEN = 'mực nước lên';

describe('the MQTT door, for devices with passwords and tokens that end', () => {
  let door: DoorOnDisk;
  let desk: DoorOnDisk['desk'];
  let now: number;
  const clients: MqttClient[] = [];

  const connect = async (username: string, password?: string | Buffer): Promise<MqttClient> => {
    const who = { username, ...(password === undefined ? {} : { password }) };
    const client = await connectAsync(`mqtt://127.0.0.1:${door.port}`, { ...who, reconnectPeriod: 0 }, false);
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  };
  const closing = (client: MqttClient): Promise<void> => new Promise((resolve) => client.once('close', resolve));

  beforeEach(async () => {
    now = Date.now();
    door = await DoorOnDisk.open({ devices: ['gauge-1', 'gauge-2', 'gauge-3'], clock: { now: () => now } });
    ({ desk } = door);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true);
    await door.close();
  });

  it('takes a device in by its id and its password, made by Canh or chosen, and by its token beside them', async () => {
    const made = await desk.issuePassword('gauge-1');
    await desk.setPassword('gauge-2', CHOSEN);
    const token = await desk.issue('gauge-2');
    for (const [username, password] of [
      ['gauge-1', made],
      ['gauge-2', CHOSEN],
      ['gauge-2', CHOSEN],
      [token, undefined],
      [token, 'whatever old firmware says'],
    ] as const) {
      const client = await connect(username, password);
      await client.publishAsync('v1/devices/me/telemetry', '{"level_m":1}', { qos: 1 });
    }
    expect(door.journal.appended).toBe(5);
  });

  it.each([
    ['no password', 'gauge-1', undefined],
    ['an empty one', 'gauge-1', ''],
    ['that of another device', 'gauge-3', CHOSEN],
    ['a wrong one', 'gauge-1', `${CHOSEN}!`],
    ['a device that has none', 'gauge-2', CHOSEN],
    ['a device that is not there', 'nobody', CHOSEN],
    ['bytes that are no text', 'gauge-1', Buffer.from([0xff, 0xfe])],
  ])('turns away %s', async (_, username, password) => {
    await desk.setPassword('gauge-1', CHOSEN);
    await desk.issuePassword('gauge-3');
    await expect(connect(username, password)).rejects.toMatchObject(WRONG);
    expect(door.refusals).toMatchObject([{ reason: 'unknown-credential' }]);
  });

  it('hangs up when the password is changed, and when the device is revoked', async () => {
    await desk.setPassword('gauge-1', CHOSEN);
    const first = await connect('gauge-1', CHOSEN);
    const hungUp = closing(first);
    await desk.setPassword('gauge-1', CHOSEN.toUpperCase());
    await door.door.dropRevoked();
    await hungUp;
    const second = await connect('gauge-1', CHOSEN.toUpperCase());
    const over = closing(second);
    await desk.revoke('gauge-1', now);
    await door.door.dropRevoked();
    await over;
    await expect(connect('gauge-1', CHOSEN.toUpperCase())).rejects.toMatchObject(WRONG);
  });

  it('lets a device go on by its old token while it may, and hangs up when that is over', async () => {
    const old = await desk.issue('gauge-1');
    const client = await connect(old);
    const token = await desk.issue('gauge-1', now + HOUR_MS);
    await door.door.dropRevoked();
    const late = await connect(old);
    const renewed = await connect(token);
    now += HOUR_MS - 1;
    await door.door.dropEnded(now);
    await client.publishAsync('v1/devices/me/telemetry', '{"level_m":1}', { qos: 1 });
    expect([client, late, renewed].map(({ connected }) => connected)).toEqual([true, true, true]);
    const over = [closing(client), closing(late)];
    now += 1;
    await door.door.dropEnded(now);
    await Promise.all(over);
    expect(renewed.connected).toBe(true);
    await expect(connect(old)).rejects.toMatchObject(WRONG);
  });

  it('slows down who guesses the password of a device, and nobody whose password it knows', async () => {
    await desk.setPassword('gauge-1', CHOSEN);
    await desk.setPassword('gauge-2', CHOSEN);
    await connect('gauge-1', CHOSEN);
    for (let n = 0; n < 10; n += 1) await expect(connect('gauge-1', `guess ${n}`)).rejects.toMatchObject(WRONG);
    await expect(connect('gauge-1', 'guess 11')).rejects.toMatchObject(COME_AGAIN);
    expect(door.refusals.at(-1)?.detail).toMatch(/too many wrong passwords/);
    expect((await connect('gauge-1', CHOSEN)).connected).toBe(true);
    // Behind the same address, and its password not yet known here.
    expect((await connect('gauge-2', CHOSEN)).connected).toBe(true);
  });

  it('guesses no faster for many at once: of a hundred tries at a moment, a dozen are looked at', async () => {
    await desk.setPassword('gauge-1', CHOSEN);
    const tries = Array.from({ length: 100 }, (_, n) => connect('gauge-1', `guess ${n}`).catch((error) => error.code));
    const codes = await Promise.all(tries);
    expect(codes.filter((code) => code === WRONG.code).length).toBeLessThanOrEqual(12);
    expect(codes.filter((code) => code === COME_AGAIN.code).length).toBeGreaterThanOrEqual(88);
  });

  it('lets go of who still waits when it closes, and says nothing of them afterwards', async () => {
    for (const id of ['gauge-1', 'gauge-2', 'gauge-3']) await desk.setPassword(id, CHOSEN);
    const waiting = Array.from({ length: 60 }, (_, n) =>
      connect(`gauge-${(n % 3) + 1}`, `${CHOSEN} ${n}`).catch(() => null),
    );
    await eventually(() => expect(door.refusals.length).toBeGreaterThan(0));
    await door.stop();
    const told = door.refusals.length;
    await Promise.all(waiting);
    // Behind all that waited.
    await door.credentials.verify('gauge-1', CHOSEN);
    expect(door.refusals.length).toBe(told);
    await door.start();
  });

  it('gives away the place of who hangs up while their password waits to be looked at, and looks at none of them', async () => {
    const places = 100;
    let looks = 0;
    const { credentials } = door;
    const verify = credentials.verify.bind(credentials);
    credentials.verify = (deviceId, password) => {
      looks += 1;
      return verify(deviceId, password);
    };
    await door.stop();
    await door.start({ mqttConnections: places });
    const sockets: Socket[] = [];
    for (let n = 0; n < places; n += 1) {
      const socket = connectTo(door.port, '127.0.0.1').on('error', () => undefined);
      const flags = Buffer.from([4, 0xc2, 0, 60]);
      const fields = [field('MQTT'), flags, field(''), field(`nobody-${n}`), field(CHOSEN)];
      socket.write(packet(0x10, Buffer.concat(fields)));
      sockets.push(socket);
    }
    await eventually(() => expect(looks).toBeGreaterThan(0));
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.end(resolve))));
    const token = await desk.issue('gauge-1');
    for (let n = 0; n < places; n += 1) await eventually(() => connect(token));
    await eventually(() => expect(door.connections).toBe(places));
    expect(looks).toBeLessThan(places / 2);
  });

  it('lets hundreds back in at once from one address, also right after a start', async () => {
    const passwords: (readonly [string, string])[] = [];
    for (let n = 0; n < 300; n += 1) {
      const id = `camera-${n}`;
      await door.inventory.putDevice({ id, name: id, stationId: 's', profileId: 'gauge', gatewayId: null });
      if (n % 10 === 0) await desk.setPassword(id, `${CHOSEN} ${n}`);
      passwords.push([id, n % 10 === 0 ? `${CHOSEN} ${n}` : await desk.issuePassword(id)]);
    }
    await door.stop();
    await door.start();
    const back = await Promise.all(passwords.map(([id, password]) => connect(id, password)));
    expect(back.every(({ connected }) => connected)).toBe(true);
    expect(door.refusals).toEqual([]);
  });
});
