import { VirtualTimeScheduler } from 'rxjs';
import type { Instant } from '@canh/core/time/instant';

/** A clock and a scheduler that stand still until a test moves them on; servers and disks meanwhile take the time they take. */
export class VirtualClock extends VirtualTimeScheduler {
  constructor(start: Instant) {
    super();
    this.frame = start;
    this.maxFrames = start;
  }

  /** Moves on, doing in order whatever is due on the way. */
  advance(ms: number): void {
    this.maxFrames = this.frame + ms;
    this.flush();
    this.frame = this.maxFrames;
  }

  advanceTo(at: Instant): void {
    this.advance(Math.max(0, at - this.frame));
  }
}
