import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { SqlAlertStore } from '@canh/adapters/records-sql/sql-alert-store';
import { SqlContactBook } from '@canh/adapters/records-sql/sql-contact-book';
import { SqlOutbox } from '@canh/adapters/records-sql/sql-outbox';
import type { DeliveryRecord } from '@canh/core/dispatch/outbox';
import type { Transition } from '@canh/core/rules/transition';
import { eventually } from '../support/eventually.js';
import { faultSeed, seededRandom } from '../support/seeded.js';
import { SmtpInbox } from '../support/smtp-inbox.js';
import { steadyPort } from '../support/steady-port.js';
import { NotifierProgram, type NotifierProcess } from './notifier-process.js';
import { NIGHT, officer } from './story.js';

let program: NotifierProgram;
let folder: string;
let records: RecordsDatabase;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  program = await NotifierProgram.build();
});
afterAll(() => program.end());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canh-notifier-'));
  records = await openRecords(join(folder, 'records.sqlite'));
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  await records.destroy();
  await rm(folder, { recursive: true, force: true });
});

function start(environment: Readonly<Record<string, string>> = {}): NotifierProcess {
  const started = program.start({ CANH_DATA_DIR: folder, CANH_MAIL_FROM: 'canh@example.vn', ...environment });
  closing.push(async () => {
    started.kill('SIGKILL');
    await started.exited;
  });
  return started;
}

async function inbox(...of: Parameters<typeof SmtpInbox.start>): Promise<SmtpInbox> {
  const server = await SmtpInbox.start(...of);
  closing.push(() => server.close());
  return server;
}

/** The rules say that the Thạch Hãn is over BĐ3, just now; returns the alert's id. */
async function flood(): Promise<string> {
  await new SqlContactBook(records).put(officer);
  const now = Date.now();
  const evidence = {
    deviceId: 'gauge',
    metric: 'level_m',
    value: 6.12,
    measuredAt: now,
    receivedAt: now,
    limit: 6,
    limitName: 'alarm_3',
    document: null,
  };
  await new SqlAlertStore(records).apply(
    [
      {
        kind: 'raised',
        ruleId: 'flood',
        ruleVersion: 1,
        stationId: 'thach-han',
        severity: 'critical',
        since: NIGHT,
        at: NIGHT,
        evidence,
      },
    ],
    now,
  );
  return `flood.thach-han.${NIGHT.toString(36)}`;
}

interface Told {
  readonly notice_id: string;
  readonly alert_id: string;
  readonly contact_id: string;
  readonly delivery_id: string;
  readonly address: string;
  readonly state: string;
}

/** What a rule says of one station in a storm: it rises, gets worse, ends, as many of these as `steps` has left. */
function storm(stationId: string, steps: number): Transition[] {
  const at = Date.now();
  const evidence = {
    deviceId: stationId,
    metric: 'level_m',
    value: 6.12,
    measuredAt: at,
    receivedAt: at,
    limit: 6,
    limitName: null,
    document: null,
  };
  const of = { ruleId: 'flood', ruleVersion: 1, stationId, evidence };
  const story: Transition[] = [
    { kind: 'raised', ...of, severity: 'warning', since: at, at },
    { kind: 'severity-changed', ...of, previous: 'warning', severity: 'critical', at: at + 1 },
    { kind: 'returned', ...of, previous: 'critical', at: at + 2 },
  ];
  return story.slice(0, Math.max(1, steps));
}

async function told(alertId: string, condition: (one: DeliveryRecord) => boolean): Promise<DeliveryRecord | undefined> {
  let found: DeliveryRecord | undefined;
  await expect
    .poll(
      async () => ([found] = await new SqlOutbox(records).ofAlert(alertId)) && found !== undefined && condition(found),
      { timeout: 20_000 },
    )
    .toBe(true);
  return found;
}

describe('the notifier as a process', () => {
  it('tells people, stops in order, and takes a second one away from the same data', async () => {
    const server = await inbox();
    const alertId = await flood();
    const running = start({ CANH_SMTP_URL: server.url });
    await told(alertId, ({ state }) => state === 'accepted');
    expect(server.mails).toHaveLength(1);

    const second = start({ CANH_SMTP_URL: server.url });
    expect(await second.exited).toBe(1);
    expect(second.said.join('\n')).toMatch(
      /^Canh: Another process of Canh is telling people from this data folder .*CANH_DATA_DIR\.$/,
    );

    running.kill('SIGTERM');
    expect(await running.exited).toBe(0);
  });

  it('killed after the server took the mail and before it was recorded, sends it once more under the same Message-ID', async () => {
    let running: NotifierProcess | undefined;
    const server = await inbox(async () => {
      if (server.mails.length > 0) return;
      running?.kill('SIGKILL');
      await running?.exited;
    });
    const alertId = await flood();
    running = start({ CANH_SMTP_URL: server.url });
    expect(await running.exited).toBe('SIGKILL');
    await server.received(1);
    expect((await told(alertId, () => true))?.attempts).toEqual([]);

    start({ CANH_SMTP_URL: server.url });
    const delivery = await told(alertId, ({ state }) => state === 'accepted');
    expect(delivery?.attempts).toHaveLength(1);
    expect(server.mails.map(({ headers }) => headers.get('message-id'))).toEqual([
      `<${delivery?.id}@example.vn>`,
      `<${delivery?.id}@example.vn>`,
    ]);
  });

  it('killed again and again in a storm, tells everybody of everything, and never two things under one Message-ID', async () => {
    const ALERTS = 240;
    const KILLS = 6;
    const DIGEST_ALERTS = 20;
    const chance = seededRandom(faultSeed('notifier-storm'));
    let running: NotifierProcess | undefined;
    let kills = 0;
    const kill = async (): Promise<void> => {
      kills += 1;
      running?.kill('SIGKILL');
      await running?.exited;
    };
    const of = `select told.notice_id, alert_id, told.contact_id, delivery_id, address, state from told
      join notices on notices.id = told.notice_id join deliveries on deliveries.id = delivery_id`;
    const told = (): Told[] => records.prepare(of).all() as unknown as Told[];
    const store = new SqlAlertStore(records);
    let wrote = 0;
    let digests = 0;
    const server = await inbox(async ({ email }) => {
      const [, alerts] = /^Tổng hợp (\d+) cảnh báo/.exec(email.subject ?? '') ?? [];
      if (alerts === undefined || Number(alerts) >= DIGEST_ALERTS || digests === 2) return;
      digests += 1;
      // The server has a digest with room for more, and has not said so. Meanwhile there is more to tell.
      const station = `muon-${digests}`;
      wrote += 1;
      await store.apply(storm(station, 1), Date.now());
      await eventually(() => expect(told().filter(({ alert_id: id }) => id.includes(station))).toHaveLength(2));
      await kill();
    });
    const head = { ...officer, id: 'head', address: 'truong.phong@example.vn' };
    for (const contact of [officer, head]) await new SqlContactBook(records).put(contact);
    const settings = {
      CANH_SMTP_URL: server.url,
      CANH_PUBLIC_URL: 'https://canh.example.vn',
      CANH_NOTICES_ANY: '2',
      CANH_NOTICES_FIRST: '4',
      CANH_NOTICES_CRITICAL: '6',
      CANH_DIGEST_WAIT_SECONDS: '1',
      CANH_DIGEST_SECONDS: '2',
      CANH_DIGEST_ALERTS: String(DIGEST_ALERTS),
      CANH_LOG_LEVEL: 'warn',
    };
    let over = false;
    const supervised = (async () => {
      while (!over) {
        running = start(settings);
        await running.exited;
      }
    })();
    for (let n = 0; n < ALERTS; n += 40) {
      for (let station = n; station < n + 40; station += 1) {
        const words = storm(`tram-${station}`, station % 4);
        wrote += words.length;
        await store.apply(words, Date.now());
      }
      await pause(chance() * 2_000);
      if (kills < KILLS) await kill();
    }
    await eventually(() => {
      expect(told().filter(({ state }) => state === 'accepted')).toHaveLength(2 * wrote);
    }, 90_000);
    over = true;
    running?.kill('SIGTERM');
    await supervised;

    expect(new Set(told().map((one) => `${one.notice_id} ${one.contact_id}`)).size).toBe(2 * wrote);
    const said = new Map<string, Set<string>>();
    for (const { headers, to, email } of server.mails) {
      const key = `${to.join()} ${headers.get('message-id')}`;
      said.set(key, (said.get(key) ?? new Set()).add(`${email.subject}\n${email.text}`));
    }
    for (const texts of said.values()) expect(texts.size).toBe(1);
    // What the records say carried it is what did.
    for (const { alert_id: alertId, delivery_id: id, address } of told())
      expect([...(said.get(`${address} <${id}@example.vn>`) ?? [''])][0]).toContain(`/alerts/${alertId}\n`);
    const copies = server.mails.length - said.size;
    expect(copies).toBeLessThanOrEqual(kills * 5);
    expect(server.mails.length).toBeLessThan(wrote);
    expect(kills).toBeGreaterThanOrEqual(KILLS);
    console.info(`${wrote} notices for 2 people, ${kills} kills: ${said.size} messages, ${copies} of them sent twice`);
  }, 180_000);

  it('told to stop while a mail is on its way, waits for the answer and records it', async () => {
    let running: NotifierProcess | undefined;
    const server = await inbox(() => {
      running?.kill('SIGTERM');
    });
    const alertId = await flood();
    running = start({ CANH_SMTP_URL: server.url });
    expect(await running.exited).toBe(0);
    expect(await told(alertId, () => true)).toMatchObject({
      state: 'accepted',
      attempts: [{ outcome: { kind: 'accepted' } }],
    });
    expect(server.mails).toHaveLength(1);
  });

  it('says at its start that no mail server is set, and in every attempt', async () => {
    const alertId = await flood();
    const running = start();
    const delivery = await told(alertId, ({ attempts }) => attempts.length === 1);
    expect(delivery?.attempts[0]?.outcome.answer).toMatch(/^CANH_SMTP_URL is not set/);
    expect(running.said.some((line) => line.includes('notifier.no-smtp'))).toBe(true);
  });

  it('reads the password of the mail server from a file, and never says it', async () => {
    const passwords: unknown[] = [];
    const server = await inbox(undefined, {
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      authOptional: false,
      onAuth: ({ password }, _session, done) => {
        passwords.push(password);
        done(passwords.length === 1 ? new Error('wrong') : null, { user: 'canh' });
      },
    });
    const secret = join(folder, 'smtp-url');
    await writeFile(secret, `smtp://canh:s3cret-w0rd@127.0.0.1:${server.port}\n`);
    const alertId = await flood();
    const running = start({ CANH_SMTP_URL_FILE: secret, CANH_LOG_LEVEL: 'debug' });
    const delivery = await told(alertId, ({ state }) => state === 'accepted');
    expect(delivery?.attempts.map(({ outcome }) => outcome.kind)).toEqual(['failed', 'accepted']);
    expect(passwords).toEqual(['s3cret-w0rd', 's3cret-w0rd']);
    expect(JSON.stringify([running.said, delivery])).not.toContain('s3cret-w0rd');
  });

  it('says in one line what is wrong with a setting', async () => {
    const stopped = start({ CANH_DELIVERIES_AT_ONCE: '51' });
    expect(await stopped.exited).toBe(1);
    expect(stopped.said).toHaveLength(1);
    expect(stopped.said[0]).toMatch(/^Canh: .*CANH_DELIVERIES_AT_ONCE='51': it must not be greater than 50/);
  });

  it('serves its health and its metrics where it is told to', async () => {
    const server = await inbox();
    const alertId = await flood();
    const port = await steadyPort();
    start({ CANH_SMTP_URL: server.url, CANH_NOTIFIER_PORT: String(port) });
    await told(alertId, ({ state }) => state === 'accepted');
    const health = await fetch(`http://127.0.0.1:${port}/health/ready`);
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({ ready: true, parts: { notifier: { ready: true, problems: [] } } });
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(metrics).toContain('canh_deliveries_total{channel="email",outcome="accepted"} 1');
    expect(metrics).toMatch(/canh_alert_latency_seconds_bucket\{le="\d+"\} 1/);
  });
});
