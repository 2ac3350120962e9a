import type { Alert } from '../alerts/alert.js';
import type { NoticeEvent } from '../alerts/lifecycle.js';
import type { Severity } from '../rules/rule.js';
import type { Language } from '../stations/local-text.js';
import type { Instant } from '../time/instant.js';

/** The wish to tell people, saved with the alert's step: a row of the outbox. */
export interface Notice {
  readonly id: string;
  readonly event: NoticeEvent;
  readonly createdAt: Instant;
  /** The alert as it was at that step. */
  readonly alert: Alert;
}

export type ChannelName = 'email' | 'webhook';

/** Somebody or something that is told. */
export interface Contact {
  readonly id: string;
  readonly name: string;
  readonly channel: ChannelName;
  /** One bare e-mail address, or the URL of a webhook. */
  readonly address: string;
  readonly language: Language;
  /** Milder alerts are not sent to this contact. */
  readonly fromSeverity: Severity;
}

/** One message to one contact. */
export interface Delivery {
  /** Names it for ever: the Message-ID of the e-mail, the Idempotency-Key of the webhook. */
  readonly id: string;
  readonly notice: Notice;
  readonly contact: Contact;
  /** Attempts made so far. */
  readonly attempts: number;
}

/** What a channel reports of one attempt; `answer` is the other side's own words. */
export type Outcome =
  | { readonly kind: 'accepted'; readonly answer: string }
  /** Refused for good: trying again would get the same answer. */
  | { readonly kind: 'refused'; readonly answer: string }
  | { readonly kind: 'failed'; readonly answer: string };

export type DeliveryState = 'pending' | 'accepted' | 'refused' | 'given-up';
