/** Promises that were started and are not settled yet, at most so many: the sender waits, nothing piles up. */
export class InFlight {
  private count = 0;
  private wake: (() => void) | null = null;

  constructor(private readonly most: number) {}

  /** Takes `work` in; resolves as soon as there is room for more. `work` must not reject. */
  async add(work: Promise<void>): Promise<void> {
    this.count += 1;
    void work.finally(() => {
      this.count -= 1;
      this.wake?.();
    });
    while (this.count >= this.most) await this.change();
  }

  /** Resolves when nothing is on the way any more. */
  async drained(): Promise<void> {
    while (this.count > 0) await this.change();
  }

  /** One waits at a time: the loop that adds. */
  private change(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = () => {
        this.wake = null;
        resolve();
      };
    });
  }
}
