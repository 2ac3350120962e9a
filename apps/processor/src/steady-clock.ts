import { DAY_MS, HOUR_MS, type Clock, type Instant } from '@canh/core/time/instant';

/** Against the time that the machine has run, a clock drifts by seconds a day: this much is somebody's hand, or a wrong server of time. */
const LEAP_MS = HOUR_MS;
/** So far ahead of when Canh last ran it may stand at a start. Longer than that Canh was off, or the clock is wrong: less than the journal keeps in any case. */
const AWAY_MS = DAY_MS;
/** For so long a person may see to it, by the time that Canh has run. */
const DOUBTED_FOR_MS = DAY_MS;

/** What outlives a restart of what is known about the clock. */
export interface ClockBelief {
  /** When the clock was last believed. */
  readonly believedAt: Instant;
  /** For how much of its running time Canh has doubted it since, ms. */
  readonly doubtedMs: number;
}

export interface ClockRecord {
  /** Null where nothing was ever kept that could be let go of. */
  read(): Promise<ClockBelief | null>;
  keep(belief: ClockBelief): Promise<void>;
}

/**
 * Tells whether the clock may be believed about the age of what is to be let go of: a wrong year must not cost the archive, be it put in while
 * Canh runs or before it starts.
 *
 * In doubt is a clock that leaps by more than an hour against the running time, and one that at a start stands more than a day ahead of when
 * it was last believed. It is believed again when Canh has run for a day since, over however many starts: so long a person sees the
 * warning and may set it right. Canh that was off for a week removes nothing for a day, which costs nothing but room.
 */
export class SteadyClock {
  private ahead: number;
  private running: number;
  private doubtLeftMs = 0;
  private believedAt: Instant;

  /** `runningMs`: milliseconds that nobody can set, from any beginning. */
  constructor(
    private readonly clock: Clock,
    private readonly runningMs: () => number = () => performance.now(),
    private readonly record: ClockRecord | null = null,
    kept: ClockBelief | null = null,
  ) {
    this.running = runningMs();
    this.ahead = clock.now() - this.running;
    this.believedAt = kept?.believedAt ?? clock.now();
    if (clock.now() - this.believedAt > AWAY_MS)
      this.doubtLeftMs = Math.max(0, DOUBTED_FOR_MS - (kept?.doubtedMs ?? 0));
  }

  /** One that goes on from what `record` has of the runs before. */
  static async open(clock: Clock, record: ClockRecord, runningMs?: () => number): Promise<SteadyClock> {
    return new SteadyClock(clock, runningMs, record, await record.read());
  }

  /** Why nothing may be let go of by its age now; null on an ordinary day. To be asked at each sweep: a leap is seen from one to the next. */
  async doubt(): Promise<string | null> {
    const running = this.runningMs();
    const ahead = this.clock.now() - running;
    this.doubtLeftMs = Math.max(0, this.doubtLeftMs - (running - this.running));
    if (Math.abs(ahead - this.ahead) > LEAP_MS) this.doubtLeftMs = DOUBTED_FOR_MS;
    [this.ahead, this.running] = [ahead, running];
    if (this.doubtLeftMs === 0) this.believedAt = this.clock.now();
    const belief = {
      believedAt: this.believedAt,
      doubtedMs: this.doubtLeftMs === 0 ? 0 : DOUBTED_FOR_MS - this.doubtLeftMs,
    };
    // A disk that is full must not keep what is old from going; the next sweep keeps it.
    await this.record?.keep(belief).catch(() => undefined);
    if (this.doubtLeftMs === 0) return null;
    const hours = Math.ceil(this.doubtLeftMs / HOUR_MS);
    return `the machine's clock was put by more than an hour, or stands more than a day ahead of when Canh last ran: nothing old is removed for ${hours} hours; see that its date and time are right`;
  }
}
