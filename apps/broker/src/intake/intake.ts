import type { JournalOffset, JournalWriter } from '@canh/core/readings/journal';
import type { Message, MessageKind, Refusal } from '@canh/core/readings/message';
import type { Clock } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import { FairQueue, type Waiting } from './fair-queue.js';
import { InSlices, type Told } from './in-slices.js';
import { JudgeWindow } from './judge-window.js';

/** A flood of refusals must not fill the journal: beyond this many in a second they are only counted. */
const KEPT_REFUSALS_PER_SECOND = 5;
const ASK_EVERY_MS = 50;
/** Nobody answered: not started yet, or restarting. */
const ASK_AGAIN_MS = 500;
/** A restart takes less. */
const MISSED_AFTER_MS = 10_000;
/** A message waits no longer, whatever the judge does: keep-alives and the patience of clients are not much longer, and on disk it is safe. */
const LONGEST_WAIT_MS = 10_000;
/** A device that has so much waiting is read from again when it is less. */
const MOST_WAITING_OF_ONE = 16_384;
/** In memory, waiting for a turn: what comes in beyond it goes to disk in turns, whatever the window. */
const MOST_WAITING = 128 * 2 ** 20;
/** In memory, on its way to the disk: beyond it no device is read from. */
const MOST_UNTOLD = 128 * 2 ** 20;
/** What a message that waits takes beside its payload: the packet, its topic, the closures of Aedes. */
const BYTES_AROUND = 1_024;
/** What the journal adds to a payload, about. */
const FRAME_BYTES = 30;
/** Some milliseconds of work; then the event loop has its turn. */
const LET_IN_AT_ONCE = 2_000;

interface Waiter extends Waiting {
  readonly message: Message;
  readonly told: Told;
}

/** Messages that become durable together. */
interface Group {
  readonly durable: Promise<JournalOffset>;
  readonly told: Told[];
  bytes: number;
}

/** How far the judge is; rejects when nobody answers. */
export type AskPlace = () => Promise<{ readonly judged: JournalOffset }>;

/**
 * What every door for devices hands its messages to: the journal, and nothing but the journal. While much is written that is not judged
 * yet, messages wait here in turns of their devices, without an acknowledgement: the judge reads the journal in order, and whoever reports
 * now must not be judged behind the hours that another device has saved up. The series store is nothing to wait for: the journal
 * holds what that has not got.
 */
export class Intake {
  private keptThisSecond = 0;
  private second = 0;
  private readonly queue = new FairQueue<Waiter>();
  private readonly window = new JudgeWindow();
  private readonly telling = new InSlices();
  private group: Group | null = null;
  private untoldMessages = 0;
  private untoldBytes = 0;
  private readonly held = new Map<() => void, string>();
  private timer: NodeJS.Timeout | null = null;
  private lettingIn: NodeJS.Immediate | null = null;
  private asking = false;
  private silentSince: number | null = null;
  private open = true;
  private emptied: (() => void) | null = null;

  constructor(
    private readonly journal: JournalWriter,
    private readonly clock: Clock,
    private readonly log: Log,
    /** Counts a refusal for the metrics. */
    private readonly refused: (refusal: Refusal) => void,
    /** Where it rejects, and without it, nothing waits for the judge: what is received is on disk, and judged when there is one. */
    private readonly askPlace: AskPlace | null = null,
    private readonly longestWaitMs = LONGEST_WAIT_MS,
  ) {}

  /** Messages that wait for their turn. */
  get waiting(): number {
    return this.queue.count;
  }

  get windowBytes(): number {
    return this.window.bytes;
  }

  get warnings(): string[] {
    if (this.silentSince === null || performance.now() - this.silentSince < MISSED_AFTER_MS) return [];
    return ['The processor does not answer. What devices send is kept in the journal and judged when it is back.'];
  }

  /**
   * Resolves when the message is on disk; only then may the device be told that it was received. While the device has much waiting, the
   * message stays with the caller, who bounds how many those are.
   */
  accept(kind: MessageKind, deviceId: string, payload: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const whenItMay = (): void => {
        if (!this.mayRead(deviceId, whenItMay)) return;
        this.take(kind, deviceId, payload, (error) => (error === null ? resolve() : reject(error)));
      };
      whenItMay();
    });
  }

  /** For the many, of a door that asks `mayRead` before it reads: `told` is called once, and for one device in the order of the calls. */
  take(kind: MessageKind, deviceId: string, payload: Uint8Array, told: Told): void {
    const message = { kind, deviceId, receivedAt: this.clock.now(), payload };
    if (this.queue.count === 0 && this.window.hasRoom) this.write(message, told);
    else {
      this.queue.put({ deviceId, bytes: payload.length + FRAME_BYTES, since: performance.now(), message, told });
      if (this.memoryOf(this.queue) > MOST_WAITING) this.letInSoon();
    }
    if (this.timer === null && !this.asking) this.askIn(ASK_EVERY_MS);
  }

  /** Whether a message of this device would be taken now. */
  hasPlaceFor(deviceId: string): boolean {
    if (this.untoldBytes + this.untoldMessages * BYTES_AROUND > MOST_UNTOLD) return false;
    return this.queue.count === 0 || this.queue.bytesOf(deviceId) < MOST_WAITING_OF_ONE;
  }

  /** Whether a door should read on from this device now. Where it should not, `again` is called once when it should look again. */
  mayRead(deviceId: string, again: () => void): boolean {
    if (this.hasPlaceFor(deviceId)) return true;
    this.held.set(again, deviceId);
    return false;
  }

  /** Takes in what waits, and resolves when everybody has been told. */
  async close(): Promise<void> {
    this.open = false;
    this.window.governed = false;
    if (this.timer !== null) clearTimeout(this.timer);
    for (let waiter = this.queue.next(); waiter !== undefined; waiter = this.queue.next())
      this.write(waiter.message, waiter.told);
    if (this.untoldMessages > 0) await new Promise<void>((resolve) => (this.emptied = resolve));
  }

  /** Keeps what was turned away where the page can show it, with why. */
  refuse(deviceId: string, refusal: Refusal): void {
    this.refused(refusal);
    const now = this.clock.now();
    const second = Math.floor(now / 1000);
    if (second !== this.second) [this.second, this.keptThisSecond] = [second, 0];
    this.keptThisSecond += 1;
    if (this.keptThisSecond > KEPT_REFUSALS_PER_SECOND) return;
    this.log.warn({ event: 'door.refused', deviceId, ...refusal }, 'a device was refused');
    const payload = Buffer.from(JSON.stringify(refusal));
    this.journal
      .append({ kind: 'refused', deviceId, receivedAt: now, payload })
      .catch((error: Error) => this.log.error({ event: 'door.refusal-not-kept', error: error.message }, error.message));
  }

  private write(message: Message, told: Told): void {
    const bytes = message.payload.length + FRAME_BYTES;
    const durable = this.journal.append(message);
    // The journal gives one promise to all that become durable together.
    const group = this.group?.durable === durable ? this.group : this.groupOf(durable);
    group.told.push(told);
    group.bytes += bytes;
    this.untoldMessages += 1;
    this.untoldBytes += bytes;
    this.window.written(bytes);
  }

  private groupOf(durable: Promise<JournalOffset>): Group {
    const group: Group = { durable, told: [], bytes: 0 };
    this.group = group;
    durable.then(
      (offset) => {
        this.window.kept(group.bytes, offset, performance.now());
        this.tell(group, null);
      },
      (error: Error) => {
        this.window.failed(group.bytes);
        this.tell(group, error);
      },
    );
    return group;
  }

  private tell(group: Group, error: Error | null): void {
    if (this.group === group) this.group = null;
    this.telling.tell(group.told, error, () => {
      this.untoldMessages -= group.told.length;
      this.untoldBytes -= group.bytes;
      if (this.untoldMessages === 0) this.emptied?.();
      if (this.queue.count === 0) this.releaseHeld();
    });
  }

  private letInSoon(): void {
    this.lettingIn ??= setImmediate(() => this.letIn());
  }

  /** In turns, while there is room; not all in one go, since they may be a hundred thousand. */
  private letIn(): void {
    this.lettingIn = null;
    for (let left = LET_IN_AT_ONCE; left > 0 && this.mayLetIn(); left -= 1) {
      const waiter = this.queue.next();
      if (waiter === undefined) break;
      this.write(waiter.message, waiter.told);
    }
    this.releaseHeld();
    if (this.queue.count > 0 && this.mayLetIn()) this.letInSoon();
  }

  private mayLetIn(): boolean {
    return this.window.hasRoom || this.memoryOf(this.queue) > MOST_WAITING;
  }

  private memoryOf({ count, bytes }: { readonly count: number; readonly bytes: number }): number {
    return bytes + count * BYTES_AROUND;
  }

  private releaseHeld(): void {
    for (const [again, deviceId] of this.held)
      if (this.hasPlaceFor(deviceId)) {
        this.held.delete(again);
        again();
      }
  }

  private askIn(ms: number): void {
    if (this.askPlace === null || !this.open) return;
    this.timer = setTimeout(() => void this.ask(), ms);
    this.timer.unref();
  }

  /** Where is the judge? Asked only while there is something that it has not judged. */
  private async ask(): Promise<void> {
    this.timer = null;
    this.asking = true;
    let next = ASK_EVERY_MS;
    try {
      const { judged } = await this.askPlace!();
      if (!this.open) return;
      this.window.judgedTo(judged, performance.now(), this.queue.count > 0);
      this.silentSince = null;
    } catch {
      this.window.governed = false;
      this.silentSince ??= performance.now();
      next = ASK_AGAIN_MS;
    }
    this.asking = false;
    if (this.window.unjudged > 0 || this.queue.count > 0) this.askIn(next);
    for (const { message, told } of this.queue.takeOlderThan(performance.now() - this.longestWaitMs))
      this.write(message, told);
    this.letInSoon();
  }
}
