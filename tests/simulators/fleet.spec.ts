import { join } from 'node:path';
import { firstValueFrom, filter } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { MINUTE_MS } from '@canh/core/time/instant';
import { Fleet, TELEMETRY_TOPIC, type FleetDevice } from '@canh/simulators/fleet';
import { play } from '@canh/simulators/play';
import { sampleProvince } from '@canh/simulators/province/quang-tri';
import { parseMetricMapping } from '@canh/simulators/recorded/metric-mapping';
import { replay } from '@canh/simulators/replay';
import { jam } from '@canh/simulators/stories/jam';
import { steadyPort } from '../support/steady-port.js';
import { MqttServer } from './mqtt-server.js';

const devicesNamed = (...names: string[]): FleetDevice[] =>
  names.map((deviceId) => ({ deviceId, token: `token-${deviceId}` }));
const tokensOf = (devices: readonly FleetDevice[]): Set<string> => new Set(devices.map(({ token }) => token));

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

async function started(devices: readonly FleetDevice[], options: Partial<Parameters<typeof Fleet.start>[0]> = {}) {
  const server = await MqttServer.start(tokensOf(devices));
  open.push(server);
  const fleet = await Fleet.start({ url: server.url, devices, ...options });
  open.push({ close: () => fleet.stop() });
  return { server, fleet };
}

describe('a fleet', () => {
  it('publishes as each device, with its token, and hears of every acknowledgement', async () => {
    const devices = devicesNamed('a', 'b', 'c');
    const { server, fleet } = await started(devices);
    await Promise.all(
      devices.map(({ deviceId }, index) =>
        fleet.publish(deviceId, { ts: 1_700_000_000_000 + index, values: { level_m: index } }),
      ),
    );
    expect(
      server.received
        .map(({ clientId, topic, payload }) => [clientId, topic, JSON.parse(payload) as unknown])
        .toSorted(([a], [b]) => String(a).localeCompare(String(b))),
    ).toEqual(
      devices.map(({ deviceId }, index) => [
        deviceId,
        TELEMETRY_TOPIC,
        { ts: 1_700_000_000_000 + index, values: { level_m: index } },
      ]),
    );
    expect(fleet.counts()).toEqual({
      devices: 3,
      connected: 3,
      accepted: 3,
      sent: 3,
      resent: 0,
      acknowledged: 3,
      failed: 0,
      waiting: 0,
    });
  });

  it('sends bytes and text as they are, and to other topics', async () => {
    const { server, fleet } = await started(devicesNamed('a'));
    await fleet.publish('a', 'not json');
    await fleet.publish('a', new Uint8Array([123, 125]));
    await fleet.publish('a', { firmware: '1.2' }, 'v1/devices/me/attributes');
    expect(server.received.map(({ topic, payload }) => [topic, payload])).toEqual([
      [TELEMETRY_TOPIC, 'not json'],
      [TELEMETRY_TOPIC, '{}'],
      ['v1/devices/me/attributes', '{"firmware":"1.2"}'],
    ]);
  });

  it('works over WebSocket as well', async () => {
    const devices = devicesNamed('a');
    const server = await MqttServer.start(tokensOf(devices));
    open.push(server);
    const fleet = await Fleet.start({ url: server.webSocketUrl, devices });
    open.push({ close: () => fleet.stop() });
    await fleet.publish('a', { level_m: 3.4 });
    expect(server.received).toHaveLength(1);
  });

  it('connects a whole province, no more at once than allowed', async () => {
    const devices = devicesNamed(...Array.from({ length: 120 }, (_, index) => `d${index}`));
    const { server, fleet } = await started(devices, { connectingAtOnce: 10 });
    expect(fleet.counts().connected).toBe(120);
    expect(server.connectingAtMost).toBeLessThanOrEqual(10);
    expect(server.connectingAtMost).toBeGreaterThan(1);
  });

  it('has no more on the way for a device than allowed, and keeps the order', async () => {
    const devices = devicesNamed('a');
    const server = await MqttServer.start(tokensOf(devices));
    open.push(server);
    server.verdict = () => 'say-nothing';
    const fleet = await Fleet.start({ url: server.url, devices, inFlightPerDevice: 4 });
    open.push({ close: () => fleet.stop() });
    const all = Array.from({ length: 50 }, (_, index) => fleet.publish('a', { n: index }));
    await firstValueFrom(fleet.progress.pipe(filter(({ sent }) => sent === 4)));
    expect(fleet.counts()).toMatchObject({ accepted: 50, sent: 4, acknowledged: 0, waiting: 50 });
    // The server was stuck; the device that hears nothing comes back and sends again what has no PUBACK.
    server.verdict = () => 'acknowledge';
    server.received.length = 0;
    server.cutAll();
    await Promise.all(all);
    expect(server.received.map(({ payload }) => (JSON.parse(payload) as { n: number }).n)).toEqual(
      Array.from({ length: 50 }, (_, index) => index),
    );
    expect(fleet.counts()).toMatchObject({ sent: 54, resent: 4, acknowledged: 50, failed: 0, waiting: 0 });
  });

  it('drops a connection that never acknowledges, and sends again over a new one', async () => {
    const devices = devicesNamed('a');
    const server = await MqttServer.start(tokensOf(devices));
    open.push(server);
    let heard = 0;
    server.verdict = () => ((heard += 1) === 1 ? 'say-nothing' : 'acknowledge');
    const fleet = await Fleet.start({ url: server.url, devices, ackWithinMs: 200 });
    open.push({ close: () => fleet.stop() });
    await fleet.publish('a', { level_m: 1 });
    // More often only if the machine is so busy that the second answer is late as well.
    expect(server.received.length).toBeGreaterThanOrEqual(2);
    expect(server.connects.length).toBe(server.received.length);
  });

  it('loses nothing when connections break again and again, and when the server is gone for a while', async () => {
    const devices = devicesNamed('a', 'b', 'c', 'd');
    const port = await steadyPort();
    let server = await MqttServer.start(tokensOf(devices), port);
    let heard = 0;
    server.verdict = () => ((heard += 1) % 37 === 0 ? 'hang-up' : 'acknowledge');
    const fleet = await Fleet.start({ url: server.url, devices });
    open.push({ close: () => fleet.stop() });
    const first = Promise.all(
      devices.flatMap(({ deviceId }) => Array.from({ length: 100 }, (_, n) => fleet.publish(deviceId, { n }))),
    );
    await first;
    const before = new Set(server.received.map(({ clientId, payload }) => clientId + payload));
    expect(before.size).toBe(400);
    expect(fleet.counts().resent).toBeGreaterThan(0);

    await server.close();
    const second = Promise.all(
      devices.flatMap(({ deviceId }) => Array.from({ length: 10 }, (_, n) => fleet.publish(deviceId, { n: 100 + n }))),
    );
    server = await MqttServer.start(tokensOf(devices), port);
    open.push(server);
    await second;
    expect(new Set(server.received.map(({ clientId, payload }) => clientId + payload)).size).toBe(40);
    for (const { deviceId } of devices)
      expect(
        server.received
          .filter(({ clientId }) => clientId === deviceId)
          .map(({ payload }) => (JSON.parse(payload) as { n: number }).n),
      ).toEqual([100, 101, 102, 103, 104, 105, 106, 107, 108, 109]);
  });

  it('says which device the server refused, and leaves nothing open', async () => {
    const devices = devicesNamed('a', 'b');
    const server = await MqttServer.start(new Set(['token-a']));
    open.push(server);
    await expect(Fleet.start({ url: server.url, devices })).rejects.toMatchObject({
      code: 'DEVICE_REFUSED',
      message: expect.stringContaining('device b') as string,
    });
  });

  it('fails the messages of a device whose token is revoked, and no others', async () => {
    const devices = devicesNamed('a', 'b');
    const tokens = tokensOf(devices);
    const server = await MqttServer.start(tokens);
    open.push(server);
    const fleet = await Fleet.start({ url: server.url, devices });
    open.push({ close: () => fleet.stop() });
    tokens.delete('token-a');
    server.cutAll();
    await expect(fleet.publish('a', { level_m: 1 })).rejects.toMatchObject({ code: 'DEVICE_REFUSED' });
    await expect(fleet.publish('a', { level_m: 1 })).rejects.toMatchObject({ code: 'DEVICE_REFUSED' });
    await fleet.publish('b', { level_m: 1 });
  });

  it('says that nobody answers, with the address', async () => {
    const url = `mqtt://127.0.0.1:${await steadyPort()}`;
    await expect(Fleet.start({ url, devices: devicesNamed('a'), connectWithinMs: 1_500 })).rejects.toMatchObject({
      code: 'FLEET_CANNOT_CONNECT',
      message: expect.stringMatching(new RegExp(`${url}.*ECONNREFUSED`)) as string,
    });
    await expect(Fleet.start({ url: 'localhost:1883', devices: devicesNamed('a') })).rejects.toMatchObject({
      code: 'BAD_URL',
    });
  });

  it('refuses more than may wait, and fails what waits when it is stopped', async () => {
    const devices = devicesNamed('a');
    const server = await MqttServer.start(tokensOf(devices));
    open.push(server);
    server.verdict = () => 'say-nothing';
    const fleet = await Fleet.start({ url: server.url, devices, inFlightPerDevice: 1, waitingPerDevice: 2 });
    const ends = [1, 2, 3, 4].map((n) =>
      fleet.publish('a', { n }).then(
        () => 'acknowledged',
        (error: { code: string }) => error.code,
      ),
    );
    expect(await ends[3]).toBe('FLEET_QUEUE_FULL');
    await fleet.stop();
    expect(await Promise.all(ends)).toEqual(['FLEET_STOPPED', 'FLEET_STOPPED', 'FLEET_STOPPED', 'FLEET_QUEUE_FULL']);
    await expect(fleet.publish('b', {})).rejects.toMatchObject({ code: 'UNKNOWN_DEVICE' });
  });
});

describe('over a real fleet', () => {
  it('a recording arrives whole although the connection breaks: count and sum are the file’s', async () => {
    const { server, fleet } = await started(devicesNamed('camera'));
    let heard = 0;
    server.verdict = () => ((heard += 1) % 501 === 0 ? 'hang-up' : 'acknowledge');
    const report = await replay({
      file: join(import.meta.dirname, '../data/nab-traffic/occupancy_6005.csv'),
      fleet,
      deviceId: 'camera',
      timezone: 'Asia/Ho_Chi_Minh',
      metrics: [parseMetricMapping('value=occupancy_pct')],
    });
    const arrived = new Map(
      server.received.map(({ payload }) => {
        const { ts, values, seq } = JSON.parse(payload) as {
          ts: number;
          values: { occupancy_pct: number };
          seq?: number;
        };
        return [`${ts}/${seq ?? 0}`, values.occupancy_pct];
      }),
    );
    expect(arrived.size).toBe(2_380);
    expect(report).toMatchObject({ rows: 2_380, sent: 2_380, messages: 2_380 });
    expect([...arrived.values()].reduce((sum, value) => sum + value, 0)).toBeCloseTo(report.sum['occupancy_pct']!, 6);
  });

  it('a story is told by all devices of the province, until it is interrupted', async () => {
    const { devices } = sampleProvince();
    const { server, fleet } = await started(devicesNamed(...devices.map(({ id }) => id)));
    const stop = new AbortController();
    let live = 0;
    const report = await play({
      story: jam,
      seed: 1,
      fleet,
      devices,
      speed: 600,
      lagMs: 60 * MINUTE_MS,
      historyMs: 30 * MINUTE_MS,
      signal: stop.signal,
      onProgress: ({ part }) => {
        if (part === 'live' && (live += 1) === 100) stop.abort();
      },
    });
    expect(report).toMatchObject({ failed: 0, ended: false });
    const readings = server.received.flatMap(({ payload }) => JSON.parse(payload) as { ts: number } | { ts: number }[]);
    expect(readings).toHaveLength(report.acknowledged);
    expect(new Set(server.received.map(({ clientId }) => clientId)).size).toBe(24);
    for (const { ts } of readings) expect(ts).toBeLessThanOrEqual(Date.now());
  });
});
