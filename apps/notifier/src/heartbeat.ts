import { CANARY } from '@canh/core/rules/canary';
import type { GuardedPost } from '@canh/adapters/channels/webhook/guarded-post';
import type { Log } from '@canh/runtime/log';

export interface HeartbeatParts {
  readonly url: string;
  readonly everyMs: number;
  readonly post: GuardedPost;
  /** Whether there is anything good to say. */
  readonly well: () => boolean;
  readonly log: Log;
}

/** As another Canh reads it at its HTTP door from a device of the model `canh`. */
const BODY = JSON.stringify({ [CANARY.metric]: 0 });

/**
 * A dead man's switch: tells somebody outside every minute that all is well, and nothing where it is not, so that who listens there
 * alarms people when this machine cannot. What it was answered is of no account to anything here.
 */
export class Heartbeat {
  sent = 0;
  failed = 0;
  /** Why the last one did not arrive. */
  problem: string | null = null;
  private timer: NodeJS.Timeout | null = null;
  private sending: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(private readonly parts: HeartbeatParts) {}

  get warnings(): string[] {
    return this.problem === null ? [] : [`The heartbeat to CANH_HEARTBEAT_URL does not arrive: ${this.problem}`];
  }

  start(): void {
    this.timer = setInterval(() => {
      if (!this.stopped && this.parts.well()) this.sending = this.beat();
    }, this.parts.everyMs);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer !== null) clearInterval(this.timer);
    this.parts.post.close();
    await this.sending;
  }

  private async beat(): Promise<void> {
    const { post, url, log } = this.parts;
    const outcome = await post.send(url, BODY, {});
    if (this.stopped) return;
    if (outcome.kind === 'accepted') {
      this.sent += 1;
      if (this.problem !== null) log.info({ event: 'heartbeat.arrives' }, 'the heartbeat arrives again');
      this.problem = null;
      return;
    }
    this.failed += 1;
    if (this.problem !== outcome.answer)
      log.warn({ event: 'heartbeat.failed', answer: outcome.answer }, 'the heartbeat does not arrive');
    this.problem = outcome.answer;
  }
}
