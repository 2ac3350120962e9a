import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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
import { Tls } from '@canh/runtime/tls/tls';
import { Intake } from '../../apps/broker/src/intake/intake.js';
import { MqttDoor } from '../../apps/broker/src/mqtt/mqtt-door.js';
import { Authority, type Issued } from '../support/authority.js';
import { doorSettings } from './door-settings.js';
import { connectPacket } from './raw-device.js';

const run = promisify(execFile);
const TELEMETRY = 'v1/devices/me/telemetry';
const text = { vi: 'x', en: 'x' };
const log = openLog('broker', { logLevel: 'silent' });

describe('the MQTT door over TLS', () => {
  let servers: Authority;
  let water: Authority;
  let environment: Authority;
  let server: Issued;
  let folder: string;
  let records: RecordsDatabase;
  let journal: FileJournalWriter;
  let tls: Tls;
  let door: MqttDoor;
  let desk: SqlCredentialDesk;
  let refusals: Refusal[];
  const clients: MqttClient[] = [];

  const file = (name: string): string => join(folder, name);
  const revoked = async (): Promise<void> => writeFile(file('crl.pem'), await water.revocationList());
  const open = async (plain: 'loopback' | 'everywhere' | 'off' = 'loopback'): Promise<void> => {
    const intake = new Intake(journal, systemClock, log, (refusal) => refusals.push(refusal));
    const credentials = new SqlCredentials(records, await loadServerKey(folder), systemClock);
    door = await MqttDoor.open(intake, credentials, doorSettings(), log, null, { tls, mqttsPort: 0, plain });
    tls.onChange(() => void door.dropRevoked());
  };
  const connect = async (options: IClientOptions, url = `mqtts://127.0.0.1:${door.mqttsPort}`): Promise<MqttClient> => {
    const client = await connectAsync(url, { reconnectPeriod: 0, ca: await servers.cert(), ...options }, false);
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  };
  const journaled = async (): Promise<string[]> => {
    const reader = new FileJournalReader(file('journal'));
    const { entries } = await reader.read(START, 2 ** 20);
    await reader.close();
    return entries.flatMap(({ message }) =>
      message.kind === 'refused' ? [] : [`${message.deviceId} ${Buffer.from(message.payload).toString()}`],
    );
  };
  const closing = (client: MqttClient): Promise<void> => new Promise((resolve) => client.once('close', resolve));

  beforeAll(async () => {
    servers = await Authority.make('Tỉnh');
    water = await Authority.make('Chi cục Thủy lợi');
    environment = await Authority.make('Sở Tài nguyên');
    server = await servers.issueServer();
  });
  afterAll(async () => {
    for (const authority of [servers, water, environment]) await authority.remove();
  });
  beforeEach(async () => {
    refusals = [];
    folder = await mkdtemp(join(tmpdir(), 'canh-tls-door-'));
    records = await openRecords(file('records.sqlite'));
    const inventory = new SqlInventoryDesk(records);
    await inventory.putArea({ id: 'x', names: text, parentId: null, validFrom: null, validTo: null });
    for (const unit of ['thuy-loi', 'tai-nguyen'])
      await inventory.putStation({
        id: unit,
        names: text,
        areaId: 'x',
        ownerUnit: unit,
        position: { latitude: 16, longitude: 107 },
        profileId: 'gauge',
        limits: [],
      });
    for (const [id, stationId] of [
      ['gauge-1', 'thuy-loi'],
      ['gauge-2', 'thuy-loi'],
      ['air-1', 'tai-nguyen'],
    ] as const)
      await inventory.putDevice({ id, name: id, stationId, profileId: 'gauge', gatewayId: null });
    desk = new SqlCredentialDesk(records, await loadServerKey(folder));
    journal = await FileJournalWriter.open(file('journal'));
    await copyFile(server.certFile, file('cert.pem'));
    await copyFile(server.keyFile, file('key.pem'));
    await writeFile(file('ca.pem'), `${await water.cert()}${await environment.cert()}`);
    await revoked();
    const files = {
      tlsCertFile: file('cert.pem'),
      tlsKeyFile: file('key.pem'),
      tlsClientCaFile: file('ca.pem'),
      tlsCrlFile: file('crl.pem'),
      tlsClientCaUnits: 'Chi cục Thủy lợi=thuy-loi',
    };
    tls = (await Tls.open(files, systemClock, log, 20))!;
    await open();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true);
    tls.close();
    await door.close();
    await journal.close();
    await records.destroy();
    await rm(folder, { recursive: true, force: true });
  });

  it('takes readings over MQTT and WebSocket by a token', async () => {
    const username = await desk.issue('gauge-1');
    for (const url of [undefined, `wss://localhost:${door.wsPort}/mqtt`]) {
      const client = await connect({ username }, url);
      await client.publishAsync(TELEMETRY, '{"level_m":3.4}', { qos: 1 });
    }
    expect(await journaled()).toEqual(['gauge-1 {"level_m":3.4}', 'gauge-1 {"level_m":3.4}']);
    await expect(connect({ username }, `ws://localhost:${door.wsPort}/mqtt`)).rejects.toThrow(
      /hang up|disconnected|closed|socket/i,
    );
    await expect(connect({ username, ca: [] })).rejects.toThrow(/certificate/);
  });

  it('takes readings from mosquitto_pub', async () => {
    const token = await desk.issue('gauge-1');
    const { cert, key } = await water.issueClient('gauge-2');
    await writeFile(file('client.pem'), cert);
    await writeFile(file('client.key'), key);
    const publish = (...who: string[]): Promise<unknown> =>
      run('mosquitto_pub', [
        ...['-h', 'localhost', '-p', String(door.mqttsPort), '--cafile', servers.certFile],
        ...['-q', '1', '-t', TELEMETRY, '-m', '{"level_m":3.4}', ...who],
      ]);
    await publish('-u', token);
    await publish('--cert', file('client.pem'), '--key', file('client.key'));
    await expect(publish()).rejects.toThrow(/user name|password/i);
    expect(await journaled()).toEqual(['gauge-1 {"level_m":3.4}', 'gauge-2 {"level_m":3.4}']);
  });

  it.each([
    ['its common name', 'gauge-1', undefined],
    ['a DNS name beside it', 'anything', 'DNS:gauge-1,DNS:elsewhere.example'],
    ['a URI beside it', 'anything', 'URI:urn:canh:device:gauge-1'],
  ])('knows a device by %s in its client certificate, over MQTT and WebSocket', async (_, name, alternatives) => {
    const { cert, key } = await water.issueClient(name, alternatives === undefined ? {} : { alternatives });
    for (const url of [undefined, `wss://localhost:${door.wsPort}/mqtt`]) {
      const client = await connect({ cert, key }, url);
      await client.publishAsync(TELEMETRY, '{"level_m":1}', { qos: 1 });
    }
    expect(await journaled()).toEqual(['gauge-1 {"level_m":1}', 'gauge-1 {"level_m":1}']);
  });

  it('lets a device that shows a worthless certificate in by its token, and nobody by that certificate', async () => {
    const stranger = await servers.issueClient('gauge-1');
    const { cert, key } = stranger;
    await expect(connect({ cert, key })).rejects.toMatchObject({ code: 4 });
    expect(refusals.at(-1)).toMatchObject({
      reason: 'unknown-credential',
      detail: expect.stringMatching(/CN=gauge-1/),
    });
    expect((await connect({ cert, key, username: await desk.issue('gauge-2') })).connected).toBe(true);
  });

  it.each([
    ['names no device', async () => water.issueClient('gauge-9'), /names no device/],
    [
      'names two devices',
      async () => water.issueClient('gauge-1', { alternatives: 'DNS:gauge-2' }),
      /several devices: gauge-1, gauge-2/,
    ],
    [
      'has run out',
      async () => water.issueClient('gauge-1', { from: '20240101000000Z', until: '20250101000000Z' }),
      /CERT_HAS_EXPIRED/,
    ],
    ['is a server’s', async () => water.issueClient('gauge-1', { use: 'serverAuth' }), /INVALID_PURPOSE/],
    ['is of another unit’s authority', async () => water.issueClient('air-1'), /authority for thuy-loi/],
  ])('lets nobody in by a certificate that %s', async (_, issue, detail) => {
    const { cert, key } = await issue();
    await expect(connect({ cert, key })).rejects.toMatchObject({ code: 4 });
    expect(refusals.at(-1)?.detail).toMatch(detail);
  });

  it('lets an authority that is bound to no unit speak for all', async () => {
    for (const name of ['gauge-1', 'air-1']) {
      const { cert, key } = await environment.issueClient(name);
      expect((await connect({ cert, key })).connected).toBe(true);
    }
  });

  it('hangs up on a certificate that is put on the list, and lets it in no more', async () => {
    const lost = await water.issueClient('gauge-1');
    const kept = await water.issueClient('gauge-2');
    const client = await connect(lost);
    const other = await connect(kept);
    const hungUp = closing(client);
    await water.revoke(lost);
    await revoked();
    await hungUp;
    await expect(connect(lost)).rejects.toMatchObject({ code: 4 });
    expect(refusals.at(-1)?.detail).toMatch(/was revoked/);
    expect(other.connected).toBe(true);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('knows a device that resumes its session of %s', async (maxVersion) => {
    const { cert, key } = await water.issueClient('gauge-1');
    const ca = await servers.cert();
    const reach = async (session?: Buffer): Promise<{ resumed: boolean; session: Buffer; answer: string }> => {
      const socket = connectTls({ host: '127.0.0.1', port: door.mqttsPort, ca, cert, key, maxVersion, session });
      let next = session ?? Buffer.alloc(0);
      socket.on('session', (bytes: Buffer) => (next = bytes));
      await once(socket, 'secureConnect');
      socket.write(connectPacket(''));
      const answer = ((await once(socket, 'data')) as [Buffer])[0].toString('hex');
      const resumed = socket.isSessionReused();
      socket.destroy();
      return { resumed, session: next, answer };
    };
    const accepted = '20020000';
    const first = await reach();
    expect(first).toMatchObject({ resumed: false, answer: accepted });
    expect(await reach(first.session)).toMatchObject({ resumed: true, answer: accepted });
    await desk.revoke('gauge-1', Date.now());
    expect(await reach(first.session)).toMatchObject({ resumed: true, answer: '20020004' });
  });

  it('hangs up on who came by an authority that counts no more', async () => {
    const { cert, key } = await environment.issueClient('gauge-1');
    const client = await connect({ cert, key });
    const hungUp = closing(client);
    await writeFile(file('ca.pem'), await water.cert());
    await hungUp;
    await expect(connect({ cert, key })).rejects.toMatchObject({ code: 4 });
  });

  it('hangs up on a device that is revoked, refuses its certificate, and takes a newer one', async () => {
    const old = await water.issueClient('gauge-1', { from: '20260101000000Z' });
    const client = await connect(old);
    const hungUp = closing(client);
    await desk.revoke('gauge-1', Date.now() - 60_000);
    await door.dropRevoked();
    await hungUp;
    await expect(connect(old)).rejects.toMatchObject({ code: 4 });
    expect((await connect(await water.issueClient('gauge-1'))).connected).toBe(true);
  });

  it('speaks MQTT in the open on this machine, or not at all, as it is told', async () => {
    const username = await desk.issue('gauge-1');
    const inTheOpen = `mqtt://127.0.0.1:${door.mqttPort}`;
    expect((await connect({ username }, inTheOpen)).connected).toBe(true);
    await door.close();
    await open('off');
    expect(door.mqttPort).toBe(0);
    await expect(connect({ username }, inTheOpen)).rejects.toThrow(/ECONNREFUSED/);
    expect((await connect({ username })).connected).toBe(true);
  });
});
