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

/** Whether it says that something is critical now: that goes before all else. */
export function isUrgent(event: NoticeEvent, { severity }: Alert): boolean {
  return event !== 'returned' && severity === 'critical';
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

interface Message {
  /** Names it for ever: the Message-ID of the e-mail, the Idempotency-Key of the webhook. */
  readonly id: string;
  readonly contact: Contact;
  /** Attempts made so far. */
  readonly attempts: number;
}

/** One message to one contact about one alert. */
export interface SingleDelivery extends Message {
  readonly kind: 'single';
  readonly notice: Notice;
}

/** One message to one contact about many alerts. */
export interface DigestDelivery extends Message {
  readonly kind: 'digest';
  /** When it took up its last notice; what it says never changes after. */
  readonly closedAt: Instant;
  /** In the order in which they were written; at least one. */
  readonly notices: readonly Notice[];
}

export type Delivery = SingleDelivery | DigestDelivery;

/** What a channel reports of one attempt; `answer` is the other side's own words. */
export type Outcome =
  | { readonly kind: 'accepted'; readonly answer: string }
  /** Refused for good: trying again would get the same answer. */
  | { readonly kind: 'refused'; readonly answer: string }
  | { readonly kind: 'failed'; readonly answer: string };

export type DeliveryState = 'pending' | 'accepted' | 'refused' | 'given-up';
