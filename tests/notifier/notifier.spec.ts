import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import PostalMime from 'postal-mime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClosedChannel } from '@canh/adapters/channels/closed-channel';
import { EmailChannel } from '@canh/adapters/channels/email/email-channel';
import { WebhookChannel } from '@canh/adapters/channels/webhook/webhook-channel';
import type { DeliveryRecord } from '@canh/core/dispatch/outbox';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';
import { SmtpInbox } from '../support/smtp-inbox.js';
import { hang, ScriptedSmtp, type SmtpScript } from '../support/smtp-script.js';
import { Province } from './province.js';
import { HANOI, NIGHT, river } from './story.js';

let province: Province;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  province = await Province.open();
});
afterEach(async () => {
  await province.close();
  for (const close of closing.splice(0).toReversed()) await close();
});

const email = (url: string): EmailChannel =>
  EmailChannel.open({ url, from: 'canh@quangtri.example.vn', timeZone: HANOI, connections: 5, clock: province.clock });
const webhook = (): WebhookChannel =>
  new WebhookChannel({ secret: null, allowPrivate: true, timeZone: HANOI, clock: province.clock });

async function inbox(...of: Parameters<typeof SmtpInbox.start>): Promise<SmtpInbox> {
  const server = await SmtpInbox.start(...of);
  closing.push(() => server.close());
  return server;
}

async function scripted(script: SmtpScript): Promise<ScriptedSmtp> {
  const server = await ScriptedSmtp.start(script);
  closing.push(() => server.close());
  return server;
}

async function receiver(): Promise<{ url: string; ids: string[] }> {
  const ids: string[] = [];
  const server: Server = createServer((request, response) => {
    ids.push(String(request.headers['idempotency-key']));
    request.resume().on('end', () => response.writeHead(204).end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    server.close();
    await once(server, 'close');
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, ids };
}

/** Something that others wait for until it is opened. */
function gate(): { passed: Promise<void>; open: () => void } {
  let open!: () => void;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
}

const messageIds = (server: ScriptedSmtp): (string | undefined)[] =>
  server.messages.map((message) => /^Message-ID: <(.*)@/im.exec(message)?.[1]);
const all =
  (state: DeliveryRecord['state'], count: number) =>
  (of: readonly DeliveryRecord[]): boolean =>
    of.length === count && of.every((one) => one.state === state);

describe('from an alert to a person', () => {
  it('tells everyone who wants to know of it, in their language, and shows who was told when', async () => {
    const server = await inbox();
    const hooks = await receiver();
    await province.tells({ id: 'officer' });
    await province.tells({ id: 'head', language: 'en', fromSeverity: 'critical' });
    await province.tells({ id: 'radio', channel: 'webhook', address: hooks.url });
    const warning = await province.floods('dong-ha', 'warning');
    const flood = await province.floods('thach-han', 'critical');
    province.start([email(server.url), webhook()]);

    const told = await province.deliveries(flood, all('accepted', 3));
    expect(told.map(({ contactName, channel, attempts }) => [contactName, channel, attempts.length])).toEqual([
      ['head', 'email', 1],
      ['officer', 'email', 1],
      ['radio', 'webhook', 1],
    ]);
    expect(told[0]?.attempts[0]?.outcome).toEqual({ kind: 'accepted', answer: '250 queued' });
    expect((await province.deliveries(warning, all('accepted', 2))).map(({ contactName }) => contactName)).toEqual([
      'officer',
      'radio',
    ]);

    const subjects = server.mails.map(({ to, email: mail }) => `${to.join()} ${mail.subject}`);
    expect(subjects.toSorted()).toEqual([
      'head@example.vn Critical: Water level at Thạch Hãn 6.12 m, 0.12 m above alarm level 3 (BĐ3)',
      'officer@example.vn Cảnh báo: Mực nước Đông Hà 6,12 m, trên BĐ3 0,12 m',
      'officer@example.vn Khẩn cấp: Mực nước Thạch Hãn 6,12 m, trên BĐ3 0,12 m',
    ]);
    expect(hooks.ids.toSorted()).toEqual(
      [told[2]?.id ?? '', ...(await province.outbox.ofAlert(warning)).slice(1).map(({ id }) => id)].toSorted(),
    );

    const metrics = await province.metrics.metrics();
    expect(metrics).toContain('canh_deliveries_total{channel="email",outcome="accepted"} 3');
    expect(metrics).toContain('canh_deliveries_total{channel="webhook",outcome="accepted"} 2');
    expect(metrics).toContain('canh_alert_latency_seconds_count 5');
  });

  it('notices what was saved while it was waiting, and tells of the end as well', async () => {
    const server = await inbox();
    await province.tells({ id: 'officer' });
    province.start([email(server.url), webhook()]);
    await province.looks('email');
    const flood = await province.floods();
    await province.deliveries(flood, all('accepted', 1));
    await province.falls();
    await province.deliveries(flood, all('accepted', 2));
    expect(server.mails.map(({ email: mail }) => mail.subject)).toEqual([
      'Khẩn cấp: Mực nước Thạch Hãn 6,12 m, trên BĐ3 0,12 m',
      'Đã hết: Mực nước Thạch Hãn 5,70 m, dưới BĐ3 0,30 m',
    ]);
    expect(server.mails[1]?.headers.get('references')).toBe(server.mails[0]?.headers.get('references'));
  });

  it('says that it was late when a station sends its backlog after an outage', async () => {
    const server = await inbox();
    await province.tells({ id: 'officer' });
    await province.floods('thach-han', 'critical');
    province.clock.advance(2 * HOUR_MS);
    province.start([email(server.url)]);
    const [mail] = await province.until(() => server.mails.length === 1).then(() => server.mails);
    expect(mail?.email.text).toContain('Tin gửi muộn: 2 giờ sau khi có cảnh báo.');
  });

  it('says in the log that an alert is told to nobody', async () => {
    await province.tells({ id: 'head', fromSeverity: 'critical' });
    const alertId = await province.floods('thach-han', 'warning');
    province.start([email('smtp://127.0.0.1:1')]);
    await province.until(() => province.logged.some(({ event }) => event === 'notice.nobody'));
    expect(province.logged.find(({ event }) => event === 'notice.nobody')).toMatchObject({
      alertId,
      severity: 'warning',
    });
    expect(await province.outbox.unplanned(10)).toEqual([]);
  });
});

describe('in a storm', () => {
  const STATIONS = 27;
  const FIRST = 20;

  it('tells the first of it one by one and the rest in a digest, by every channel, and shows which was told how', async () => {
    const server = await inbox();
    const hooks = await receiver();
    await province.tells({ id: 'officer' });
    await province.tells({ id: 'radio', channel: 'webhook', address: hooks.url });
    const alerts: string[] = [];
    for (let n = 0; n < STATIONS; n += 1) alerts.push(await province.floods(`tram-${n}`, 'warning', NIGHT + n));
    province.start([email(server.url), webhook()]);
    await province.deliveries(alerts[0] ?? '', all('accepted', 2));
    const [waiting] = await province.deliveries(alerts.at(-1) ?? '', all('pending', 2));
    expect(waiting).toMatchObject({ digest: true, attempts: [] });
    expect(province.clock.now()).toBeLessThan(waiting?.nextAttemptAt ?? 0);
    await province.falls('tram-26');
    province.clock.advanceTo((waiting?.nextAttemptAt ?? 0) - 1);
    const told = await province.deliveries(alerts.at(-1) ?? '', all('accepted', 4));
    expect(new Set(told.map(({ deliveryId }) => deliveryId)).size).toBe(2);
    await province.until(() => server.mails.length === FIRST + 1 && hooks.ids.length === FIRST + 1);
    const digest = server.mails.find(({ email: mail }) => mail.subject?.startsWith('Tổng hợp'));
    expect(digest?.email.subject).toBe('Tổng hợp 7 cảnh báo: Cảnh báo 6, Đã hết 1');
    expect(digest?.headers.get('message-id')).toContain(waiting?.deliveryId);
    for (const id of alerts.slice(FIRST)) expect(digest?.email.text).toContain(`/alerts/${id}\n`);

    const metrics = await province.metrics.metrics();
    expect(metrics).toContain('canh_notices_digested_total 16');
    expect(metrics).toContain(`canh_deliveries_total{channel="email",outcome="accepted"} ${FIRST + 1}`);
    expect(metrics).toContain(`canh_alert_latency_seconds_count ${2 * (STATIONS + 1)}`);
    expect(province.logged.some(({ event }) => event === 'notices.collected')).toBe(true);
  });

  it('lets what is critical pass while every place but one is taken by digests that a slow server takes its time with', async () => {
    const held = gate();
    let slow = 0;
    const server = await inbox(async ({ email: mail }) => {
      if (!mail.subject?.startsWith('Tổng hợp')) return;
      slow += 1;
      await held.passed;
    });
    for (let n = 0; n < 8; n += 1) await province.tells({ id: `officer-${n}` });
    for (let n = 0; n <= FIRST; n += 1) await province.floods(`tram-${n}`, 'warning', NIGHT + n);
    province.start([email(server.url)]);
    await province.until(() => server.mails.length === 8 * FIRST);
    province.clock.advance(MINUTE_MS);
    await province.until(() => slow === 4);
    const flood = await province.floods();
    await province.deliveries(flood, all('accepted', 8));
    expect(slow).toBe(4);
    held.open();
    await province.until(() => server.mails.length === 8 * FIRST + 8 + 8);
  });

  it('plans the others when one notice cannot be planned', async () => {
    const server = await inbox();
    await province.tells({ id: 'officer' });
    const bad = await province.floods('dong-ha');
    const good = await province.floods('thach-han');
    const other = province.breaks(bad);
    const notifier = province.start([email(server.url)]);
    await province.deliveries(good, all('accepted', 1));
    expect(notifier.problems).toHaveLength(1);
    other.exec('drop trigger breaks');
    other.close();
    await province.deliveries(bad, all('accepted', 1));
    await province.until(() => notifier.problems.length === 0);
  });
});

describe('an address that nobody has confirmed', () => {
  it('gets one mail with a code and no other, until the code was entered; then all that waited', async () => {
    const server = await scripted({ RCPT: (times) => (times === 0 ? '451 4.7.1 greylisted' : '250 OK') });
    await province.contacts.put(
      {
        id: 'moi',
        name: 'Người mới',
        channel: 'email',
        address: 'moi@example.vn',
        language: 'vi',
        fromSeverity: 'warning',
      },
      false,
    );
    const sender = email(server.url);
    const notifier = province.start([sender], { addresses: sender });
    const flood = await province.floods();
    await province.until(() => server.messages.length === 1);
    const [asked] = await province.contacts.unconfirmed();
    const mail = await PostalMime.parse(server.messages[0] ?? '');
    expect(mail.subject).toBe('Canh: xác nhận địa chỉ nhận cảnh báo');
    expect(mail.text).toContain(`canh contact confirm moi ${asked?.code}`);
    expect(mail.html).toContain(asked?.code);
    expect(mail.messageId).toBe(`<${asked?.mailId}@quangtri.example.vn>`);
    expect(notifier.warnings).toEqual([expect.stringMatching(/^These contacts are told of nothing .*: moi\. /)]);

    province.clock.advance(DAY_MS);
    await province.looks('email', 3);
    expect(server.messages).toHaveLength(1);
    expect(await province.contacts.unconfirmed()).toMatchObject([{ state: 'accepted', attempts: 2 }]);

    await province.contacts.confirm('moi', asked?.code ?? '');
    expect(await province.deliveries(flood, all('accepted', 1))).toMatchObject([{ digest: true }]);
    expect(server.messages).toHaveLength(2);
    await province.until(() => notifier.warnings.length === 0);
  });
});

describe('when a message is not accepted', () => {
  it('tries again after a pause when the server greylists, under the same Message-ID', async () => {
    const server = await scripted({ RCPT: (times) => (times === 0 ? '451 4.7.1 greylisted' : '250 OK') });
    await province.tells({ id: 'officer' });
    const flood = await province.floods();
    province.start([email(server.url)]);
    const [first] = await province.deliveries(flood, ([one]) => one?.attempts.length === 1);
    expect(first).toMatchObject({
      state: 'pending',
      attempts: [{ outcome: { kind: 'failed', answer: '451 4.7.1 greylisted' } }],
    });
    const wait = (first?.nextAttemptAt ?? 0) - (first?.attempts[0]?.at ?? 0);
    expect(wait).toBe(3_750);

    await province.looks('email', 3);
    expect(province.clock.now()).toBeLessThan(first?.nextAttemptAt ?? 0);
    expect(server.commands.filter((line) => line.startsWith('RCPT'))).toHaveLength(1);

    const [told] = await province.deliveries(flood, all('accepted', 1));
    expect(told?.attempts.map(({ outcome }) => outcome.kind)).toEqual(['failed', 'accepted']);
    expect(told?.attempts[1]?.at).toBeGreaterThanOrEqual(first?.nextAttemptAt ?? 0);
    expect(messageIds(server)).toEqual([told?.id]);
  });

  it('does not ask again after a refusal for good', async () => {
    const server = await scripted({ RCPT: '550 no such user' });
    await province.tells({ id: 'officer' });
    const flood = await province.floods();
    province.start([email(server.url)]);
    await province.deliveries(flood, all('refused', 1));
    province.clock.advance(DAY_MS);
    await province.looks('email', 3);
    expect(server.commands.filter((line) => line.startsWith('RCPT'))).toHaveLength(1);
    expect(await province.metrics.metrics()).toContain('canh_deliveries_total{channel="email",outcome="refused"} 1');
  });

  it('keeps trying until a day is over, ever more slowly, and then gives up so that everybody can see it', async () => {
    const server = await scripted({ RCPT: '451 not now' });
    await province.tells({ id: 'officer' });
    const flood = await province.floods();
    province.clock.advance(22 * HOUR_MS);
    province.start([email(server.url)]);
    let attempts = 0;
    let last: DeliveryRecord | undefined;
    do {
      [last] = await province.deliveries(flood, ([one]) => (one?.attempts.length ?? 0) > attempts);
      attempts = last?.attempts.length ?? 0;
      province.clock.advanceTo((last?.nextAttemptAt ?? 0) - 100);
    } while (last?.state === 'pending');
    expect(last?.state).toBe('given-up');
    const times = last?.attempts.map(({ at }) => at) ?? [];
    const waits = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(waits[0]).toBeLessThan(MINUTE_MS);
    expect(Math.max(...waits)).toBeLessThan(16 * MINUTE_MS);
    expect((times.at(-1) ?? 0) - NIGHT).toBeGreaterThanOrEqual(DAY_MS);
    expect(await province.metrics.metrics()).toContain('canh_deliveries_total{channel="email",outcome="given-up"} 1');
    expect(province.logged.filter(({ event }) => event === 'delivery.given-up')).toHaveLength(1);
  });

  it('never tells of the end before the beginning', async () => {
    const server = await scripted({ RCPT: (times) => (times === 0 ? '451 later' : '250 OK') });
    await province.tells({ id: 'officer' });
    const flood = await province.floods();
    province.start([email(server.url)]);
    await province.deliveries(flood, ([one]) => one?.attempts.length === 1);
    await province.falls();
    const told = await province.deliveries(flood, all('accepted', 2));
    expect(messageIds(server)).toEqual(told.map(({ id }) => id));
    expect(told.map(({ event }) => event)).toEqual(['raised', 'returned']);
  });

  it('says what to set while no mail server is set, and sends it once there is one', async () => {
    const server = await inbox();
    await province.tells({ id: 'officer' });
    const flood = await province.floods();
    const notifier = province.start([new ClosedChannel('email', 'CANH_SMTP_URL is not set.')]);
    const [waiting] = await province.deliveries(flood, ([one]) => one?.attempts.length === 1);
    expect(waiting).toMatchObject({
      state: 'pending',
      attempts: [{ outcome: { kind: 'failed', answer: 'CANH_SMTP_URL is not set.' } }],
    });
    await notifier.stop();
    province.start([email(server.url)]);
    await province.deliveries(flood, all('accepted', 1));
  });
});

describe('when the world behind it is slow or broken', () => {
  it('a mail server that hangs holds up no webhook', async () => {
    const server = await scripted({ RCPT: hang });
    const hooks = await receiver();
    for (let n = 0; n < 20; n += 1) await province.tells({ id: `officer-${n}` });
    await province.tells({ id: 'zz-radio', channel: 'webhook', address: hooks.url });
    const flood = await province.floods();
    province.start([email(server.url), webhook()]);
    await province.deliveries(flood, (of) =>
      of.some(({ channel, state }) => channel === 'webhook' && state === 'accepted'),
    );
    expect(
      (await province.outbox.ofAlert(flood)).every(
        ({ channel, attempts }) => channel === 'webhook' || attempts.length === 0,
      ),
    ).toBe(true);
  });

  it('has no more on its way at once than it may, and takes none of them twice', async () => {
    const held = gate();
    let here = 0;
    let most = 0;
    const server = await inbox(async () => {
      here += 1;
      most = Math.max(most, here);
      await held.passed;
      here -= 1;
    });
    for (let n = 0; n < 7; n += 1) await province.tells({ id: `officer-${n}` });
    const flood = await province.floods();
    province.start([email(server.url)], { deliveriesAtOnce: 3 });
    await province.until(() => here === 3);
    province.clock.advance(10_000);
    await province.until(() => here === 3);
    held.open();
    await province.deliveries(flood, all('accepted', 7));
    expect(most).toBe(3);
    expect(server.mails.map(({ to }) => to.join()).toSorted()).toEqual(
      Array.from({ length: 7 }, (_, n) => `officer-${n}@example.vn`),
    );
  });

  it('does not send again while it cannot record that it has sent', async () => {
    const other = new DatabaseSync(join(province.folder, 'records.sqlite'));
    const server = await inbox(() => other.exec('BEGIN IMMEDIATE'));
    await province.tells({ id: 'officer' });
    const flood = await province.floods();
    const notifier = province.start([email(server.url)]);
    await province.until(() => notifier.problems.length > 0);
    expect(notifier.problems[0]).toMatch(/^recording attempts: Another process/);
    await province.looks('email', 10);
    expect(server.mails).toHaveLength(1);
    other.exec('ROLLBACK');
    other.close();
    const [told] = await province.deliveries(flood, all('accepted', 1));
    expect(told?.attempts).toHaveLength(1);
    await province.until(() => notifier.problems.length === 0);
    expect(server.mails).toHaveLength(1);
  });

  it('plans as soon as the records can be written again', async () => {
    const server = await inbox();
    const other = new DatabaseSync(join(province.folder, 'records.sqlite'));
    await province.tells({ id: 'officer' });
    const flood = await province.floods();
    other.exec('BEGIN IMMEDIATE');
    const notifier = province.start([email(server.url)]);
    await province.until(() => notifier.problems.some((problem) => problem.startsWith('planning: ')));
    other.exec('ROLLBACK');
    other.close();
    await province.deliveries(flood, all('accepted', 1));
    expect(notifier.problems).toEqual([]);
    // Said when it began, not at every look.
    expect(province.logged.filter(({ event }) => event === 'notifier.failing')).toHaveLength(1);
  });

  it('goes on with the other deliveries when one cannot be put into words', async () => {
    const server = await inbox();
    await province.tells({ id: 'officer' });
    const bad = await province.floods('dong-ha');
    const good = await province.floods('thach-han');
    let broken = true;
    province.start([email(server.url)], {
      contextOf: (alert) => {
        if (broken && alert.stationId === 'dong-ha') return Promise.reject(new Error('no words'));
        return Promise.resolve(river);
      },
    });
    await province.deliveries(good, all('accepted', 1));
    broken = false;
    await province.deliveries(bad, all('accepted', 1));
  });
});

describe('when it is told to stop', () => {
  it('lets what is on its way finish, and takes up nothing more', async () => {
    const held = gate();
    const server = await inbox(() => held.passed);
    await province.tells({ id: 'officer' });
    const flood = await province.floods('thach-han');
    const notifier = province.start([email(server.url)], { deliveriesAtOnce: 1 });
    await province.until(async () => server.connections === 1 && (await province.outbox.ofAlert(flood)).length === 1);
    const later = await province.floods('dong-ha');
    const stopping = notifier.stop();
    held.open();
    await stopping;
    expect(all('accepted', 1)(await province.outbox.ofAlert(flood))).toBe(true);
    expect(await province.outbox.ofAlert(later)).toEqual([]);
  });

  it('gives up what does not finish within 6 s, and records that', async () => {
    const server = await scripted({ body: hang });
    await province.tells({ id: 'officer' });
    const flood = await province.floods();
    const notifier = province.start([email(server.url)]);
    await province.until(() => server.messages.length === 1);
    const stopping = notifier.stop();
    province.clock.advance(6_000);
    // Nothing waits for a clock any more: closing the channel ends the attempt.
    await province.deliveries(flood, ([one]) => one?.attempts.length === 1);
    await stopping;
    expect(await province.outbox.ofAlert(flood)).toMatchObject([
      { state: 'pending', attempts: [{ outcome: { kind: 'failed' } }] },
    ]);
  });
});
