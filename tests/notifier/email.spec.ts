import { afterEach, describe, expect, it } from 'vitest';
import { EmailChannel, type EmailOptions } from '@canh/adapters/channels/email/email-channel';
import { eventually } from '../support/eventually.js';
import { SmtpInbox } from '../support/smtp-inbox.js';
import { drip, drop, hang, ScriptedSmtp, type SmtpScript } from '../support/smtp-script.js';
import { certificate, privateKey } from './certificate.js';
import { delivery, digest, HANOI, named, nightClock, river } from './story.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

function channel(url: string, changes: Partial<EmailOptions> = {}): EmailChannel {
  const opened = EmailChannel.open({
    url,
    from: 'canh@quangtri.example.vn',
    timeZone: HANOI,
    connections: 2,
    clock: nightClock,
    ...changes,
  });
  closing.push(() => opened.close());
  return opened;
}

async function inbox(...of: Parameters<typeof SmtpInbox.start>): Promise<SmtpInbox> {
  const started = await SmtpInbox.start(...of);
  closing.push(() => started.close());
  return started;
}

async function scripted(script: SmtpScript): Promise<ScriptedSmtp> {
  const started = await ScriptedSmtp.start(script);
  closing.push(() => started.close());
  return started;
}

describe('an e-mail', () => {
  it('reaches one person, readable as plain text and as HTML, in their language', async () => {
    const server = await inbox();
    expect(await channel(server.url).send(delivery(), river)).toEqual({ kind: 'accepted', answer: '250 queued' });
    const [mail] = await server.received(1);
    expect(mail?.to).toEqual(['truc.ban@example.vn']);
    expect(mail?.from).toBe('canh@quangtri.example.vn');
    expect(mail?.email.subject).toBe('Khẩn cấp: Mực nước Thạch Hãn 6,12 m, trên BĐ3 0,12 m');
    expect(mail?.email.from).toMatchObject({ name: 'Canh', address: 'canh@quangtri.example.vn' });
    expect(mail?.email.text).toContain('Gọi trực ban phòng thủ dân sự xã.');
    expect(mail?.email.text).toContain('Đo lúc: 02:05 ngày 22/11/2026');
    expect(mail?.email.html).toContain('<html lang="vi">');
    expect(mail?.email.html).toContain('trên BĐ3\u00a00,12\u00a0m');
    expect(mail?.email.html).toContain('href="https://canh.example.vn/alerts/river-flood.thach-han.mi1abc"');
    expect(mail?.email.attachments).toEqual([]);

    await channel(server.url).send(delivery({ contact: { language: 'en' } }), river);
    const [, english] = await server.received(2);
    expect(english?.email.subject).toBe('Critical: Water level at Thạch Hãn 6.12 m, 0.12 m above alarm level 3 (BĐ3)');
    expect(english?.email.html).toContain('<html lang="en">');
  });

  it('that is a digest names every alert with a link of its own, in text and HTML, and is not too long for a mail server', async () => {
    const server = await inbox();
    const many = digest(500);
    expect(await channel(server.url).sendDigest(many, named(many))).toEqual({ kind: 'accepted', answer: '250 queued' });
    const [mail] = await server.received(1);
    expect(mail?.email.subject).toBe('Tổng hợp 500 cảnh báo: Đã hết 500');
    expect(mail?.headers.get('message-id')).toBe('<ZGlnZXN0@quangtri.example.vn>');
    expect(mail?.headers.get('auto-submitted')).toBe('auto-generated');
    for (const { incident } of named(many)) {
      expect(mail?.email.text).toContain(`\n  https://canh.example.vn/alerts/${incident.latest.alert.id}\n`);
      expect(mail?.email.html).toContain(`href="https://canh.example.vn/alerts/${incident.latest.alert.id}"`);
    }
    expect(mail?.raw.length).toBeLessThan(1_500_000);

    const english = digest(1, { language: 'en', address: 'Lan <lan@example.vn>' });
    expect(await channel(server.url).sendDigest(english, named(english))).toMatchObject({ kind: 'refused' });
    const right = digest(1, { language: 'en' });
    await channel(server.url).sendDigest(right, named(right));
    const [, second] = await server.received(2);
    expect(second?.email.subject).toMatch(/^Digest: Returned · worst: Critical: Water level/);
    expect(second?.email.html).toContain('<html lang="en">');
  });

  it('that is a digest has names in it that do nothing', async () => {
    const server = await inbox();
    const one = digest(1);
    const evil = '<img src=x onerror=alert(1)>"';
    const names = { vi: evil, en: evil };
    const [incident] = named(one);
    const context = { ...river, stationNames: names, areaNames: names, ruleNames: names, metricNames: names };
    await channel(server.url).sendDigest(one, incident === undefined ? [] : [{ ...incident, context }]);
    const [mail] = await server.received(1);
    expect(mail?.email.html).not.toContain('<img');
    expect(mail?.email.html).toContain('&lt;img src=x onerror=alert(1)&gt;');
  });

  it('carries the delivery in its Message-ID, and what belongs to one alert in one thread', async () => {
    const server = await inbox();
    const mail = channel(server.url);
    await mail.send(delivery(), river);
    await mail.send(delivery(), river);
    await mail.send(delivery({ id: 'another', event: 'returned' }), river);
    await mail.send(delivery({ id: 'other-alert', alert: { id: 'Lũ sông <x>\r\n' } }), river);
    const headers = (await server.received(4)).map(({ headers: all }) => all);
    expect(headers.map((all) => all.get('message-id'))).toEqual([
      '<dGhlLWZpcnN0@quangtri.example.vn>',
      '<dGhlLWZpcnN0@quangtri.example.vn>',
      '<another@quangtri.example.vn>',
      '<other-alert@quangtri.example.vn>',
    ]);
    const thread = '<alert.river-flood.thach-han.mi1abc@quangtri.example.vn>';
    expect(headers.map((all) => all.get('references')).slice(0, 3)).toEqual([thread, thread, thread]);
    expect(headers[2]?.get('in-reply-to')).toBe(thread);
    expect(headers[3]?.get('references')).toMatch(/^<alert\.[0-9a-f]{40}@quangtri\.example\.vn>$/);
  });

  it('says that a machine sent it, and how urgent it is', async () => {
    const server = await inbox();
    const mail = channel(server.url);
    await mail.send(delivery(), river);
    await mail.send(delivery({ alert: { severity: 'warning' } }), river);
    const [critical, warning] = await server.received(2);
    expect(critical?.headers.get('auto-submitted')).toBe('auto-generated');
    expect(critical?.headers.get('x-auto-response-suppress')).toBe('All');
    expect(critical?.headers.get('importance')).toBe('High');
    expect(critical?.headers.get('content-language')).toBe('vi');
    expect(warning?.headers.has('importance')).toBe(false);
    expect(critical?.headers.has('x-mailer')).toBe(false);
  });

  it('goes over a few connections that are used again', async () => {
    const server = await inbox();
    const mail = channel(server.url);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, n) => mail.send(delivery({ id: `d${n}` }), river)),
    );
    expect(outcomes.every(({ kind }) => kind === 'accepted')).toBe(true);
    expect(server.mails).toHaveLength(20);
    expect(server.connections).toBeLessThanOrEqual(2);
  });

  it('is not lost on a connection that the server closed while nothing was sent', async () => {
    const server = await scripted({});
    const mail = channel(server.url, { connections: 1 });
    await mail.send(delivery(), river);
    await server.endConnections();
    expect(await mail.send(delivery({ id: 'later' }), river)).toMatchObject({ kind: 'accepted' });
    expect(server.messages).toHaveLength(2);
    expect(server.connections).toBe(2);
  });
});

describe('T15 what stands in names and advice', () => {
  const hostile = {
    ...river,
    stationNames: { vi: 'Trạm\r\nBcc: all@evil.example\r\n\r\n<script>', en: '' },
    areaNames: { vi: '"><img src=x onerror=alert(1)>', en: '' },
    guidance: {
      ...river.guidance,
      response: { vi: "{{constructor.constructor('return process')()}}\n<a href=javascript:alert(1)>&amp;", en: '' },
    },
    url: 'https://canh.example.vn/alerts/"onmouseover="alert(1)',
  };

  it('stays text, in the subject, the plain part and the HTML part', async () => {
    const server = await inbox();
    await channel(server.url).send(delivery(), hostile);
    const [mail] = await server.received(1);
    expect(mail?.to).toEqual(['truc.ban@example.vn']);
    expect(mail?.headers.has('bcc')).toBe(false);
    expect(mail?.email.subject).toBe('Khẩn cấp: Mực nước Trạm Bcc: all@evil.example <script> 6,12 m, trên BĐ3 0,12 m');
    const html = mail?.email.html ?? '';
    expect(html).not.toMatch(/<script|<img|<a href=javascript|"onmouseover=/);
    expect(html).toContain('&lt;script&gt;');
    expect(html).toContain('{{constructor.constructor(&#39;return process&#39;)()}}');
    expect(html).toContain('&amp;amp;');
    expect(html).not.toMatch(/<[^>]* src=|@import|url\(/);
  });
});

describe('T16 an address that is more than one bare address', () => {
  it.each([
    'b@x\r\nBcc: evil@x',
    'a@x, evil@x',
    'a@x; evil@x',
    'Trực ban <a@x>',
    '<a@x>',
    'a@x evil@x',
    '"a@evil.example"@x',
    'group: a@x, evil@x;',
    'a@x\nRCPT TO:<evil@x>',
    'a(evil@x)@x',
    '',
  ])('%j is refused before anything is connected', async (address) => {
    const server = await inbox();
    const outcome = await channel(server.url).send(delivery({ contact: { address } }), river);
    expect(outcome.kind).toBe('refused');
    expect(outcome.answer).toMatch(/is not one bare e-mail address/);
    expect(server.connections).toBe(0);
  });

  it('is refused as a sender when the channel is opened', () => {
    expect(() => channel('smtp://127.0.0.1:1', { from: 'Canh <canh@example.vn>' })).toThrowError(
      expect.objectContaining({ code: 'BAD_SETTING' }),
    );
  });
});

describe('what a mail server answers', () => {
  it.each<[string, SmtpScript, 'refused' | 'failed', RegExp]>([
    ['the recipient does not exist', { RCPT: '550 5.1.1 no such user' }, 'refused', /^550 5\.1\.1 no such user$/],
    ['the recipient is elsewhere', { RCPT: '551 not local' }, 'refused', /^551/],
    ['the mailbox name is not allowed', { RCPT: '553 bad name' }, 'refused', /^553/],
    ['nobody may send to it', { RCPT: '554 blocked' }, 'refused', /^554/],
    ['the message is spam', { body: '554 5.7.1 spam' }, 'refused', /^554/],
    ['the message is too large for good', { DATA: '552 too much' }, 'refused', /^552/],
    ['the policy forbids the message', { body: '550 policy' }, 'refused', /^550/],
    ['greylisting', { RCPT: '451 4.7.1 come back in five minutes' }, 'failed', /^451 4\.7\.1/],
    ['the mailbox is busy', { RCPT: '450 busy' }, 'failed', /^450/],
    ['the mailbox is full for now', { RCPT: '452 full' }, 'failed', /^452/],
    ['the message is put off', { body: '451 local error' }, 'failed', /^451/],
    ['the disk is full', { body: '452 no room' }, 'failed', /^452/],
    ['it goes down in the middle', { MAIL: '421 closing' }, 'failed', /421/],
    ['it goes down at the greeting', { greeting: '421 too busy' }, 'failed', /421/],
    ['it goes down after the message', { body: '421 closing' }, 'failed', /421/],
    ['it talks to nobody: our set-up', { greeting: '554 no service here' }, 'failed', /554/],
    ['our sender is not allowed: our set-up', { MAIL: '550 not your domain' }, 'failed', /^550 not your domain$/],
    ['we must log in: our set-up', { RCPT: '530 5.7.0 authentication required' }, 'failed', /^530/],
    ['the commands came in a wrong order', { DATA: '503 bad sequence' }, 'failed', /^503/],
    ['something that is no SMTP', { greeting: 'HTTP/1.1 400 Bad Request' }, 'failed', /./],
    ['several lines', { RCPT: '550-first line\n550 second line' }, 'refused', /first line.*second line/],
  ])('%s', async (_what, script, kind, answer) => {
    const server = await scripted(script);
    const outcome = await channel(server.url).send(delivery(), river);
    expect(outcome.kind).toBe(kind);
    expect(outcome.answer).toMatch(answer);
  });

  it('takes the next message after it has refused one', async () => {
    const server = await scripted({ RCPT: (times) => (times === 0 ? '550 no such user' : '250 OK') });
    const mail = channel(server.url, { connections: 1 });
    expect(await mail.send(delivery(), river)).toMatchObject({ kind: 'refused' });
    expect(await mail.send(delivery({ id: 'second' }), river)).toMatchObject({ kind: 'accepted' });
    expect(server.messages).toHaveLength(1);
  });

  it('does not tell the password when it refuses it', async () => {
    const server = await scripted({ EHLO: '250-mail.test\n250 AUTH PLAIN', AUTH: '535 5.7.8 wrong' });
    const url = server.url.replace('smtp://', 'smtp://canh:s3cret-word@');
    const outcome = await channel(url).send(delivery(), river);
    expect(outcome).toEqual({ kind: 'failed', answer: '535 5.7.8 wrong' });
    expect(server.commands.some((line) => line.startsWith('AUTH PLAIN'))).toBe(true);
  });
});

describe('a mail server that stops answering', () => {
  const phases = ['greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'body'] as const;

  it.each(phases)('hangs at %s: the attempt ends by itself', async (phase) => {
    const server = await scripted({ [phase]: hang });
    const outcome = await channel(server.url, { silenceMs: 100, deadlineMs: 400 }).send(delivery(), river);
    expect(outcome.kind).toBe('failed');
    expect(outcome.answer).not.toBe('');
  });

  it.each(phases)('cuts the line at %s', async (phase) => {
    const server = await scripted({ [phase]: drop });
    const outcome = await channel(server.url).send(delivery(), river);
    expect(outcome.kind).toBe('failed');
    expect(outcome.answer).toMatch(/^ECONNECTION|^ESOCKET|closed/i);
  });

  it.each(phases)('says one byte now and then at %s, for ever', async (phase) => {
    const server = await scripted({ [phase]: drip });
    const outcome = await channel(server.url, { deadlineMs: 300 }).send(delivery(), river);
    expect(outcome.kind).toBe('failed');
  });

  it('took the message and was cut off before it said so: the second copy has the same Message-ID', async () => {
    const server = await scripted({ body: (times) => (times === 0 ? drop : '250 queued') });
    const mail = channel(server.url);
    expect(await mail.send(delivery(), river)).toMatchObject({ kind: 'failed' });
    expect(server.messages).toHaveLength(1);
    expect(await mail.send(delivery(), river)).toMatchObject({ kind: 'accepted' });
    const ids = server.messages.map((message) => /^Message-ID: (.*)$/im.exec(message)?.[1]);
    expect(ids).toEqual(['<dGhlLWZpcnN0@quangtri.example.vn>', '<dGhlLWZpcnN0@quangtri.example.vn>']);
  });

  it('is not there at all', async () => {
    const server = await ScriptedSmtp.start();
    const { url } = server;
    await server.close();
    const outcome = await channel(url).send(delivery(), river);
    expect(outcome.kind).toBe('failed');
    expect(outcome.answer).toMatch(/ECONNREFUSED/);
  });

  it('is given up when the channel is closed', async () => {
    const server = await scripted({ body: hang });
    const mail = channel(server.url);
    const sending = mail.send(delivery(), river);
    await eventually(() => expect(server.messages).toHaveLength(1));
    await mail.close();
    expect(await sending).toMatchObject({ kind: 'failed' });
  });
});

describe('a mail server with TLS', () => {
  const secure = { disabledCommands: ['AUTH'], key: privateKey, cert: certificate };

  it('gets nothing when nobody vouches for its certificate', async () => {
    const server = await inbox(undefined, secure);
    const outcome = await channel(server.url.replace('127.0.0.1', 'localhost')).send(delivery(), river);
    expect(outcome.kind).toBe('failed');
    expect(outcome.answer).toMatch(/certificate/i);
    expect(server.mails).toHaveLength(0);
  });

  it('gets the mail over STARTTLS when the setting says that it is known', async () => {
    const server = await inbox(undefined, secure);
    const url = `${server.url.replace('127.0.0.1', 'localhost')}?tls.rejectUnauthorized=false`;
    expect(await channel(url).send(delivery(), river)).toMatchObject({ kind: 'accepted' });
  });
});
