import { createHash } from 'node:crypto';
import {
  createTransport,
  type NodemailerError,
  type SendMailOptions,
  type Transporter,
  type SMTPPoolSentMessageInfo,
} from 'nodemailer';
import { CanhError } from '@canh/core/canh-error';
import type { Clock } from '@canh/core/time/instant';
import { Channel, type NamedIncident, type NoticeContext } from '@canh/core/dispatch/channel';
import { oneLine } from '@canh/core/dispatch/clean-text';
import { isMailAddress } from '@canh/core/dispatch/mail-address';
import { confirmationText, type AsksForConfirmation, type Unconfirmed } from '@canh/core/dispatch/confirmation';
import { digestText, plainDigest } from '@canh/core/dispatch/digest-text';
import type { Contact, DigestDelivery, Outcome, SingleDelivery } from '@canh/core/dispatch/notice';
import { noticeText, plainText, type NoticeText } from '@canh/core/dispatch/notice-text';
import { confirmationHtml } from './confirmation-html.js';
import { digestHtml } from './digest-html.js';
import { mailHtml } from './mail-html.js';
import { failedOutcome } from './smtp-outcome.js';

export interface EmailOptions {
  /** `smtp://user:password@host:587` or `smtps://…`; its query is nodemailer's, e.g. `?tls.rejectUnauthorized=false`. */
  readonly url: string;
  /** One bare address. */
  readonly from: string;
  readonly timeZone: string;
  readonly connections: number;
  readonly clock: Clock;
  /** Nothing may hold a message longer, not even a server that answers one byte at a time. */
  readonly deadlineMs?: number;
  /** For how long a server may say nothing at all. */
  readonly silenceMs?: number;
}

const CONNECT_WITHIN_MS = 10_000;
const SILENCE_MS = 30_000;
const DEADLINE_MS = 60_000;
const IDLE_MS = 20_000;
const LONGEST_ANSWER = 300;

/** Letters that need no quoting in a message id. */
const PLAIN_ID = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

/** `id` where it can stand in a message id as it is, otherwise a name made of it: the same every time. */
function idPart(id: string): string {
  return PLAIN_ID.test(id) && id.length <= 120 ? id : createHash('sha256').update(id).digest('hex').slice(0, 40);
}

/** E-mail through one SMTP server. Each message goes to one address; its Message-ID is the delivery's, however often it is sent. */
export class EmailChannel extends Channel implements AsksForConfirmation {
  override readonly name = 'email';
  private readonly host: string;

  private constructor(
    private readonly transport: Transporter<SMTPPoolSentMessageInfo>,
    private readonly options: EmailOptions,
  ) {
    super();
    this.host = options.from.slice(options.from.lastIndexOf('@') + 1);
  }

  /** Connects with the first message. Throws CanhError `BAD_SETTING` where the sender is not one bare address. */
  static open(options: EmailOptions): EmailChannel {
    if (!isMailAddress(options.from))
      throw new CanhError(
        'BAD_SETTING',
        `The sender '${options.from}' is not one bare e-mail address. Write it as canh@example.vn.`,
      );
    const transport = createTransport({
      url: options.url,
      pool: true,
      maxConnections: options.connections,
      // Trying again is the outbox's business: it survives a restart and waits longer each time.
      maxRequeues: 1,
      // Sooner than servers do it: a message that meets a server's "421 idle" on its way can be reported lost and arrive all the same.
      idleTimeout: IDLE_MS,
      connectionTimeout: CONNECT_WITHIN_MS,
      greetingTimeout: CONNECT_WITHIN_MS,
      dnsTimeout: CONNECT_WITHIN_MS,
      socketTimeout: options.silenceMs ?? SILENCE_MS,
    });
    return new EmailChannel(transport, options);
  }

  override send({ id, notice, contact }: SingleDelivery, context: NoticeContext): Promise<Outcome> {
    return this.mail(contact, () => {
      const { timeZone, clock } = this.options;
      const text = noticeText(notice, context, contact.language, timeZone, clock.now());
      // Every message of an alert answers the same one, which nobody got: programs put them together whichever of them arrived.
      const thread = `<alert.${idPart(notice.alert.id)}@${this.host}>`;
      const message = this.message(id, contact, text);
      return { ...message, inReplyTo: thread, references: thread, text: plainText(text), html: mailHtml(text) };
    });
  }

  override sendDigest({ id, contact }: DigestDelivery, named: readonly NamedIncident[]): Promise<Outcome> {
    return this.mail(contact, () => {
      const text = digestText(named, contact.language, this.options.timeZone);
      return { ...this.message(id, contact, text), text: plainDigest(text), html: digestHtml(text) };
    });
  }

  ask(unconfirmed: Unconfirmed): Promise<Outcome> {
    const { contact, mailId } = unconfirmed;
    return this.mail(contact, () => {
      const text = confirmationText(unconfirmed);
      const about = { subject: text.subject, tone: 'returned', language: contact.language } as const;
      return {
        ...this.message(mailId, contact, about),
        text: [text.headline, ...text.lines, ''].join('\n\n'),
        html: confirmationHtml(text, contact.language),
      };
    });
  }

  override close(): Promise<void> {
    const pool = this.transport.transporter as { close?: (options: { force: boolean }) => void };
    pool.close?.({ force: true });
    return Promise.resolve();
  }

  private async mail({ address }: Contact, compose: () => SendMailOptions): Promise<Outcome> {
    // Checked where the address is taken in as well; here it decides who reads the message.
    if (!isMailAddress(address))
      return {
        kind: 'refused',
        answer: `'${oneLine(address, 100)}' is not one bare e-mail address. Correct the contact.`,
      };
    try {
      const sent = await this.transport.sendMail({
        ...compose(),
        signal: AbortSignal.timeout(this.options.deadlineMs ?? DEADLINE_MS),
      });
      const [rejected] = sent.rejectedErrors ?? [];
      // A server that refuses the one address among its recipients has still taken the message, for nobody.
      if (sent.rejected.length > 0) return failedOutcome(rejected ?? new Error('The server refused the address.'));
      return { kind: 'accepted', answer: oneLine(sent.response, LONGEST_ANSWER) };
    } catch (error) {
      return failedOutcome(error as NodemailerError);
    }
  }

  private message(
    id: string,
    contact: Contact,
    { subject, tone, language }: Pick<NoticeText, 'subject' | 'tone' | 'language'>,
  ): SendMailOptions {
    const { from } = this.options;
    return {
      from: { name: 'Canh', address: from },
      to: { address: contact.address },
      envelope: { from, to: [contact.address] },
      messageId: `<${idPart(id)}@${this.host}>`,
      subject,
      priority: tone === 'critical' ? 'high' : 'normal',
      headers: {
        // RFC 3834, and what Exchange looks at: no automatic reply shall answer an automatic message.
        'Auto-Submitted': 'auto-generated',
        'X-Auto-Response-Suppress': 'All',
        'Content-Language': language,
      },
      disableFileAccess: true,
      disableUrlAccess: true,
      xMailer: false,
    };
  }
}
