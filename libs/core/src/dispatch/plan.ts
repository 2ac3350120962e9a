import { severityRank } from '../rules/rule.js';
import { HOUR_MS, MINUTE_MS, SECOND_MS, type Instant } from '../time/instant.js';
import type { Contact, DeliveryState, Notice, Outcome } from './notice.js';

/** Who is told of this. A return is told to whoever was told of the worst, so the worst decides. */
export function recipients(notice: Notice, contacts: readonly Contact[]): Contact[] {
  const severity = notice.event === 'returned' ? notice.alert.worst : notice.alert.severity;
  return contacts.filter((contact) => severityRank(severity) >= severityRank(contact.fromSeverity));
}

/** A mail server that greylists answers well within these; after an hour between tries nothing is gained by hurrying. */
const FIRST_WAIT_MS = 5 * SECOND_MS;
export const LONGEST_WAIT_MS = 15 * MINUTE_MS;
export const GIVE_UP_AFTER_MS = 24 * HOUR_MS;
/** A day of trying comes to more than these; a clock that was set forward by a day does not. */
const LEAST_TRIES = 100;

/** What follows from an attempt, the `attempts`-th. `spread` in [0, 1) comes from outside and keeps many from trying at once. */
export function afterAttempt(
  outcome: Outcome,
  attempts: number,
  createdAt: Instant,
  now: Instant,
  spread: number,
): { state: DeliveryState; nextAttemptAt: Instant | null } {
  if (outcome.kind === 'accepted') return { state: 'accepted', nextAttemptAt: null };
  if (outcome.kind === 'refused') return { state: 'refused', nextAttemptAt: null };
  if (now - createdAt >= GIVE_UP_AFTER_MS && attempts >= LEAST_TRIES) return { state: 'given-up', nextAttemptAt: null };
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempts - 1));
  return { state: 'pending', nextAttemptAt: now + Math.round(wait * (0.5 + spread / 2)) };
}
