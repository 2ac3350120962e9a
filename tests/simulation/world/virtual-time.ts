import { Chance } from './chance.js';

/** Whose work a step is: what a process has begun falls silent when it dies. */
export class Owner {
  alive = true;
  /** What its own code threw where nobody could catch it: the end of a real process. */
  died: ((error: unknown) => void) | null = null;

  constructor(readonly name: string) {}
}

interface Step {
  readonly at: number;
  readonly order: number;
  readonly owner: Owner;
  cancelled: boolean;
  run: () => void;
}

class VirtualTimer {
  step: Step | null = null;

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

const settled = setImmediate;
const FNV_PRIME = 0x01000193;

/**
 * The only clock of a simulating process, and its only scheduler: one step at a time, each followed until nothing it has set going is
 * pending. `install` puts it in the place of the timers and clocks that the production modules find as globals.
 */
export class VirtualTime {
  /** Milliseconds that have passed; what a monotonic clock says. */
  now = 0;
  /** What the wall clock is ahead of `now`; somebody may set it. */
  wallAhead = 0;
  owner: Owner = WORLD;
  /** How much later than asked a timer may fire. */
  latestMs = 1;
  steps = 0;
  /** A hash of everything that happened. */
  trace = 0x811c9dc5;
  /** What happened, for a person; kept only when asked for. */
  story: string[] | null = null;

  private queue: Step[] = [];
  private order = 0;
  private chance = new Chance(0);

  /** Forgets everything: the beginning of another run. */
  begin(seed: Chance, wallClock: number): void {
    this.queue = [];
    [this.now, this.order, this.steps, this.trace] = [0, 0, 0, 0x811c9dc5];
    this.wallAhead = wallClock;
    this.owner = WORLD;
    this.chance = seed.fork('timers');
  }

  wall(): number {
    return Math.floor(this.now + this.wallAhead);
  }

  note(what: string): void {
    let { trace } = this;
    for (let at = 0; at < what.length; at += 1) trace = Math.imul(trace ^ what.charCodeAt(at), FNV_PRIME);
    this.trace = Math.imul(trace ^ Math.floor(this.now * 1000), FNV_PRIME) >>> 0;
    this.story?.push(`${(this.now / 1000).toFixed(3).padStart(9)}  ${this.owner.name.padEnd(12)} ${what}`);
  }

  /** Runs `run` after `delayMs`, unless the owner is dead by then. */
  after(delayMs: number, run: () => void, owner = this.owner): Step {
    const step = { at: this.now + Math.max(0, delayMs), order: this.order++, owner, cancelled: false, run };
    this.push(step);
    return step;
  }

  /** Resolves after `delayMs`; never, once its owner is dead. */
  pause(delayMs: number, owner = this.owner): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve, owner);
    });
  }

  /** Does it at once as somebody else's work. */
  as<Result>(owner: Owner, act: () => Result): Result {
    const before = this.owner;
    this.owner = owner;
    try {
      return act();
    } finally {
      this.owner = before;
    }
  }

  /** Goes on until `done`, at most until `deadline`. Returns whether it was done. */
  async run(done: () => boolean, deadline: number): Promise<boolean> {
    while (!done()) {
      const step = this.pop();
      if (step === undefined || step.at > deadline) {
        if (step !== undefined) this.push(step);
        return false;
      }
      if (step.cancelled || !step.owner.alive) continue;
      if (step.at > this.now) this.now = step.at;
      this.steps += 1;
      this.owner = step.owner;
      try {
        step.run();
      } catch (error) {
        if (step.owner.died === null) throw error;
        step.owner.died(error);
      }
      await new Promise(settled);
    }
    return true;
  }

  install(): void {
    const timer = (delay: number | undefined, run: () => void, again: boolean): VirtualTimer => {
      const handle = new VirtualTimer();
      const every = Math.max(again ? 1 : 0, delay ?? 0);
      const { owner } = this;
      const set = (): void => {
        handle.step = this.after(every + this.late(), fire, owner);
      };
      const fire = (): void => {
        handle.step = null;
        if (again) set();
        run();
      };
      set();
      return handle;
    };
    const clear = (handle: unknown): void => {
      if (!(handle instanceof VirtualTimer) || handle.step === null) return;
      handle.step.cancelled = true;
      handle.step = null;
    };
    Object.assign(globalThis, {
      setTimeout: (run: (...rest: unknown[]) => void, delay?: number, ...rest: unknown[]) =>
        timer(delay, () => run(...rest), false),
      setInterval: (run: (...rest: unknown[]) => void, delay?: number, ...rest: unknown[]) =>
        timer(delay, () => run(...rest), true),
      setImmediate: (run: (...rest: unknown[]) => void, ...rest: unknown[]) => {
        const handle = new VirtualTimer();
        handle.step = this.after(0, () => run(...rest));
        return handle;
      },
      clearTimeout: clear,
      clearInterval: clear,
      clearImmediate: clear,
    });
    Date.now = () => this.wall();
    performance.now = () => this.now;
  }

  private late(): number {
    // Mostly on time, now and then as late as on a busy machine.
    return this.chance.is(0.2) ? this.chance.upTo(1) : this.chance.upTo(this.latestMs);
  }

  private push(step: Step): void {
    const { queue } = this;
    let at = queue.length;
    queue.push(step);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = queue[above]!;
      if (!isBefore(step, other)) break;
      queue[at] = other;
      at = above;
    }
    queue[at] = step;
  }

  private pop(): Step | undefined {
    const { queue } = this;
    const first = queue[0];
    const last = queue.pop();
    if (first === undefined || last === undefined || queue.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= queue.length) break;
      if (below + 1 < queue.length && isBefore(queue[below + 1]!, queue[below]!)) below += 1;
      if (!isBefore(queue[below]!, last)) break;
      queue[at] = queue[below]!;
      at = below;
    }
    queue[at] = last;
    return first;
  }
}

const isBefore = (a: Step, b: Step): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** What never dies: networks, other people's servers, the passing of time. */
export const WORLD = new Owner('world');
