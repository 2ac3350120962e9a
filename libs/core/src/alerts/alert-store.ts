import type { Transition } from '../rules/transition.js';
import type { Instant } from '../time/instant.js';
import type { Alert, AlertEvent, OperatorId } from './alert.js';
import type { Answer } from './lifecycle.js';

/** Alerts as the rules write them. */
export abstract class AlertStore {
  /**
   * For each transition, in order: loads the alert still open for its rule and station, asks `onTransition`, and saves alert, event and
   * notices in one transaction. A transition that was saved before (same rule, station, time and kind) is passed over whole, so a
   * replay of the journal changes nothing. Returns how many were new.
   */
  abstract apply(transitions: readonly Transition[], now: Instant): Promise<number>;
}

/** An alert with the number of its latest change: larger is later, over all alerts. */
export interface AlertChange {
  readonly change: number;
  readonly alert: Alert;
}

/** Alerts as operators see and answer them. */
export abstract class AlertDesk {
  /** Newest change first: `open` is everything but closed. */
  abstract list(which: 'open' | 'all', limit: number): Promise<Alert[]>;
  abstract one(id: string): Promise<{ alert: Alert; history: AlertEvent[] } | null>;
  /** Alerts of one station whose firing time meets [from, to). */
  abstract ofStation(stationId: string, from: Instant, to: Instant): Promise<Alert[]>;
  /** Asks `acknowledge` inside one transaction; null: no such alert. */
  abstract acknowledge(
    id: string,
    seenVersion: number,
    by: OperatorId,
    at: Instant,
    note: string | null,
  ): Promise<Answer | null>;
  /** Alerts changed after `change`, each once as it is now, oldest change first. */
  abstract changedAfter(change: number, limit: number): Promise<AlertChange[]>;
  /** The number of the latest change, 0 when there is none. */
  abstract latestChange(): Promise<number>;
}
