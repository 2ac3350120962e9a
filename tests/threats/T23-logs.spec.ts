import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { text } from 'node:stream/consumers';
import { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import type { AlertDetailView, AlertView } from '@canh/contract/views.dto';
import { riverProvince } from '../acceptance/river-province.js';
import { canhDone, CanhProcess, temporaryFolder } from '../support/canh-process.js';
import { eventually } from '../support/eventually.js';
import { SmtpInbox } from '../support/smtp-inbox.js';

const SECRETS = {
  smtpPassword: 'mat-khau-thu-tin-7291',
  webhookSecret: 'khoa-ky-webhook-dai-hon-32-ky-tu-5512',
  influxToken: 'ma-truy-cap-influx-8810==',
  adminPassword: 'mat-khau-quan-tri-3345',
  heartbeat: 'dia-chi-bi-mat-cua-nguoi-nghe-6677',
  wrongPassword: 'mat-khau-go-nham-9981',
  wrongToken: 'token-khong-con-dung-1177',
};
/** Ends a line, clears the screen, and turns what follows around: as a device may call itself. */
const HOSTILE_ID = 'x\nINFO 2026-11-22 all is well \u001b[2J\u009b31m\u2028\u202e';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Complains with everything that it was told, as careless servers do. */
const echoing: RequestListener = (request, response) => {
  void text(request).then((body) => {
    const said = { code: 'unauthorized', message: `no: ${request.url ?? ''} ${body}`, headers: request.headers };
    response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify(said));
  });
};

describe('T23: the log of a whole Canh that tells everything', () => {
  it('is one JSON object a line whatever devices call themselves, and holds no secret', async () => {
    const smtp = await SmtpInbox.start(undefined, {
      authOptional: false,
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: ({ password }, _session, done) => done(new Error(`535 not with ${password ?? ''}`)),
    });
    undo.push(() => smtp.close());
    const [influx, hook, listener] = [await serve(echoing), await serve(echoing), await serve(echoing)];
    const dataDir = await temporaryFolder();
    const [device] = await riverProvince(dataDir, ['thach-han']);
    const token = device?.token ?? '';
    await canhDone(
      ['contact', 'add', '--id', 'hook', '--name', 'Hook', '--channel', 'webhook', '--address', `${hook}/to`],
      { CANH_DATA_DIR: dataDir },
    );
    const canh = await CanhProcess.start({
      env: {
        CANH_DATA_DIR: dataDir,
        CANH_LOG_LEVEL: 'debug',
        CANH_SMTP_URL: `smtp://canh:${SECRETS.smtpPassword}@127.0.0.1:${smtp.port}`,
        CANH_MAIL_FROM: 'canh@example.vn',
        CANH_WEBHOOK_SECRET: SECRETS.webhookSecret,
        CANH_WEBHOOK_ALLOW_PRIVATE: 'true',
        CANH_INFLUX_URL: influx,
        CANH_INFLUX_TOKEN: SECRETS.influxToken,
        CANH_ADMIN_PASSWORD: SECRETS.adminPassword,
        CANH_HEARTBEAT_URL: `${listener}/${SECRETS.heartbeat}`,
        CANH_HEARTBEAT_SECONDS: '1',
        CANH_SELF_REPORT_SECONDS: '1',
        CANH_CANARY_SECONDS: '0',
      },
    });
    undo.push(() => canh.remove());
    const { hostname, port } = new URL(canh.mqttUrl);
    const mqtt = { host: hostname, port: Number(port), protocol: 'mqtt', reconnectPeriod: 0 } as const;

    // A flood, so that people are told, by one whose name would be a line of its own.
    const river = await connectAsync({ ...mqtt, username: token, clientId: HOSTILE_ID });
    undo.push(() => river.endAsync(true));
    const now = Date.now();
    for (const [minutes, level] of [
      [30, 1.5],
      [20, 6.2],
      [9, 6.4],
    ] as const)
      await river.publishAsync(
        'v1/devices/me/telemetry',
        JSON.stringify({ ts: now - minutes * 60_000, values: { level_m: level } }),
        { qos: 1 },
      );
    await river.publishAsync('v1/devices/me/telemetry', `{"token":"${SECRETS.wrongToken}",`, { qos: 1 });
    const refused = connectAsync({ ...mqtt, username: SECRETS.wrongToken, clientId: HOSTILE_ID });
    await expect(refused).rejects.toThrow('Connection refused');
    const passworded = connectAsync({ ...mqtt, username: HOSTILE_ID, password: SECRETS.wrongPassword });
    await expect(passworded).rejects.toThrow('Connection refused');
    const garbage = connectTcp(Number(port), hostname);
    garbage.on('error', () => undefined).end(`\u0010\u00ff${HOSTILE_ID}`);
    await once(garbage, 'close');

    for (const address of [
      `/api/v1/${SECRETS.wrongToken}/telemetry`,
      `/api/v1/${encodeURIComponent(HOSTILE_ID)}/telemetry`,
      `/api/v1/${token}/telemetry`,
    ])
      await fetch(canh.consoleUrl + address, { method: 'POST', body: `{"password":"${SECRETS.wrongPassword}"` });
    await fetch(`${canh.consoleUrl}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-canh': 'console' },
      body: JSON.stringify({ login: HOSTILE_ID, password: SECRETS.wrongPassword }),
    });
    const api = await canh.signIn();
    const { cookie } = api;

    await eventually(() => {
      for (const event of ['store.waiting', 'delivery.failed', 'heartbeat.failed', 'door.refused'])
        expect(canh.program.stderr).toContain(`"event":"${event}"`);
    });
    const alerts = await api.get<AlertView[]>('/api/alerts');
    const details = await Promise.all(alerts.map(({ id }) => api.get<AlertDetailView>(`/api/alerts/${id}`)));
    const deliveries = details.flatMap((detail) => detail.deliveries);
    expect(deliveries.flatMap(({ attempts }) => attempts).length).toBeGreaterThan(0);
    const shown = JSON.stringify(deliveries) + (await (await fetch(`${canh.consoleUrl}/health/ready`)).text());
    await canh.stop();

    const lines = canh.program.stderr.split('\n').filter((line) => line !== '');
    const events = lines.map((line) => (JSON.parse(line) as { event?: string }).event);
    expect(events.length).toBeGreaterThan(5);
    // oxlint-disable-next-line no-control-regex -- what acts on a terminal is looked for
    expect(
      lines.filter((line) => !/^[\u0020-\u007e\u00a0-\u200a\u2010-\u2027\u2030-\u205f\u2070-\uffff]*$/.test(line)),
    ).toEqual([]);
    expect(lines.filter((line) => line.startsWith('INFO'))).toEqual([]);
    const said = canh.program.output + shown;
    const [, session = cookie] = cookie.split('=');
    for (const [name, secret] of Object.entries({ ...SECRETS, token, session })) {
      expect(said.includes(secret), name).toBe(false);
      expect(said.includes(Buffer.from(secret).toString('base64')), `${name} in base64`).toBe(false);
    }
    expect(said).toContain('[secret]');
  }, 120_000);
});
