import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AlertView, StationView } from '@canh/contract/views.dto';
import { type Api, canhDone, CanhProcess, temporaryFolder } from '../support/canh-process.js';
import { eventually } from '../support/eventually.js';
import { SmtpInbox } from '../support/smtp-inbox.js';

/** An InfluxDB that knows this token, or does not any more. */
async function startInflux(): Promise<{ server: Server; url: string; known: boolean }> {
  const influx = { server: createServer(), url: '', known: true };
  influx.server.on('request', (request, response) => {
    request.resume();
    if (!influx.known) response.writeHead(401).end('{"code":"unauthorized","message":"unauthorized access"}');
    else if (request.url?.startsWith('/query') === true) response.end('{"results":[{}]}');
    else response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => influx.server.listen(0, '127.0.0.1', resolve));
  influx.url = `http://127.0.0.1:${(influx.server.address() as AddressInfo).port}`;
  return influx;
}

describe('Canh as one of its own devices', () => {
  let influx: Awaited<ReturnType<typeof startInflux>>;
  let inbox: SmtpInbox;
  let canh: CanhProcess;
  let api: Api;

  beforeAll(async () => {
    influx = await startInflux();
    inbox = await SmtpInbox.start();
    const dataDir = await temporaryFolder();
    const settings = { CANH_DATA_DIR: dataDir };
    await canhDone(
      ['contact', 'add', '--id', 'truc-ban', '--name', 'Trực ban', '--address', 'truc-ban@example.vn', '--confirmed'],
      settings,
    );
    canh = await CanhProcess.start({
      env: {
        ...settings,
        CANH_SELF_REPORT_SECONDS: '1',
        CANH_INFLUX_URL: influx.url,
        CANH_INFLUX_VERSION: '1',
        CANH_SMTP_URL: inbox.url,
        CANH_MAIL_FROM: 'canh@example.vn',
        CANH_LOG_LEVEL: 'silent',
      },
    });
    api = await canh.signIn();
  }, 120_000);
  afterAll(async () => {
    await canh?.remove();
    await inbox?.close();
    influx?.server.close();
  });

  const alerts = async (): Promise<[rule: string, state: string][]> =>
    (await api.get<AlertView[]>('/api/alerts?which=all')).map(({ ruleId, state }) => [ruleId, state]);

  it('reports how it is', async () => {
    await eventually(async () => {
      const self = (await api.get<StationView[]>('/api/stations')).find(({ id }) => id === 'canh');
      const values = Object.fromEntries((self?.latest ?? []).map(({ metric, value }) => [metric, value]));
      expect(values).toMatchObject({ store_behind_min: 0, store_refused_min: 0, journal_damaged_count: 0 });
      expect(values['disk_free_pct']).toBeGreaterThan(0);
    });
    expect(await alerts()).toEqual([]);
  });

  it('alerts people to a store that refuses its token, and is quiet again once it is mended', async () => {
    influx.known = false;
    await eventually(async () => expect(await alerts()).toEqual([['canh-store-refused', 'active']]));
    const { parts } = (await (await fetch(`${canh.consoleUrl}/health/ready`)).json()) as {
      parts: Record<string, { problems: string[] }>;
    };
    expect(Object.values(parts).flatMap(({ problems }) => problems)).toEqual([
      expect.stringMatching(/answered 401.*CANH_INFLUX_TOKEN/),
    ]);
    await eventually(() =>
      expect(inbox.mails.map(({ email }) => email.subject)).toEqual([
        expect.stringContaining('Kho dữ liệu từ chối ghi'),
      ]),
    );

    influx.known = true;
    await eventually(async () => expect(await alerts()).toEqual([['canh-store-refused', 'returned']]));
  });
});
