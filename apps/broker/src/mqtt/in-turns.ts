/** Then the event loop has its turn: what is asked of one may take a hundredth of this, and messages wait meanwhile. */
const AT_A_TIME_MS = 4;

/** Does the same with each of many, for a few milliseconds at a time. */
export class InTurns<T> {
  private running = false;
  private again = false;
  private done = Promise.resolve();

  /** `now` in milliseconds, of a clock that nobody sets. */
  constructor(
    private readonly all: ReadonlySet<T>,
    private readonly each: (one: T) => void,
    private readonly now: () => number,
  ) {}

  /**
   * Begins at once; resolves when each of those that were there has had its turn since this call. Asked while it runs, it goes through all
   * of them once more behind that. Rejects with what `each` throws, and leaves the others out.
   */
  run(): Promise<void> {
    if (this.running) this.again = true;
    else this.done = this.through();
    return this.done;
  }

  private async through(): Promise<void> {
    this.running = true;
    try {
      do {
        this.again = false;
        let until = this.now() + AT_A_TIME_MS;
        for (const one of this.all) {
          this.each(one);
          if (this.now() < until) continue;
          await new Promise((resolve) => setImmediate(resolve));
          until = this.now() + AT_A_TIME_MS;
        }
      } while (this.again);
    } finally {
      this.running = false;
    }
  }
}
