import { DAY_MS, HOUR_MS, type Clock } from '@canh/core/time/instant';

/** Against the time that the machine has run, a clock drifts by seconds a day: this much is somebody's hand, or a wrong server of time. */
const LEAP_MS = HOUR_MS;
/** For so long a person may see to it, by the time that the machine has run. */
const DOUBTED_FOR_MS = DAY_MS;

/** Tells whether the clock may be believed about the age of what is to be let go of: a wrong year for a minute must not cost the archive. */
export class SteadyClock {
  private ahead: number;
  private doubtedUntil = -Infinity;

  /** `runningMs`: milliseconds that nobody can set, from any beginning. */
  constructor(
    private readonly clock: Clock,
    private readonly runningMs: () => number = () => performance.now(),
  ) {
    this.ahead = clock.now() - runningMs();
  }

  /** Why nothing may be let go of by its age now; null on an ordinary day. To be asked at each sweep: a leap is seen from one to the next. */
  doubt(): string | null {
    const running = this.runningMs();
    const ahead = this.clock.now() - running;
    if (Math.abs(ahead - this.ahead) > LEAP_MS) this.doubtedUntil = running + DOUBTED_FOR_MS;
    this.ahead = ahead;
    if (running >= this.doubtedUntil) return null;
    const hours = Math.ceil((this.doubtedUntil - running) / HOUR_MS);
    return `the machine's clock was put by more than an hour: nothing old is removed for ${hours} hours; see that its date and time are right`;
  }
}
