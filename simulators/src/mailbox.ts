import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import PostalMime, { type Address } from 'postal-mime';
import { Subject, type Observable } from 'rxjs';
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server';
import { CanhError } from '@canh/core/canh-error';
import type { Clock, Instant } from '@canh/core/time/instant';
import type { CaughtMail } from './caught-mail.js';
import { listPage, mailPage, notFoundPage } from './mailbox-pages.js';

export interface MailboxOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 (default): any free port. */
  readonly smtpPort?: number;
  readonly httpPort?: number;
  readonly clock?: Clock;
  /** Zone in which the page shows times (default Asia/Ho_Chi_Minh). */
  readonly timezone?: string;
}

export interface Mailbox {
  readonly smtpUrl: string;
  /** Of the page; `/api/mails` beside it is the same as JSON. */
  readonly url: string;
  /** Newest first. */
  mails(): readonly CaughtMail[];
  readonly mailReceived: Observable<CaughtMail>;
  close(): Promise<void>;
}

const MOST_MAILS = 200;
const LARGEST_MAIL_BYTES = 256 * 1024;
const MOST_CLIENTS = 50;

/** The page may load nothing but its own frames; the mail inside may load nothing and run nothing at all. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const MAIL_POLICY =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/**
 * Catches mail instead of delivering it: a real SMTP server and a page that shows what came. For demonstrations and tests; it takes mail
 * for anybody from anybody who reaches it, so it belongs on the loopback address. Keeps the newest 200 mails, in memory.
 * Rejects with CanhError `PORT_IN_USE` when a port is taken.
 */
export async function startMailbox(options: MailboxOptions = {}): Promise<Mailbox> {
  const {
    host = '127.0.0.1',
    smtpPort = 0,
    httpPort = 0,
    clock = { now: () => Date.now() },
    timezone = 'Asia/Ho_Chi_Minh',
  } = options;
  const kept: CaughtMail[] = [];
  const received = new Subject<CaughtMail>();
  let count = 0;

  const smtp = new SMTPServer({
    name: 'canh-mailbox',
    banner: 'Canh mailbox',
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    size: LARGEST_MAIL_BYTES,
    maxClients: MOST_CLIENTS,
    closeTimeout: 1_000,
    onData(stream, session, done) {
      void bytesOf(stream)
        .then(async (bytes) => {
          if (bytes === null)
            return done(
              Object.assign(new Error(`Mail is larger than ${LARGEST_MAIL_BYTES} bytes`), { responseCode: 552 }),
            );
          const to = session.envelope.rcptTo.map(({ address }) => address);
          const from = session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address;
          count += 1;
          const mail = await caught(count, clock.now(), from, to, bytes);
          kept.unshift(mail);
          if (kept.length > MOST_MAILS) kept.pop();
          done(null, `Kept as mail ${mail.id}`);
          received.next(mail);
        })
        .catch((error: Error) => done(error));
    },
  });
  // A client that breaks off is that client's affair.
  smtp.on('error', () => {});
  const web = createServer((request, response) => answer(request, response, kept, timezone));

  try {
    await listening(smtp.server, 'SMTP', host, smtpPort);
    await listening(web, 'HTTP', host, httpPort);
  } catch (error) {
    await Promise.all([closed(smtp.server), closed(web)]);
    throw error;
  }
  return {
    smtpUrl: `smtp://${hostText(host)}:${portOf(smtp.server)}`,
    url: `http://${hostText(host)}:${portOf(web)}/`,
    mails: () => [...kept],
    mailReceived: received.asObservable(),
    async close() {
      web.closeAllConnections();
      await Promise.all([new Promise<void>((resolve) => smtp.close(() => resolve())), closed(web)]);
      received.complete();
    },
  };
}

/** All of it, or null when it is too large; what is too large is read to its end and forgotten, or the answer would not be heard. */
async function bytesOf(stream: SMTPServerDataStream): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= LARGEST_MAIL_BYTES) chunks.push(chunk);
    else chunks.length = 0;
  }
  return size > LARGEST_MAIL_BYTES ? null : Buffer.concat(chunks);
}

async function caught(
  id: number,
  receivedAt: Instant,
  from: string,
  to: readonly string[],
  bytes: Buffer,
): Promise<CaughtMail> {
  const mail = await PostalMime.parse(bytes);
  return {
    id,
    receivedAt,
    from: mail.from === undefined ? from : written(mail.from),
    to,
    subject: mail.subject ?? '',
    messageId: mail.messageId ?? null,
    text: mail.text ?? null,
    html: mail.html ?? null,
    headers: Object.fromEntries(mail.headers.map(({ key, value }) => [key, value])),
    bytes: bytes.length,
  };
}

function written(address: Address): string {
  if (address.address === undefined) return address.name;
  return address.name === '' ? address.address : `${address.name} <${address.address}>`;
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  mails: readonly CaughtMail[],
  timezone: string,
): void {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  const send = (status: number, type: string, policy: string, body: string): void => {
    response.writeHead(status, {
      'content-type': `${type}; charset=utf-8`,
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'text/plain', PAGE_POLICY, 'GET only\n');
  if (path === '/') return send(200, 'text/html', PAGE_POLICY, listPage(mails, timezone));
  if (path === '/api/mails') return send(200, 'application/json', PAGE_POLICY, JSON.stringify(mails));
  const [, prefix, id, part] = /^\/(mails|api\/mails)\/(\d{1,9})(\/html)?$/.exec(path) ?? [];
  const mail = mails.find((one) => one.id === Number(id));
  if (mail === undefined) return send(404, 'text/html', PAGE_POLICY, notFoundPage());
  if (prefix === 'api/mails') return send(200, 'application/json', PAGE_POLICY, JSON.stringify(mail));
  if (part === '/html') return send(200, 'text/html', MAIL_POLICY, mail.html ?? '');
  send(200, 'text/html', PAGE_POLICY, mailPage(mail, timezone));
}

function listening(server: Server | SMTPServer['server'], what: string, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      const [code, way] =
        cause.code === 'EADDRINUSE'
          ? ['PORT_IN_USE', 'Another program has it; choose another port, or 0 for any']
          : ['CANNOT_LISTEN', 'Choose another address or port'];
      reject(
        new CanhError(code, `The mailbox cannot listen for ${what} on ${host}:${port} (${cause.message}). ${way}.`, {
          cause,
        }),
      );
    };
    server.once('error', failed);
    server.listen(port, host, () => {
      server.removeListener('error', failed);
      resolve();
    });
  });
}

const closed = (server: Server | SMTPServer['server']): Promise<void> =>
  new Promise((resolve) => void server.close(() => resolve()));
const portOf = (server: Server | SMTPServer['server']): number => (server.address() as AddressInfo).port;
const hostText = (host: string): string => (host.includes(':') ? `[${host}]` : host);
