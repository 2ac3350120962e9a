import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, Instant } from '@canh/core/time/instant';

/** A clock that can also be waited on. Tests hand in one that jumps. */
export interface WallClock extends Clock {
  /** Resolves at `at` or at once when it is past, and also when `signal` is aborted. */
  until(at: Instant, signal?: AbortSignal): Promise<void>;
}

/** Node's timers hold at most 2^31-1 ms; shorter naps also notice when the machine's clock was set. */
const LONGEST_NAP_MS = 60_000;

/** The machine's clock. */
export const wallClock: WallClock = {
  now: () => Date.now(),
  async until(at, signal) {
    for (;;) {
      const left = at - Date.now();
      if (left <= 0 || signal?.aborted === true) return;
      try {
        await delay(Math.min(left, LONGEST_NAP_MS), undefined, signal === undefined ? {} : { signal });
      } catch {
        return; // the only rejection of a timer is its signal
      }
    }
  },
};
