import type { Instant } from '../time/instant.js';
import type { ChannelName, Contact, Delivery, DeliveryState, Notice, Outcome } from './notice.js';

/** One try to deliver, as it is shown to whoever asks what happened. */
export interface Attempt {
  readonly at: Instant;
  readonly outcome: Outcome;
}

/** A delivery as the alert's page shows it. */
export interface DeliveryRecord {
  readonly id: string;
  readonly event: Notice['event'];
  readonly contactName: string;
  readonly channel: Contact['channel'];
  readonly address: string;
  readonly state: DeliveryState;
  /** When it will be tried again; null unless pending. */
  readonly nextAttemptAt: Instant | null;
  readonly attempts: readonly Attempt[];
}

/** The wishes to notify and what became of them. */
export abstract class Outbox {
  /** Notices for which no deliveries were planned yet, oldest first. */
  abstract unplanned(limit: number): Promise<Notice[]>;
  /** Makes one pending delivery for each contact and marks the notice planned, in one transaction. */
  abstract plan(notice: Notice, to: readonly Contact[]): Promise<void>;
  /**
   * Pending deliveries of one channel whose time has come, longest waiting first: a mail server that hangs must not hold up a webhook.
   * A `returned` is held back while an earlier delivery of the same alert to the same contact is pending: nobody hears of the end first.
   */
  abstract due(now: Instant, limit: number, channel: ChannelName): Promise<Delivery[]>;
  /** Keeps the attempt and what follows from it. */
  abstract record(
    deliveryId: string,
    attempt: Attempt,
    next: { state: DeliveryState; nextAttemptAt: Instant | null },
  ): Promise<void>;
  abstract ofAlert(alertId: string): Promise<DeliveryRecord[]>;
}

/** Who is told. */
export abstract class ContactBook {
  abstract list(): Promise<Contact[]>;
  /** Adds it, or replaces what has the same id. */
  abstract put(contact: Contact): Promise<void>;
  abstract remove(id: string): Promise<void>;
}
