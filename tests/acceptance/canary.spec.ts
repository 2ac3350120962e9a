import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProcessorLink } from '@canh/adapters/processor-link/processor-link';
import { openRecords } from '@canh/adapters/records-sql/open-records';
import { SqlAlertDesk } from '@canh/adapters/records-sql/sql-alert-desk';
import { canhDone, CanhProcess, Program, type Settings, temporaryFolder } from '../support/canh-process.js';
import { eventually } from '../support/eventually.js';
import { SmtpInbox } from '../support/smtp-inbox.js';
import { steadyPort } from '../support/steady-port.js';

const CANARY_SECONDS = 6;
/** What it may take a busy machine beyond the bound until the mail is there. */
const TOLD_WITHIN_MS = 60_000;
const SILENT_MS = 3_500;

/** The service elsewhere that alarms people when it stops hearing. */
class Listener {
  readonly beats: { at: number; method: string | undefined; url: string | undefined; body: string }[] = [];
  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<Listener> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ping/secret-of-the-listener`;
    const listener = new Listener(server, url);
    server.on('request', (request, response) => {
      void text(request).then((body) => {
        listener.beats.push({ at: performance.now(), method: request.method, url: request.url, body });
        response.end('OK');
      });
    });
    return listener;
  }

  /** Resolves when it hears something that came after this call. */
  async hears(): Promise<void> {
    const before = this.beats.length;
    await eventually(() => expect(this.beats.length).toBeGreaterThan(before), TOLD_WITHIN_MS);
  }

  /** Resolves when it has heard nothing for three of its intervals. */
  async fallsSilent(): Promise<void> {
    const since = performance.now();
    const quiet = (): number => performance.now() - Math.max(since, this.beats.at(-1)?.at ?? since);
    await eventually(() => expect(quiet()).toBeGreaterThan(SILENT_MS), TOLD_WITHIN_MS);
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

describe('a reading of Canh’s own that does not come out of the path', () => {
  let dataDir: string;
  let inbox: SmtpInbox;
  let listener: Listener;
  let settings: Settings;
  const running = new Map<string, Program>();

  beforeEach(async () => {
    dataDir = await temporaryFolder();
    inbox = await SmtpInbox.start();
    listener = await Listener.start();
    settings = {
      CANH_DATA_DIR: dataDir,
      CANH_SMTP_URL: inbox.url,
      CANH_MAIL_FROM: 'canh@example.vn',
      CANH_SELF_REPORT_SECONDS: '1',
      CANH_CANARY_SECONDS: String(CANARY_SECONDS),
      CANH_HEARTBEAT_URL: listener.url,
      CANH_HEARTBEAT_SECONDS: '1',
      CANH_WEBHOOK_ALLOW_PRIVATE: 'true',
      CANH_LOG_LEVEL: 'info',
    };
    await canhDone(
      ['contact', 'add', '--id', 'truc-ban', '--name', 'Trực ban', '--address', 'truc-ban@example.vn', '--confirmed'],
      {
        CANH_DATA_DIR: dataDir,
      },
    );
  });
  afterEach(async () => {
    for (const program of running.values()) await program.kill();
    running.clear();
    await inbox.close();
    listener.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const output = (): string => [...running].map(([part, program]) => `${part}\n${program.output}`).join('\n');
  const start = (part: string, own: Settings = {}): void => {
    running.set(part, new Program(`apps/${part}/src/main.js`, [], { ...settings, ...own }));
  };
  /** Who watches from before that on calls a slow start an outage, and so it is. */
  const processorAnswers = async (): Promise<void> => {
    const link = new ProcessorLink(dataDir);
    await eventually(() => link.place(), TOLD_WITHIN_MS);
    link.close();
  };
  const subjects = (): (string | undefined)[] => inbox.mails.map(({ email }) => email.subject);
  const alerts = async (): Promise<string[]> => {
    const records = await openRecords(join(dataDir, 'records.sqlite'));
    try {
      const all = await new SqlAlertDesk(records).list('all', 10);
      return all.map(({ ruleId, stationId, worst, state }) => `${ruleId} ${stationId} ${worst} ${state}`);
    } finally {
      await records.destroy();
    }
  };

  it('is an alert and a mail, and stops the heartbeat, until the processor is back; and is told once, whatever the notifier goes through', async () => {
    const ports = [await steadyPort(), await steadyPort(), await steadyPort()].map(String);
    start('broker', { CANH_HTTP_PORT: ports[0]!, CANH_MQTT_PORT: ports[1]!, CANH_WS_PORT: ports[2]! });
    start('processor');
    await processorAnswers();
    start('notifier');
    await listener.hears();
    expect(listener.beats.at(-1)).toMatchObject({
      method: 'POST',
      url: '/ping/secret-of-the-listener',
      body: '{"canary_missing_min":0}',
    });

    await running.get('processor')?.kill();
    await eventually(() => expect(subjects(), output()).toHaveLength(1), TOLD_WITHIN_MS);
    expect(subjects()[0]).toMatch(/^Khẩn cấp: Mất tín hiệu tự kiểm tra Hệ thống Canh/);
    expect(inbox.mails[0]?.email.text).toContain('Theo dõi trực tiếp các trạm quan trọng');
    expect(await alerts()).toEqual(['canh-canary canh critical active']);
    await listener.fallsSilent();

    await running.get('notifier')?.kill();
    start('notifier');
    await listener.fallsSilent();
    start('processor');
    await eventually(() => expect(subjects(), output()).toHaveLength(2), TOLD_WITHIN_MS);
    expect(subjects()[1]).toMatch(/^Đã hết: Mất tín hiệu tự kiểm tra/);
    expect(await alerts()).toEqual(['canh-canary canh critical returned']);
    await listener.hears();
    expect(output()).not.toContain('secret-of-the-listener');

    for (const program of running.values()) await program.stop();
    await listener.fallsSilent();
    expect(subjects()).toHaveLength(2);
  }, 240_000);

  it('stops the heartbeat with the process that it all runs in, and pages nobody for an orderly stop', async () => {
    const canh = await CanhProcess.start({ env: settings });
    running.set('canh', canh.program);
    await listener.hears();
    await canh.stop();
    await listener.fallsSilent();
    await canh.restart();
    running.set('canh', canh.program);
    await listener.hears();
    expect(await alerts()).toEqual([]);
    expect(subjects()).toEqual([]);
    await canh.kill();
    await listener.fallsSilent();
  }, 180_000);

  it('is less than that while readings are judged and only the store keeps nothing: no heartbeat, and a milder word', async () => {
    // Takes what is written, and has none of it.
    const influx = createServer((request, response) => {
      request.resume();
      if (request.url?.startsWith('/query') === true) response.end('{"results":[{}]}');
      else response.writeHead(204).end();
    });
    influx.listen(0, '127.0.0.1');
    await once(influx, 'listening');
    try {
      const { port } = influx.address() as AddressInfo;
      const env = { ...settings, CANH_INFLUX_URL: `http://127.0.0.1:${port}`, CANH_INFLUX_VERSION: '1' };
      const canh = await CanhProcess.start({ env });
      running.set('canh', canh.program);
      await eventually(() => expect(subjects(), output()).toHaveLength(1), TOLD_WITHIN_MS);
      expect(subjects()[0]).toMatch(/^Nghiêm trọng: Mất tín hiệu tự kiểm tra Hệ thống Canh/);
      expect(await alerts()).toEqual(['canh-canary canh major active']);
      expect(listener.beats).toEqual([]);
      await canh.stop();
    } finally {
      influx.closeAllConnections();
      influx.close();
    }
  }, 120_000);
});
