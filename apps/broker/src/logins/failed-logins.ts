/** How many failures in a row are let through, and how long it takes until one of them is forgotten. */
interface Allowance {
  readonly burst: number;
  readonly forgetOneMs: number;
}

/** Whoever guesses elsewhere keeps no device out that stands behind another address. */
const OF_NAME_FROM_THERE: Allowance = { burst: 10, forgetOneMs: 30_000 };
const OF_NAME: Allowance = { burst: 1_000, forgetOneMs: 10_000 };
/** An address may stand for hundreds of devices behind one router, of which a few have a wrong password for ever. */
const OF_ADDRESS: Allowance = { burst: 100, forgetOneMs: 2_000 };
const MOST_REMEMBERED = 10_000;

/**
 * Slows the guessing of passwords down, by user name and by address: each may fail so often, and then once for each failure that is
 * forgotten. Asked only before a slow hash, so that what is known to be right is never held up by what its neighbours get wrong.
 */
export class FailedLogins {
  private readonly names: Leaking;
  private readonly namesFromThere: Leaking;
  private readonly addresses: Leaking;

  /** `now` in milliseconds, of a clock that nobody sets. */
  constructor(now: () => number) {
    this.names = new Leaking(OF_NAME, now);
    this.namesFromThere = new Leaking(OF_NAME_FROM_THERE, now);
    this.addresses = new Leaking(OF_ADDRESS, now);
  }

  areTooMany(name: string, address: string): boolean {
    return this.names.isFull(name) || this.namesFromThere.isFull(pair(name, address)) || this.addresses.isFull(address);
  }

  add(name: string, address: string): void {
    this.names.add(name);
    this.namesFromThere.add(pair(name, address));
    this.addresses.add(address);
  }
}

function pair(name: string, address: string): string {
  return JSON.stringify([name, address]);
}

class Leaking {
  private readonly failures = new Map<string, { readonly count: number; readonly at: number }>();

  constructor(
    private readonly allowance: Allowance,
    private readonly now: () => number,
  ) {}

  isFull(key: string): boolean {
    return this.count(key) + 1 > this.allowance.burst;
  }

  add(key: string): void {
    const count = this.count(key) + 1;
    this.failures.delete(key);
    this.failures.set(key, { count, at: this.now() });
    if (this.failures.size <= MOST_REMEMBERED) return;
    const [longestQuiet] = this.failures.keys();
    if (longestQuiet !== undefined) this.failures.delete(longestQuiet);
  }

  private count(key: string): number {
    const last = this.failures.get(key);
    return last === undefined ? 0 : Math.max(0, last.count - (this.now() - last.at) / this.allowance.forgetOneMs);
  }
}
