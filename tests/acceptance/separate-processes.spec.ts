import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AlertDetailView, AlertView, StationView } from '@canh/contract/views.dto';
import { Fleet } from '@canh/simulators/fleet';
import { ADMIN_PASSWORD, Api, Program, type Settings, temporaryFolder } from '../support/canh-process.js';
import { eventually } from '../support/eventually.js';
import { SmtpInbox } from '../support/smtp-inbox.js';
import { steadyPort } from '../support/steady-port.js';
import { OFFICER, riverProvince } from './river-province.js';

const MINUTE_MS = 60_000;

describe('broker, processor, notifier and console as four processes on one data folder', { timeout: 180_000 }, () => {
  let dataDir = '';
  let inbox: SmtpInbox;
  let fleet: Fleet;
  let settings: Settings = {};
  let brokerUrl = '';
  let consoleUrl = '';
  let api: Api;
  const running = new Map<string, Program>();

  const start = (part: string, own: Settings = {}): void => {
    running.set(part, new Program(`apps/${part}/src/main.js`, [], { ...settings, ...own }));
  };
  const output = (): string => [...running].map(([part, program]) => `${part}\n${program.output}`).join('\n');
  const ready = (url: string): Promise<void> =>
    eventually(async () => expect((await fetch(`${url}/health/ready`)).status, output()).toBe(200), 60_000);

  beforeAll(async () => {
    dataDir = await temporaryFolder();
    inbox = await SmtpInbox.start();
    const devices = await riverProvince(dataDir, ['thach-han']);
    const ports = {
      mqtt: await steadyPort(),
      ws: await steadyPort(),
      door: await steadyPort(),
      page: await steadyPort(),
    };
    settings = {
      CANH_DATA_DIR: dataDir,
      CANH_MQTT_PORT: String(ports.mqtt),
      CANH_WS_PORT: String(ports.ws),
      CANH_SMTP_URL: inbox.url,
      CANH_ADMIN_PASSWORD: ADMIN_PASSWORD,
      CANH_LOG_LEVEL: 'error',
    };
    brokerUrl = `http://127.0.0.1:${ports.door}`;
    consoleUrl = `http://127.0.0.1:${ports.page}`;
    // All at once, in no order: each waits for nobody.
    start('console', { CANH_HTTP_PORT: String(ports.page) });
    start('notifier');
    start('broker', { CANH_HTTP_PORT: String(ports.door) });
    start('processor');
    await Promise.all([ready(brokerUrl), ready(consoleUrl)]);
    fleet = await Fleet.start({ url: `mqtt://127.0.0.1:${ports.mqtt}`, devices });
    api = await Api.signIn(consoleUrl, ADMIN_PASSWORD);
  }, 120_000);

  afterAll(async () => {
    await fleet?.stop();
    for (const program of running.values()) await program.kill();
    await inbox?.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const level = async (): Promise<number | undefined> => {
    const stations = await api.get<StationView[]>('/api/stations');
    // Beside it stands Canh, which reports how it is itself.
    return stations.find(({ id }) => id === 'thach-han')?.latest.find(({ metric }) => metric === 'level_m')?.value;
  };
  const publish = (minutesAgo: number, levelM: number): Promise<void> =>
    fleet.publish('thach-han', { ts: Date.now() - minutesAgo * MINUTE_MS, values: { level_m: levelM } });

  it('a reading goes all the way to the page, an alert to the officer’s mail', async () => {
    await publish(30, 1.5);
    await publish(20, 4.2);
    await publish(9, 4.4);
    await eventually(async () => expect(await level(), output()).toBe(4.4));
    const [alert] = await api.get<AlertView[]>('/api/alerts');
    expect(alert).toMatchObject({ state: 'active', severity: 'warning', stationId: 'thach-han' });
    await eventually(() => expect(inbox.mails.map(({ to }) => to)).toEqual([[OFFICER]]));
    await eventually(async () => {
      const { deliveries } = await api.get<AlertDetailView>(`/api/alerts/${alert?.id ?? ''}`);
      expect(deliveries.map(({ state }) => state)).toEqual(['accepted']);
    });
  });

  it('takes readings while the processor is away, and works them off when it is back', async () => {
    await running.get('processor')?.kill();
    await publish(8, 6.5);
    // The page still answers; what it cannot know it does not make up.
    expect((await api.get<AlertView[]>('/api/alerts')).map(({ state }) => state)).toEqual(['active']);
    start('processor');
    await eventually(async () => expect(await level(), output()).toBe(6.5), 60_000);
    await publish(0, 1.2);
    await eventually(async () => expect(await level(), output()).toBe(1.2));
    await eventually(() => expect(inbox.mails.map(({ email }) => email.subject)).toHaveLength(2));
    expect(inbox.mails[1]?.email.subject).toMatch(/^Đã hết: /);
  });

  it('each ends with 0 when it is told to', async () => {
    await fleet.stop();
    for (const program of running.values()) await program.stop();
  });
});
