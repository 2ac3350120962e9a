/** Each takes a core and 19 MiB for a moment, and one of the four threads that the journal's disk needs too. */
const AT_ONCE = 2;
const MOST_WAITING = 4_096;
const LONGEST_WAIT_MS = 20_000;

interface Waiting {
  readonly since: number;
  readonly start: () => void;
  readonly tooLate: () => void;
}

/** Lets slow work begin a few at a time, in the order in which it came. */
export class SlowLine {
  private running = 0;
  private readonly waiting: Waiting[] = [];

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
      else this.waiting.push({ since: performance.now(), start, tooLate: () => resolve(null) });
    });
  }

  private next(): void {
    for (let first = this.waiting.shift(); first !== undefined; first = this.waiting.shift()) {
      if (performance.now() - first.since <= LONGEST_WAIT_MS) return first.start();
      first.tooLate();
    }
  }
}
