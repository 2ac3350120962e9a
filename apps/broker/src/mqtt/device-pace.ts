/** A device that was quiet may send so much at once: what it has saved up while its link was down for a moment. */
const SAVED_UP_SECONDS = 2;
const FORGET_EVERY_MS = 60_000;

/** How much one device may send, on all its connections together. */
export class Pace {
  private left: number;
  private at: number;

  constructor(
    private readonly perSecond: number,
    private readonly now: () => number,
  ) {
    this.left = perSecond * SAVED_UP_SECONDS;
    this.at = now();
  }

  spend(packets: number): void {
    this.refill();
    this.left -= packets;
  }

  /** How long nothing more should be read from it, in ms; 0 where it may go on. */
  get waitMs(): number {
    if (this.left >= 0) return 0;
    this.refill();
    return this.left >= 0 ? 0 : Math.ceil((-this.left / this.perSecond) * 1_000);
  }

  /** Whether it has sent nothing for so long that a new one would be the same. */
  get isForgotten(): boolean {
    this.refill();
    return this.left === this.perSecond * SAVED_UP_SECONDS;
  }

  private refill(): void {
    const now = this.now();
    this.left = Math.min(this.perSecond * SAVED_UP_SECONDS, this.left + ((now - this.at) / 1_000) * this.perSecond);
    this.at = now;
  }
}

/** The paces of all devices that sent something lately. */
export class DevicePaces {
  private readonly paces = new Map<string, Pace>();
  private sweptAt: number;

  /** `now` in ms, of a clock that nobody sets. */
  constructor(
    private readonly perSecond: number,
    private readonly now: () => number,
  ) {
    this.sweptAt = now();
  }

  of(deviceId: string): Pace {
    let pace = this.paces.get(deviceId);
    if (pace === undefined) {
      this.sweep();
      pace = new Pace(this.perSecond, this.now);
      this.paces.set(deviceId, pace);
    }
    return pace;
  }

  /** Devices that are remembered. */
  get size(): number {
    return this.paces.size;
  }

  private sweep(): void {
    if (this.now() - this.sweptAt < FORGET_EVERY_MS) return;
    this.sweptAt = this.now();
    for (const [deviceId, pace] of this.paces) if (pace.isForgotten) this.paces.delete(deviceId);
  }
}
