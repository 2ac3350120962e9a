import { copyFile, writeFile } from 'node:fs/promises';
import { request, type RequestOptions } from 'node:https';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authority, type Issued } from '../support/authority.js';
import { CanhProcess, temporaryFolder } from '../support/canh-process.js';
import { eventually } from '../support/eventually.js';
import { steadyPort } from '../support/steady-port.js';
import { riverProvince } from './river-province.js';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly serial: string;
}

/** All of Canh in one process, with a certificate: what people and devices reach is encrypted. */
describe('a Canh that speaks TLS', () => {
  let servers: Authority;
  let devices: Authority;
  let canh: CanhProcess;
  let token = '';
  let mqttsPort = 0;
  const at = (name: string): string => join(canh.dataDir, name);

  const put = async (folder: string, { certFile, keyFile }: Issued): Promise<void> => {
    await copyFile(certFile, join(folder, 'cert.pem'));
    await copyFile(keyFile, join(folder, 'key.pem'));
  };
  const ask = async (path: string, options: RequestOptions = {}, body = ''): Promise<Answer> => {
    const ca = await servers.cert();
    return new Promise((resolve, reject) => {
      const asked = request(`${canh.consoleUrl}${path}`, { ca, agent: false, ...options }, (response) => {
        const chunks: Buffer[] = [];
        const { serialNumber: serial } = (response.socket as TLSSocket).getPeerX509Certificate()!;
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const { statusCode: status = 0, headers } = response;
          resolve({ status, headers, body: Buffer.concat(chunks).toString(), serial });
        });
      });
      asked.on('error', reject);
      asked.end(body);
    });
  };

  beforeAll(async () => {
    const dataDir = await temporaryFolder();
    [token = ''] = (await riverProvince(dataDir, ['thach-han'])).map((device) => device.token);
    servers = await Authority.make('Tỉnh');
    devices = await Authority.make('Chi cục Thủy lợi');
    await put(dataDir, await servers.issueServer());
    await writeFile(join(dataDir, 'crl.pem'), await devices.revocationList());
    mqttsPort = await steadyPort();
    canh = await CanhProcess.start({
      env: {
        CANH_DATA_DIR: dataDir,
        CANH_LOG_LEVEL: 'error',
        CANH_MQTTS_PORT: String(mqttsPort),
        CANH_TLS_CERT_FILE: join(dataDir, 'cert.pem'),
        CANH_TLS_KEY_FILE: join(dataDir, 'key.pem'),
        CANH_TLS_CLIENT_CA_FILE: devices.certFile,
        CANH_TLS_CRL_FILE: join(dataDir, 'crl.pem'),
      },
    });
  }, 120_000);
  afterAll(async () => {
    await canh?.remove();
    await servers.remove();
    await devices.remove();
  });

  it('serves page, API and device door over HTTPS, and tells browsers to come no other way', async () => {
    expect(canh.consoleUrl).toMatch(/^https:/);
    expect(canh.wsUrl).toMatch(/^wss:/);
    const live = await ask('/health/live');
    expect(live.status).toBe(200);
    expect(live.headers['strict-transport-security']).toMatch(/^max-age=\d{8}$/);
    await expect(fetch(canh.consoleUrl.replace('https:', 'http:'))).rejects.toThrow(/fetch failed/);

    const json = { 'content-type': 'application/json' };
    const telemetry = `/api/v1/${token}/telemetry`;
    expect((await ask(telemetry, { method: 'POST', headers: json }, '{"level_m":2.5}')).status).toBe(200);

    const login = JSON.stringify({ login: 'admin', password: 'mat-khau-thu-nghiem' });
    const headers = { ...json, 'x-canh': 'console', origin: canh.consoleUrl };
    const signedIn = await ask('/api/session', { method: 'POST', headers }, login);
    expect([signedIn.status, String(signedIn.headers['set-cookie'])]).toEqual([200, expect.stringMatching(/; Secure/)]);
    const cookie = String(signedIn.headers['set-cookie']).split(';', 1)[0] ?? '';
    await eventually(async () =>
      expect((await ask('/api/stations', { headers: { cookie } })).body).toContain('"value":2.5'),
    );
  });

  it('takes a device in by its certificate, and hangs up within seconds once that is revoked', async () => {
    const issued = await devices.issueClient('thach-han');
    const ca = await servers.cert();
    const { cert, key } = issued;
    const url = `mqtts://127.0.0.1:${mqttsPort}`;
    const client = await connectAsync(url, { ca, cert, key, reconnectPeriod: 0 }, false);
    client.on('error', () => undefined);
    await client.publishAsync('v1/devices/me/telemetry', '{"level_m":2.6}', { qos: 1 });
    const hungUp = new Promise<void>((resolve) => client.once('close', resolve));
    await devices.revoke(issued);
    await writeFile(at('crl.pem'), await devices.revocationList());
    await hungUp;
    await expect(connectAsync(url, { ca, cert, key, reconnectPeriod: 0 }, false)).rejects.toMatchObject({ code: 4 });
  });

  it('goes on with its certificate when the new one is broken, says so, and takes the next', async () => {
    const before = await ask('/health/ready');
    await writeFile(at('cert.pem'), 'no certificate');
    await eventually(async () => {
      const { status, serial, body } = await ask('/health/ready');
      expect([status, serial]).toEqual([200, before.serial]);
      expect(JSON.parse(body)).toMatchObject({
        parts: { tls: { ready: true, warnings: [expect.stringMatching(/CANH_TLS_CERT_FILE.*stays in use/)] } },
      });
    });
    await put(canh.dataDir, await servers.issueServer());
    await eventually(async () => {
      const { serial, body } = await ask('/health/ready');
      expect(serial).not.toBe(before.serial);
      expect(JSON.parse(body)).toMatchObject({ parts: { tls: { warnings: [] } } });
    });
  });
});
