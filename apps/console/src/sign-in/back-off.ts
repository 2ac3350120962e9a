import { HOUR_MS, MINUTE_MS, SECOND_MS, type Clock, type Instant } from '@canh/core/time/instant';
import { networkOf } from '@canh/runtime/network-of';

/** After so many failures in a row every further one doubles the wait. An address may stand for a whole office behind one router. */
const FREE_FAILURES = { account: 5, address: 10 } as const;
const FIRST_WAIT_MS = SECOND_MS;
const LONGEST_WAIT_MS = 15 * MINUTE_MS;
const FORGET_AFTER_MS = HOUR_MS;
const MAX_KEYS = 10_000;

interface Failures {
  count: number;
  lastAt: Instant;
}

/** One try to sign in, admitted. It counts as failed until it is forgiven, so that a thousand at the same moment are not all admitted. */
export interface Attempt {
  succeeded(): void;
}

/**
 * Slows guessing down, per account and per address. Nobody is locked out for good, and a session that is signed in is never touched.
 * In memory: a restart forgives, and costs a guesser more time than it gives.
 */
export class BackOff {
  private readonly failures = new Map<string, Failures>();

  constructor(private readonly clock: Clock) {}

  /** Either the attempt, or how long to wait before the next. */
  admit(login: string, address: string): Attempt | { waitMs: number } {
    const now = this.clock.now();
    const account = `account ${login.normalize('NFC').toLowerCase()}`;
    const from = `address ${networkOf(address)}`;
    const waitMs = Math.max(
      this.waitMs(account, FREE_FAILURES.account, now),
      this.waitMs(from, FREE_FAILURES.address, now),
    );
    if (waitMs > 0) return { waitMs };
    this.count(account, now);
    this.count(from, now);
    return {
      succeeded: () => {
        this.failures.delete(account);
        // Only this one: a guesser with an account of his own must not wash his address clean with it.
        const address = this.failures.get(from);
        if (address !== undefined) address.count -= 1;
      },
    };
  }

  private waitMs(key: string, free: number, now: Instant): number {
    const failed = this.failures.get(key);
    if (failed === undefined || failed.count < free) return 0;
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failed.count - free));
    // A clock that was set back must not make the wait longer than it is.
    return Math.min(wait, failed.lastAt + wait - now);
  }

  private count(key: string, now: Instant): void {
    const before = this.failures.get(key);
    const count = before === undefined || now - before.lastAt >= FORGET_AFTER_MS ? 0 : before.count;
    this.failures.delete(key);
    this.failures.set(key, { count: count + 1, lastAt: now });
    if (this.failures.size > MAX_KEYS) {
      const [longestQuiet] = this.failures.keys();
      if (longestQuiet !== undefined) this.failures.delete(longestQuiet);
    }
  }
}
