import { createHmac, randomBytes, type KeyObject } from 'node:crypto';
import { Subject, type Observable } from 'rxjs';
import { filter, map } from 'rxjs/operators';
import type { Operator, Operators } from '@canh/core/alerts/operators';
import { HOUR_MS, MINUTE_MS, type Clock } from '@canh/core/time/instant';

/**
 * The console hangs on a wall for a shift of 12 hours in which nobody may touch it, and a stream that only listens is no use of it.
 * Shorter than a shift, the page would go dark in the middle of one; a day later whoever is on duty signs in.
 */
export const IDLE_MS = 12 * HOUR_MS;
export const LONGEST_MS = 24 * HOUR_MS;
/** Every request writing to disk would be for nothing. */
const TOUCH_EVERY_MS = MINUTE_MS;

export interface SignedIn {
  readonly operator: Operator;
  readonly tokenHash: string;
}

const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** Who is signed in. The token is with the browser alone; what is kept is its hash under the server's key. */
export class Sessions {
  private readonly ends = new Subject<string>();

  constructor(
    private readonly operators: Operators,
    private readonly clock: Clock,
    private readonly serverKey: KeyObject,
  ) {}

  /** Makes a session and gives the token for its cookie. */
  async start(operatorId: string): Promise<string> {
    const token = randomBytes(32).toString('base64url');
    const now = this.clock.now();
    await this.operators.endSessionsUnusedSince(now - IDLE_MS);
    await this.operators.startSession({ tokenHash: this.hash(token), operatorId, startedAt: now, usedAt: now });
    return token;
  }

  /** Who presents this token, which counts as use; null where it is none or over. */
  async use(token: string | null): Promise<SignedIn | null> {
    if (token === null || !TOKEN.test(token)) return null;
    const tokenHash = this.hash(token);
    const found = await this.lasting(tokenHash);
    if (found === null) return null;
    const now = this.clock.now();
    if (now - found.session.usedAt >= TOUCH_EVERY_MS) await this.operators.touchSession(tokenHash, now);
    return { operator: found.operator, tokenHash };
  }

  /** Whether it still lasts; asking is no use of it. */
  async lasts(tokenHash: string): Promise<boolean> {
    return (await this.lasting(tokenHash)) !== null;
  }

  async end(tokenHash: string): Promise<void> {
    await this.operators.endSession(tokenHash);
    this.ends.next(tokenHash);
  }

  /** Says so at once when this session is ended by its operator. */
  ended(tokenHash: string): Observable<void> {
    return this.ends.pipe(
      filter((hash) => hash === tokenHash),
      map(() => undefined),
    );
  }

  private async lasting(tokenHash: string): Promise<Awaited<ReturnType<Operators['session']>>> {
    const found = await this.operators.session(tokenHash);
    if (found === null) return null;
    const now = this.clock.now();
    const { usedAt, startedAt } = found.session;
    return now - usedAt < IDLE_MS && now - startedAt < LONGEST_MS ? found : null;
  }

  private hash(token: string): string {
    return createHmac('sha256', this.serverKey).update(`session ${token}`).digest('base64url');
  }
}
