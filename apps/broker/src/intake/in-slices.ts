/** Tells a door what became of a message: null when it is on disk. */
export type Told = (error: Error | null) => void;

/** Thousands of messages may become durable with one fdatasync; between so many, the event loop has its turn. */
const TOLD_AT_ONCE = 500;

interface Outcome {
  readonly told: readonly Told[];
  readonly error: Error | null;
  readonly after: () => void;
}

/** Tells the senders of whole groups of messages what became of them, in order and in slices. */
export class InSlices {
  private readonly outcomes: Outcome[] = [];
  private next = 0;
  private running = false;

  /** `after` is called behind the last of them. */
  tell(told: readonly Told[], error: Error | null, after: () => void): void {
    this.outcomes.push({ told, error, after });
    if (!this.running) this.slice();
  }

  private readonly slice = (): void => {
    this.running = true;
    let left = TOLD_AT_ONCE;
    for (let outcome = this.outcomes[0]; outcome !== undefined; outcome = this.outcomes[0]) {
      const { told, error, after } = outcome;
      for (; this.next < told.length && left > 0; left -= 1) {
        const tell = told[this.next]!;
        this.next += 1;
        tell(error);
      }
      if (this.next < told.length) {
        setImmediate(this.slice);
        return;
      }
      this.outcomes.shift();
      this.next = 0;
      after();
    }
    this.running = false;
  };
}
