import { connect } from 'node:net';
import { createTransport, type Transporter } from 'nodemailer';
import { firstValueFrom } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CaughtMail } from '@canh/simulators/caught-mail';
import { startMailbox, type Mailbox } from '@canh/simulators/mailbox';

let mailbox: Mailbox;
let mailer: Transporter;
beforeEach(async () => {
  mailbox = await startMailbox();
  mailer = createTransport({ url: mailbox.smtpUrl, pool: true, maxConnections: 4, maxMessages: 1_000 } as Parameters<
    typeof createTransport
  >[0]);
});
afterEach(async () => {
  mailer.close();
  await mailbox.close();
});

const mail = {
  from: 'Canh <canh@quang-tri.example>',
  to: 'truc-ban@quang-tri.example',
  subject: 'Khẩn cấp: Thạch Hãn trên BĐ3 0,25 m',
  text: 'Mực nước 6,25 m.\nhttp://127.0.0.1:8080/#/alerts/x?a=1&b=2',
  html: '<p>Mực nước <b>6,25 m</b> <script>alert(1)</script><img src="http://tracker.example/x.png"></p>',
};
const page = (path: string, init?: RequestInit): Promise<Response> => fetch(new URL(path, mailbox.url), init);

describe('the mailbox', () => {
  it('catches a mail that a real mailer sends, whole and decoded', async () => {
    const arriving = firstValueFrom(mailbox.mailReceived);
    const { messageId } = (await mailer.sendMail({
      ...mail,
      cc: 'lanh-dao@quang-tri.example',
      headers: { 'X-Canh': '1' },
    })) as { messageId: string };
    const caught = await arriving;
    expect(caught).toMatchObject({
      id: 1,
      from: mail.from,
      to: ['truc-ban@quang-tri.example', 'lanh-dao@quang-tri.example'],
      subject: mail.subject,
      messageId,
    });
    expect(caught.text).toContain('Mực nước 6,25 m.');
    expect(caught.html).toContain('<b>6,25 m</b>');
    expect(caught.headers['x-canh']).toBe('1');
    expect(mailbox.mails()).toEqual([caught]);
    expect(await (await page('/api/mails')).json()).toEqual([caught]);
    expect(await (await page('/api/mails/1')).json()).toEqual(caught);
  });

  it('lists mail on a page, and shows one in a frame that can neither run nor load anything', async () => {
    await mailer.sendMail({ ...mail, subject: '<script>alert(2)</script> & Thạch Hãn' });
    const list = await page('/');
    const text = await list.text();
    expect(list.headers.get('content-security-policy')).toMatch(/^default-src 'none';/);
    expect(text).toContain('lang="vi"');
    expect(text).toContain('&lt;script&gt;alert(2)&lt;/script&gt; &amp; Thạch Hãn');
    expect(text).toContain('href="/mails/1"');
    expect(text).not.toContain('<script>');

    const one = await (await page('/mails/1')).text();
    expect(one).toContain('<iframe sandbox=""');
    expect(one).toContain('src="/mails/1/html"');
    expect(one).toContain('<a href="http://127.0.0.1:8080/#/alerts/x?a=1&amp;b=2" target="_blank"');
    expect(one).not.toContain('<script>');

    const inside = await page('/mails/1/html');
    expect(inside.headers.get('content-security-policy')).toMatch(/^sandbox; default-src 'none';/);
    expect(inside.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await inside.text()).toContain('<b>6,25 m</b>');
  });

  it('keeps the newest 200', async () => {
    await Promise.all(Array.from({ length: 203 }, (_, index) => mailer.sendMail({ ...mail, subject: `n${index}` })));
    const kept = mailbox.mails();
    expect(kept.map(({ id }) => id)).toEqual(Array.from({ length: 200 }, (_, index) => 203 - index));
    expect((await page('/mails/3')).status).toBe(404);
    expect((await page('/mails/4')).status).toBe(200);
  });

  it('refuses what is too large and goes on', async () => {
    await expect(mailer.sendMail({ ...mail, text: 'x'.repeat(300_000) })).rejects.toMatchObject({ responseCode: 552 });
    await mailer.sendMail(mail);
    expect(mailbox.mails()).toHaveLength(1);
  });

  it('refuses a message too large that does not say so before', async () => {
    const socket = connect(Number(new URL(mailbox.smtpUrl).port), '127.0.0.1');
    const lines = ['HELO x', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA'];
    const answers: string[] = [];
    for await (const chunk of socket) {
      answers.push(String(chunk));
      const next = lines.shift();
      if (next !== undefined) socket.write(`${next}\r\n`);
      else if (answers.length === 5) socket.write(`${`${'x'.repeat(998)}\r\n`.repeat(300)}.\r\n`);
      else break;
    }
    expect(answers.at(-1)).toMatch(/^552/);
    expect(mailbox.mails()).toEqual([]);
  });

  it('answers anything else with an error, and a taken port with one clear line', async () => {
    expect((await page('/x')).status).toBe(404);
    expect((await page('/mails/1/html')).status).toBe(404);
    expect((await page('/', { method: 'POST' })).status).toBe(405);
    const httpPort = Number(new URL(mailbox.url).port);
    await expect(startMailbox({ httpPort })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(`127.0.0.1:${httpPort}`) as string,
    });
  });

  it('ends while a client is still connected', async () => {
    const other = await startMailbox();
    const socket = connect(Number(new URL(other.smtpUrl).port), '127.0.0.1');
    await new Promise<void>((resolve) => socket.once('data', () => resolve()));
    const left = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const seen: CaughtMail[] = [];
    const ended = new Promise<string>((resolve) =>
      other.mailReceived.subscribe({ next: (one) => seen.push(one), complete: () => resolve('ended') }),
    );
    socket.resume();
    await other.close();
    expect(await ended).toBe('ended');
    await left;
    expect(seen).toEqual([]);
  });
});
