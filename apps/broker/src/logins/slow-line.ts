/**
 * Each takes a core for 10 to 14 ms and 19 MiB, and one of the four threads that the journal's disk needs too: 150 in a second where two cores
 * are free.
 */
const AT_ONCE = 2;
/** More than there are connections, unless somebody raised that. */
const MOST_WAITING = 16_384;
/** Longer than any client waits by itself: whoever is told to come again would wait at the end of the line. */
const LONGEST_WAIT_MS = 120_000;

interface Waiting {
  readonly since: number;
  readonly start: () => void;
  readonly tooLate: () => void;
}

/**
 * Lets slow work begin a few at a time, in the order in which it came. Who waits keeps their place for as long as they stay, so that
 * thousands who come back to a broker that was restarted are all let in at first try. It knows none of their passwords then: what was right is
 * remembered in memory alone, since on disk a quick hash would make the slow one worthless to a thief.
 */
export class SlowLine {
  private running = 0;
  private readonly waiting: Waiting[] = [];

  /** `now` in milliseconds, of a clock that nobody sets. */
  constructor(private readonly now: () => number) {}

  get length(): number {
    return this.waiting.length;
  }

  /** What `work` resolves to, or null where it could not begin: too many waited before it, or for too long. */
  run<T>(work: () => Promise<T>): Promise<T | null> {
    if (this.running >= AT_ONCE && this.waiting.length >= MOST_WAITING) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      const start = (): void => {
        this.running += 1;
        work()
          .then(resolve, reject)
          .finally(() => {
            this.running -= 1;
            this.next();
          });
      };
      if (this.running < AT_ONCE) start();
      else this.waiting.push({ since: this.now(), start, tooLate: () => resolve(null) });
    });
  }

  private next(): void {
    for (let first = this.waiting.shift(); first !== undefined; first = this.waiting.shift()) {
      if (this.now() - first.since <= LONGEST_WAIT_MS) return first.start();
      first.tooLate();
    }
  }
}
