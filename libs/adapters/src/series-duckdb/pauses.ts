import type { Undone } from './duckdb-questions.js';

/** About six hours where it is tried every ten minutes: a day that cannot be sealed is heavy work each time. */
const MOST_PASSED_OVER = 35;

interface Pause extends Undone {
  readonly failures: number;
  left: number;
}

/** What failed, and how often it is passed over before it is tried again: not at all, then 1, 3, 7 times and so on. */
export class Pauses {
  readonly #failed = new Map<string, Pause>();

  /** Whether it is to be passed over this time. */
  over(what: string): boolean {
    const pause = this.#failed.get(what);
    if (pause === undefined || pause.left === 0) return false;
    pause.left -= 1;
    return true;
  }

  worked(what: string): void {
    this.#failed.delete(what);
  }

  failed(what: string, reason: string): void {
    const failures = (this.#failed.get(what)?.failures ?? 0) + 1;
    this.#failed.set(what, { what, reason, failures, left: Math.min(2 ** (failures - 1) - 1, MOST_PASSED_OVER) });
  }

  /** Forgets what is not among them: there is nothing to do there any more. */
  keepOnly(whats: ReadonlySet<string>): void {
    for (const what of this.#failed.keys()) if (!whats.has(what)) this.#failed.delete(what);
  }

  all(): Undone[] {
    return [...this.#failed.values()].map(({ what, reason }) => ({ what, reason }));
  }
}
