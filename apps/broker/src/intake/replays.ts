import { CanhError } from '@canh/core/canh-error';
import type { ReplayRequest, ReplayRequests } from '@canh/core/readings/quarantine';
import { replayedHead } from '@canh/core/readings/replayed';
import type { Clock } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import type { Intake } from './intake.js';

/** Messages that are held at once; each may be as large as the doors let in. */
const MOST_AT_ONCE = 25;
const MOST_A_LOOK = 200;

/**
 * Hands in once more what somebody asked to be read again, by the way of what its sender sends, so that a full quarantine crowds nobody
 * out. What is in the journal and was not yet noted when this process died is handed in twice, and stored once, since the store knows
 * its readings.
 */
export class Replays {
  private looking: Promise<void> | null = null;
  private problem: string | null = null;

  constructor(
    private readonly requests: ReplayRequests,
    private readonly intake: Intake,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** Takes what is open, oldest first, MOST_A_LOOK at most; resolves when that is done. Never rejects: what fails is tried at the next look. */
  look(): Promise<void> {
    this.looking ??= this.take().finally(() => (this.looking = null));
    return this.looking;
  }

  /** Resolves when no look is under way. */
  async close(): Promise<void> {
    await this.looking;
  }

  private async take(): Promise<void> {
    try {
      for (let taken = 0; taken < MOST_A_LOOK;) {
        const open = await this.requests.open(MOST_AT_ONCE);
        if (open.length > 0) await this.handIn(open);
        if (open.length < MOST_AT_ONCE) break;
        taken += open.length;
      }
      this.problem = null;
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.problem) this.log.error({ event: 'replays.waiting', error: message }, message);
      this.problem = message;
    }
  }

  /** Notes what is in the journal also where the rest could not be put there; rejects then. */
  private async handIn(requests: readonly ReplayRequest[]): Promise<void> {
    const outcomes = await Promise.allSettled(requests.map((request) => this.append(request)));
    const done = requests.filter((_, n) => outcomes[n]?.status === 'fulfilled');
    if (done.length > 0) await this.requests.done(done, this.clock.now());
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  private async append({ offset, part, message }: ReplayRequest): Promise<void> {
    const { deviceId, payload } = message;
    const again = Buffer.concat([Buffer.from(replayedHead(message)), payload]);
    try {
      await this.intake.accept('replayed', deviceId, again);
    } catch (error) {
      if (!(error instanceof CanhError && error.code === 'MESSAGE_TOO_LARGE')) throw error;
      // No door lets such a message in any more, so trying again would never end; its bytes stay in quarantine.
      this.log.error({ event: 'replays.too-large', offset, part, deviceId, error: error.message }, error.message);
    }
  }
}
