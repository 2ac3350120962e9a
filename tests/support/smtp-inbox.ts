import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** A mail as it arrived. */
export interface ReceivedMail {
  readonly from: string;
  /** Whom the envelope named: who really gets it. */
  readonly to: readonly string[];
  readonly raw: string;
  readonly email: Email;
  /** Header values by their names in small letters. */
  readonly headers: ReadonlyMap<string, string>;
}

/** A mail server on a free port of this machine that takes everything and keeps it. */
export class SmtpInbox {
  readonly mails: ReceivedMail[] = [];
  /** Connections that were made. */
  connections = 0;
  private readonly waiting = new Set<() => void>();

  private constructor(
    private readonly server: SMTPServer,
    readonly port: number,
  ) {}

  /** `onMail` runs before a mail is answered; what it throws is the answer. */
  static async start(
    onMail?: (mail: ReceivedMail) => void | Promise<void>,
    options: SMTPServerOptions = {},
  ): Promise<SmtpInbox> {
    let inbox!: SmtpInbox;
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['AUTH', 'STARTTLS'],
      disableReverseLookup: true,
      closeTimeout: 1,
      onConnect: (_session, done) => {
        inbox.connections += 1;
        done();
      },
      onData: (stream, { envelope }, done) => {
        void (async () => {
          const raw = (await buffer(stream)).toString('utf8');
          const email = await PostalMime.parse(raw);
          const mail: ReceivedMail = {
            from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
            to: envelope.rcptTo.map(({ address }) => address),
            raw,
            email,
            headers: new Map(email.headers.map(({ key, value }) => [key, value])),
          };
          await onMail?.(mail);
          inbox.mails.push(mail);
          for (const look of inbox.waiting) look();
        })().then(() => done(null, 'queued'), done);
      },
      ...options,
    });
    server.on('error', () => {});
    const listener = server.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    inbox = new SmtpInbox(server, (listener.address() as AddressInfo).port);
    return inbox;
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  /** Resolves with the mails once there are `count` of them. */
  async received(count: number): Promise<readonly ReceivedMail[]> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.mails.length < count) return;
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
      look();
    });
    return this.mails;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}
