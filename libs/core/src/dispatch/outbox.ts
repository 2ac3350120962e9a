import type { Instant } from '../time/instant.js';
import type { Unconfirmed } from './confirmation.js';
import type { ChannelName, Contact, Delivery, DeliveryState, Notice, Outcome } from './notice.js';
import type { TellingBounds } from './telling-bounds.js';

/** One try to deliver, as it is shown to whoever asks what happened. */
export interface Attempt {
  readonly at: Instant;
  readonly outcome: Outcome;
}

/** What became of one notice for one contact, as the alert's page shows it. */
export interface DeliveryRecord {
  /** Of this notice and contact; the name of the message too, unless another one carries it. */
  readonly id: string;
  /** The message that carries it, alone or with others. */
  readonly deliveryId: string;
  /** Whether that is a digest. */
  readonly digest: boolean;
  readonly event: Notice['event'];
  readonly contactName: string;
  readonly channel: Contact['channel'];
  readonly address: string;
  readonly state: DeliveryState;
  /** When it will be tried, or the digest that waits for more is complete; null unless pending. */
  readonly nextAttemptAt: Instant | null;
  readonly attempts: readonly Attempt[];
}

/** The wishes to notify and what became of them. */
export abstract class Outbox {
  /** Notices for which no deliveries were planned yet: first those of alerts that became critical meanwhile, then the others; oldest first. */
  abstract unplanned(limit: number): Promise<Notice[]>;
  /**
   * Asks `planDeliveries` and saves what it says, in one transaction; notices that were planned before are passed over. Returns what was
   * decided: how many of the tellings wait for a digest, and of which notices nobody is told.
   */
  abstract plan(
    notices: readonly Notice[],
    contacts: readonly Contact[],
    bounds: TellingBounds,
    now: Instant,
  ): Promise<{ readonly waiting: number; readonly nobody: readonly Notice[] }>;
  /** Closes the digests that `completeDigests` names: from then on they are pending, and say what they say. Returns how many. */
  abstract closeDigests(bounds: TellingBounds, now: Instant): Promise<number>;
  /**
   * Pending deliveries of one channel whose time has come and that are not among `except`, longest waiting first, digests behind the others
   * and at most `digests` of them: a mail server that hangs must not hold up a webhook, nor many long mails a short one. A `returned` is held back while an earlier delivery of the same alert to the same contact is pending:
   * nobody hears of the end first. A digest, which tells of others too, is held back for at most 15 minutes.
   */
  abstract due(
    now: Instant,
    limit: number,
    channel: ChannelName,
    digests?: number,
    except?: ReadonlySet<string>,
  ): Promise<Delivery[]>;
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
  /**
   * Adds it, or replaces what has the same id. `confirmed` false: nobody knows that the e-mail address is right, so it must be confirmed
   * before alerts go there, unless this contact had the same address before.
   */
  abstract put(contact: Contact, confirmed?: boolean): Promise<void>;
  abstract unconfirmed(): Promise<Unconfirmed[]>;
  /** Keeps what became of the mail with the code. */
  abstract asked(mailId: string, next: { state: DeliveryState; nextAttemptAt: Instant | null }): Promise<void>;
  /** Whether that is the code of this contact, or none is needed any more. What has waited goes out then. */
  abstract confirm(id: string, code: string): Promise<boolean>;
  abstract remove(id: string): Promise<void>;
}
