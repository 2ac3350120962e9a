import type { Instant } from '@canh/core/time/instant';

/** A mail as it was caught. */
export interface CaughtMail {
  /** Counts from 1 in the order of arrival. */
  readonly id: number;
  readonly receivedAt: Instant;
  readonly from: string;
  /** Who it was delivered to (the envelope), whatever its header says. */
  readonly to: readonly string[];
  readonly subject: string;
  readonly messageId: string | null;
  readonly text: string | null;
  readonly html: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: number;
}
