import { BlockList, isIP } from 'node:net';
import { networkOf } from '@canh/runtime/network-of';

const THIS_MACHINE = new BlockList();
THIS_MACHINE.addSubnet('127.0.0.0', 8);
THIS_MACHINE.addAddress('::1', 'ipv6');

/** So often those are let in whose turn has come. */
const TURN_MS = 20;

export interface DoorkeeperLimits {
  /** Connections at once. */
  readonly connections: number;
  /** Of them from one address, or one network of IPv6; this machine's own has no such limit: behind a proxy it stands for all. */
  readonly connectionsPerAddress: number;
  /** Let in each second. Who comes faster waits for a turn, and is not turned away. */
  readonly connectsPerSecond: number;
}

/** What is let in: a stream that ends. */
interface Guest {
  readonly destroyed: boolean;
  once(event: 'close', left: () => void): unknown;
}

/** Counts who is there, turns away who is too many, and lets in the others no faster than they can be dealt with. */
export class Doorkeeper {
  private readonly ofAddress = new Map<string, number>();
  private readonly waiting: { readonly guest: Guest; readonly enter: () => void }[] = [];
  private there = 0;
  private letIn = 0;
  private turns: NodeJS.Timeout | null = null;

  constructor(private readonly limits: DoorkeeperLimits) {}

  /** Connections that are there, the waiting ones among them. */
  get count(): number {
    return this.there;
  }

  /** Calls `enter` now or when it has its turn, and never for one that has gone meanwhile. Gives the reason where it is too many; then it is the caller's to hang up. */
  admit(guest: Guest, address: string, enter: () => void): string | null {
    const { connections, connectionsPerAddress } = this.limits;
    const network = networkOf(address);
    const ofAddress = this.ofAddress.get(network) ?? 0;
    if (this.there >= connections) return `${connections} connections are open`;
    if (ofAddress >= connectionsPerAddress && !isThisMachine(address))
      return `${connectionsPerAddress} connections are open from this address`;
    this.there += 1;
    this.ofAddress.set(network, ofAddress + 1);
    guest.once('close', () => this.left(network));
    if (this.waiting.length === 0 && this.letIn < this.limits.connectsPerSecond) this.enters(enter);
    else this.waiting.push({ guest, enter });
    this.turns ??= setInterval(() => this.turn(), TURN_MS).unref();
    return null;
  }

  close(): void {
    if (this.turns !== null) clearInterval(this.turns);
    this.waiting.length = 0;
  }

  private enters(enter: () => void): void {
    this.letIn += 1;
    enter();
  }

  /** What was let in a moment ago counts less and less, so that the rate holds in the long run and a few at once need not wait. */
  private turn(): void {
    this.letIn = Math.max(0, this.letIn - (this.limits.connectsPerSecond * TURN_MS) / 1_000);
    let next = 0;
    while (next < this.waiting.length && this.letIn < this.limits.connectsPerSecond) {
      const { guest, enter } = this.waiting[next]!;
      next += 1;
      if (!guest.destroyed) this.enters(enter);
    }
    this.waiting.splice(0, next);
    if (this.waiting.length > 0 || this.letIn > 0) return;
    clearInterval(this.turns!);
    this.turns = null;
  }

  private left(network: string): void {
    this.there -= 1;
    const ofAddress = this.ofAddress.get(network)! - 1;
    if (ofAddress === 0) this.ofAddress.delete(network);
    else this.ofAddress.set(network, ofAddress);
  }
}

function isThisMachine(address: string): boolean {
  const version = isIP(address);
  return version !== 0 && THIS_MACHINE.check(address, version === 6 ? 'ipv6' : 'ipv4');
}
