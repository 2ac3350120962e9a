import type { Chance } from './chance.js';
import type { Sent } from './sent.js';
import { WORLD, type VirtualTime } from './virtual-time.js';

/** What a publisher finds at the other end of its line. */
export interface Door {
  /** Resolves when the sender may be told; rejects when its connection is to be closed. Null: nobody is there. */
  accept(sent: Sent): Promise<unknown> | null;
}

const WINDOW = 8;

/** Sends over a connection, in order, until each message is acknowledged; what was not is sent again over the next one. */
export class Publisher {
  /** Not acknowledged yet, oldest first. */
  private readonly waiting: Sent[] = [];
  private sentOn = 0;
  private connection = 0;
  private arrivesAt = 0;
  private retryDue = false;
  private lastHeard = 0;
  private readonly givesUpMs: number;
  private arrivals = 0;
  private toldOf = 0;

  constructor(
    readonly id: string,
    private readonly time: VirtualTime,
    private readonly chance: Chance,
    private readonly door: () => Door | null,
    /** The broker has told this sender that the message is safe. */
    private readonly promised: (sent: Sent) => void,
    private readonly wrong: (what: string) => void,
  ) {
    this.givesUpMs = chance.is(0.3) ? chance.whole(20, 400) : chance.whole(2_000, 8_000);
  }

  get idle(): boolean {
    return this.waiting.length === 0;
  }

  send(sent: Sent): void {
    this.waiting.push(sent);
    this.pump();
  }

  /** Its line is cut, on either side. */
  reconnect(afterMs: number): void {
    this.connection += 1;
    this.sentOn = 0;
    if (this.retryDue) return;
    this.retryDue = true;
    this.time.after(
      afterMs,
      () => {
        this.retryDue = false;
        this.pump();
      },
      WORLD,
    );
  }

  private pump(): void {
    if (this.retryDue || this.waiting.length === 0) return;
    if (this.door() === null) return this.reconnect(this.chance.whole(100, 900));
    while (this.sentOn < Math.min(WINDOW, this.waiting.length)) this.put(this.waiting[this.sentOn++]!);
  }

  private put(sent: Sent): void {
    const { connection, time, chance } = this;
    if (this.sentOn === 1) this.lastHeard = time.now;
    const expected = time.now;
    // Packets of one connection do not overtake each other.
    this.arrivesAt = Math.max(this.arrivesAt, time.now + chance.upTo(5));
    time.after(this.arrivesAt - time.now, () => this.arrived(sent, connection), WORLD);
    time.after(
      this.givesUpMs,
      () => {
        if (connection === this.connection && this.waiting.includes(sent) && this.lastHeard <= expected)
          this.reconnect(chance.whole(1, 50));
      },
      WORLD,
    );
  }

  private arrived(sent: Sent, connection: number): void {
    if (connection !== this.connection) return;
    const told = this.door()?.accept(sent) ?? null;
    if (told === null) return this.reconnect(this.chance.whole(100, 900));
    this.arrivals += 1;
    const arrival = this.arrivals;
    told.then(
      () => {
        if (arrival < this.toldOf)
          this.wrong(`I7: ${this.id} was told of a later message before message ${sent.number}`);
        this.toldOf = Math.max(this.toldOf, arrival);
        this.promised(sent);
        this.time.after(this.chance.upTo(3), () => this.acknowledged(sent, connection), WORLD);
      },
      () => {
        if (connection === this.connection) this.reconnect(this.chance.whole(200, 1_500));
      },
    );
  }

  private acknowledged(sent: Sent, connection: number): void {
    if (connection !== this.connection) return;
    this.lastHeard = this.time.now;
    const at = this.waiting.indexOf(sent);
    if (at === -1) return;
    this.waiting.splice(at, 1);
    this.sentOn -= 1;
    this.pump();
  }
}
