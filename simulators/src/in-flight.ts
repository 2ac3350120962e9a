import { SECOND_MS } from '@canh/core/time/instant';
import type { WallClock } from './wall-clock.js';

/** After an interruption so long is waited for answers that are still out; a server that is gone must not hold up Ctrl-C. */
const GRACE_MS = 5 * SECOND_MS;

/** Promises that were started and are not settled yet, at most so many: the sender waits, nothing piles up. For one sender at a time. */
export class InFlight {
  private count = 0;
  private wake: (() => void) | null = null;

  constructor(
    private readonly most: number,
    private readonly clock: WallClock,
    private readonly signal?: AbortSignal,
  ) {}

  /** Takes `work` in; resolves as soon as there is room for more, or when interrupted. `work` must not reject. */
  async add(work: Promise<void>): Promise<void> {
    this.count += 1;
    void work.then(() => {
      this.count -= 1;
      this.wake?.();
    });
    while (this.count >= this.most && this.signal?.aborted !== true) await this.change();
  }

  /** Resolves when nothing is on the way any more; once interrupted, after a few seconds all the same. */
  async drained(): Promise<void> {
    while (this.count > 0 && this.signal?.aborted !== true) await this.change();
    if (this.count === 0) return;
    const enough = new AbortController();
    let isOver = false;
    const grace = this.clock.until(this.clock.now() + GRACE_MS, enough.signal).then(() => {
      isOver = true;
      this.wake?.();
    });
    while (this.count > 0 && !isOver) await this.change(false);
    enough.abort();
    await grace;
  }

  private change(orInterrupted = true): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.wake = null;
        this.signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.wake = wake;
      if (orInterrupted) this.signal?.addEventListener('abort', wake, { once: true });
    });
  }
}
