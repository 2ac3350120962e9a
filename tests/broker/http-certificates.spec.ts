import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
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
import { createHttpAdapter } from '@canh/runtime/http';
import { openLog } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import { Tls } from '@canh/runtime/tls/tls';
import { openHttpDoor } from '../../apps/broker/src/http/http-door.js';
import { Intake } from '../../apps/broker/src/intake/intake.js';
import { DeviceCertificates } from '../../apps/broker/src/logins/device-certificates.js';
import { Authority, type Issued } from '../support/authority.js';

const text = { vi: 'x', en: 'x' };
const log = openLog('broker', { logLevel: 'silent' });
const READING = '{"level_m":3.4}';

describe('the HTTP door over TLS, for devices with client certificates', () => {
  let water: Authority;
  let environment: Authority;
  let server: Issued;
  let folder: string;
  let records: RecordsDatabase;
  let journal: FileJournalWriter;
  let intake: Intake;
  let tls: Tls;
  let desk: SqlCredentialDesk;
  let http: FastifyInstance;
  let refusals: Refusal[];
  const agents: Agent[] = [];

  const file = (name: string): string => join(folder, name);
  /** One connection that is kept, as a device keeps it. */
  const connection = (shown: Partial<Issued> = {}): Agent => {
    const { cert, key } = shown;
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: rootOfServer, ...(cert ? { cert, key } : {}) });
    agents.push(agent);
    return agent;
  };
  let rootOfServer: string;
  const post = (agent: Agent, path: string): Promise<{ status: number; answer: unknown; reused: boolean }> =>
    new Promise((resolve, reject) => {
      const { port } = http.server.address() as AddressInfo;
      const headers = { 'content-type': 'application/json', 'content-length': READING.length };
      const asked = request({ host: 'localhost', port, path, method: 'POST', agent, headers }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (more) => (body += more));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, answer: JSON.parse(body), reused: asked.reusedSocket }),
        );
      });
      asked.on('error', reject).end(READING);
    });
  const journaled = async (): Promise<string[]> => {
    const reader = new FileJournalReader(file('journal'));
    const { entries } = await reader.read(START, 2 ** 20);
    await reader.close();
    return entries.flatMap(({ message }) =>
      message.kind === 'refused'
        ? []
        : [`${message.kind} ${message.deviceId} ${Buffer.from(message.payload).toString()}`],
    );
  };

  beforeAll(async () => {
    water = await Authority.make('Chi cục Thủy lợi');
    environment = await Authority.make('Sở Tài nguyên');
    server = await water.issueServer();
    rootOfServer = await water.cert();
  });
  afterAll(async () => {
    for (const authority of [water, environment]) await authority.remove();
  });
  beforeEach(async () => {
    refusals = [];
    folder = await mkdtemp(join(tmpdir(), 'canh-http-certificates-'));
    records = await openRecords(file('records.sqlite'));
    const inventory = new SqlInventoryDesk(records);
    await inventory.putArea({ id: 'x', names: text, parentId: null, validFrom: null, validTo: null });
    for (const [unit, id] of [
      ['thuy-loi', 'gauge-1'],
      ['tai-nguyen', 'air-1'],
    ] as const) {
      const position = { latitude: 16, longitude: 107 };
      const station = { id: unit, names: text, areaId: 'x', ownerUnit: unit, position, profileId: 'gauge', limits: [] };
      await inventory.putStation(station);
      await inventory.putDevice({ id, name: id, stationId: unit, profileId: 'gauge', gatewayId: null });
    }
    const key = await loadServerKey(folder);
    desk = new SqlCredentialDesk(records, key);
    journal = await FileJournalWriter.open(file('journal'));
    intake = new Intake(journal, systemClock, log, (refusal) => refusals.push(refusal));
    await copyFile(server.certFile, file('cert.pem'));
    await copyFile(server.keyFile, file('key.pem'));
    await writeFile(file('ca.pem'), `${await water.cert()}${await environment.cert()}`);
    await writeFile(file('crl.pem'), await water.revocationList());
    const files = {
      tlsCertFile: file('cert.pem'),
      tlsKeyFile: file('key.pem'),
      tlsClientCaFile: file('ca.pem'),
      tlsCrlFile: file('crl.pem'),
      tlsClientCaUnits: 'Chi cục Thủy lợi=thuy-loi',
    };
    tls = (await Tls.open(files, systemClock, log, 20))!;
    const credentials = new SqlCredentials(records, key, systemClock);
    http = createHttpAdapter(tls, true).getInstance<FastifyInstance>();
    openHttpDoor(http, {
      intake,
      credentials,
      certificates: new DeviceCertificates(tls, credentials, systemClock),
      messageMaxBytes: 1_024,
      clock: systemClock,
      toldBusy: () => undefined,
    });
    await http.listen({ port: 0, host: '127.0.0.1' });
  });
  afterEach(async () => {
    for (const agent of agents.splice(0)) agent.destroy();
    await http.close();
    tls.close();
    await intake.close();
    await journal.close();
    await records.destroy();
    await rm(folder, { recursive: true, force: true });
  });

  it('knows a device by its certificate, and another one on the same door by its token', async () => {
    const device = connection(await water.issueClient('gauge-1'));
    expect(await post(device, '/api/v1/me/telemetry')).toMatchObject({ status: 200, answer: { received: true } });
    expect(await post(device, '/api/v1/me/attributes')).toMatchObject({ status: 200, reused: true });
    const token = await desk.issue('air-1');
    for (const agent of [connection(), device])
      expect(await post(agent, `/api/v1/${token}/telemetry`)).toMatchObject({ status: 200 });
    expect(await journaled()).toEqual([
      `telemetry gauge-1 ${READING}`,
      `attributes gauge-1 ${READING}`,
      `telemetry air-1 ${READING}`,
      `telemetry air-1 ${READING}`,
    ]);
  });

  it('takes nothing from who shows none, one that counts for nothing, or one for a device of another unit', async () => {
    const nobodys = await Authority.make('Chi cục Thủy lợi');
    for (const [shown, why] of [
      [{}, /no client certificate was shown/],
      [await water.issueClient('gauge-9'), /names no device that is here/],
      [await water.issueClient('air-1'), /is of an authority for thuy-loi/],
      [await nobodys.issueClient('gauge-1'), /was not accepted/],
      [await water.issueClient('gauge-1', { from: '20250101000000Z', until: '20250102000000Z' }), /was not accepted/],
    ] as const) {
      const answer = {
        code: 'unknown-credential',
        message: expect.stringMatching(/no client certificate of a device/),
      };
      expect(await post(connection(shown), '/api/v1/me/telemetry')).toMatchObject({ status: 401, answer });
      expect(refusals.at(-1)).toMatchObject({ door: 'http', detail: expect.stringMatching(why) });
    }
    await nobodys.remove();
    expect(await journaled()).toEqual([]);
  });

  it('takes nothing more from a certificate that was revoked, nor of a device that was, on a connection that is there', async () => {
    const issued = await environment.issueClient('air-1');
    const revoked = await water.issueClient('gauge-1');
    const [first, second] = [connection(revoked), connection(issued)];
    for (const agent of [first, second]) expect((await post(agent, '/api/v1/me/telemetry')).status).toBe(200);
    await water.revoke(revoked);
    const changed = new Promise<void>((resolve) => tls.onChange(resolve));
    await writeFile(file('crl.pem'), await water.revocationList());
    await changed;
    await desk.revoke('air-1', systemClock.now());
    for (const agent of [first, second])
      expect(await post(agent, '/api/v1/me/telemetry')).toMatchObject({ status: 401, reused: true });
    expect(await journaled()).toHaveLength(2);
  });
});
