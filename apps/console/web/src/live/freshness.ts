/** How far the page may be trusted. */
export type Freshness = 'live' | 'late' | 'lost';

/** Only something the server said proves life; an open socket proves nothing. */
export function freshness(msSinceLastProof: number): Freshness {
  if (msSinceLastProof <= 15_000) return 'live';
  return msSinceLastProof <= 30_000 ? 'late' : 'lost';
}

/** The same moment on both of the browser's clocks, in milliseconds. */
export interface Moment {
  /** Never goes back, but may stand still while the computer sleeps. */
  readonly steady: number;
  /** Goes on during sleep, but may be set. */
  readonly wall: number;
}

/** However the clocks behave, time since `from` is not less than what either of them says. */
function elapsed(from: Moment, to: Moment): number {
  return Math.max(0, to.steady - from.steady, to.wall - from.wall);
}

/** What the server's clock said, and when it was heard. */
interface Word {
  readonly serverNow: number;
  readonly heardAt: Moment;
}

const windowMs = 300_000;

/**
 * What the messages of the stream prove. A message that was held up on its way proves that the server lived when it was written, not when
 * it arrived: the quickest message tells the server's clock, and the others are measured against it. The quickest of the last five to ten
 * minutes, since two clocks never run at quite the same speed.
 */
export class ProofOfLife {
  private quickest: { readonly windowStart: Moment; readonly now: Word; readonly before: Word } | null = null;
  private newest: number | null = null;
  private startAnew = true;

  /** A new connection: the delays of the old one say nothing about it. What was proved stays. */
  reconnected(): void {
    this.startAnew = true;
  }

  hear(serverNow: number, heardAt: Moment): void {
    const word: Word = { serverNow, heardAt };
    const clockWentBack = this.newest !== null && serverNow < this.newest;
    if (this.quickest === null || this.startAnew || clockWentBack) {
      this.quickest = { windowStart: heardAt, now: word, before: word };
    } else if (elapsed(this.quickest.windowStart, heardAt) > windowMs) {
      this.quickest = { windowStart: heardAt, now: word, before: this.quickest.now };
    } else if (serverNow >= estimate(this.quickest.now, heardAt)) {
      this.quickest = { ...this.quickest, now: word };
    }
    this.startAnew = false;
    this.newest = serverNow;
  }

  /** The server's clock as far as it is known, or null before its first word. */
  serverNow(at: Moment): number | null {
    if (this.quickest === null) return null;
    return Math.max(estimate(this.quickest.now, at), estimate(this.quickest.before, at));
  }

  /** The server's time of the newest message: the time of the numbers on the page. */
  provedAt(): number | null {
    return this.newest;
  }

  /** Null before its first word. */
  msSinceProof(at: Moment): number | null {
    const now = this.serverNow(at);
    return now === null || this.newest === null ? null : Math.max(0, now - this.newest);
  }
}

function estimate(from: Word, at: Moment): number {
  return from.serverNow + elapsed(from.heardAt, at);
}
