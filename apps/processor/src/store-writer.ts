import type { TimeWindow } from '@canh/core/readings/accept-time';
import type { JournalOffset } from '@canh/core/readings/journal';
import type { Quarantine } from '@canh/core/readings/quarantine';
import type { Checkpoints } from '@canh/core/rules/checkpoints';
import type { PathStatus } from '@canh/core/series/live-series';
import type { AccountedStretch, Ledger, LedgerPlace } from '@canh/core/series/ledger';
import type { RefusedReading, SeriesStore, Sifted } from '@canh/core/series/series-store';
import { MINUTE_MS, type Clock, type Instant } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import { firstValueFrom, race, ReplaySubject, timer } from 'rxjs';
import { elapsedMs } from './elapsed.js';
import { Books } from './books.js';
import type { ReadBatch } from './read-batch.js';
import { StoredStretch } from './stored-stretch.js';
import { Stopping, untilItWorks } from './until-it-works.js';

/** Enough for the store to work in large strokes, little enough to hold in memory. */
const MOST_QUEUED_READINGS = 200_000;
/** Each batch holds what was read of the journal for it, and that is up to three times as much, however little of it is readings. */
const MOST_QUEUED_BYTES = 32 * 2 ** 20;
const MOST_AT_ONCE = 50_000;
/** Each append is a transaction and waits for the disk, whatever its size: worth one are so many readings, or so long a wait. */
const WORTH_AN_APPEND = 30_000;
const GATHER_FOR_MS = 250;
const LOOK_AGAIN_MS = 100;
const SETTLE_EVERY_MS = 1_000;
/** A store that hangs must not keep the process from stopping. */
const STOP_WITHIN_MS = 4_000;
/** A store that answers before its data is on disk is looked at so often for having been started anew, */
const LOOK_FOR_RESTART_MS = 10_000;
/** and may have lost what it answered for in so long a time before. */
const FORGETS_WITHIN_MS = 10 * MINUTE_MS;

/** The stretch behind the one that is being stored: one, whatever waits. */
interface Following {
  readonly stretch: StoredStretch;
  /** Where it was read from: what the judge has handed on, or the journal. */
  readonly handedOn: boolean;
  /** What the store has of it, if what stands before it is stored. */
  sifted: Sifted | null;
}

export interface StoreWriterParts {
  readonly store: SeriesStore;
  readonly checkpoints: Checkpoints;
  readonly ledger: Ledger;
  readonly quarantine: Quarantine;
  readonly window: TimeWindow;
  readonly clock: Clock;
  readonly log: Log;
  /** Reads the journal from an offset, as the judge does, and not beyond `until`. */
  readonly read: (from: JournalOffset, until: JournalOffset | null) => Promise<ReadBatch>;
}

/**
 * Writes readings to the series store at the store's own pace, keeps its own place in the journal, and keeps the books (`Ledger`). While
 * the store keeps up it is handed what the judge has just read; when it falls behind or is down, it is left behind, and reads the
 * journal for itself until it has caught up. So a store that is down never holds up an alert, and memory stays bounded.
 *
 * What stands before the ledger's place is accounted for: it is stored again where a store has lost it, and never counted twice.
 */
export class StoreWriter {
  behindBytes = 0;
  /** When the last message of what is stored was received. */
  storedUpTo: Instant | null = null;
  /** Why nothing can be stored now, or null. */
  /** Hear how many seconds the store took to keep a stretch, and the records to keep the books of what was stored. */
  onStored: (seconds: number) => void = () => undefined;
  onSettled: (seconds: number) => void = () => undefined;
  problem: (Error & { readonly code?: string }) | null = null;
  private problemSince: Instant = 0;

  private queue: ReadBatch[] = [];
  private queued = 0;
  private queuedBytes = 0;
  private inStep = false;
  private following: Following | null = null;
  private readonly books: Books;
  /** What is stored and settled for good. */
  private keptOffset: JournalOffset;
  private settledAt = 0;
  private lookedForRestartAt = 0;
  private readonly stop = new ReplaySubject<void>(1);
  private stopped = false;
  private wake: () => void = () => undefined;
  private running: Promise<void> | null = null;

  constructor(
    private readonly parts: StoreWriterParts,
    private offset: JournalOffset,
    place: LedgerPlace,
    /** Where the judge is. */
    private head: JournalOffset,
  ) {
    this.keptOffset = offset;
    this.books = new Books(parts.ledger, parts.quarantine, place);
  }

  /** Readings that were new to the store, and that it had already, since the start. */
  get stored(): number {
    return this.books.stored;
  }

  get duplicates(): number {
    return this.books.duplicates;
  }

  /** Readings that are in quarantine for what the store said of them. */
  get turnedAway(): { readonly conflict: number; readonly 'store-refused': number } {
    return { conflict: this.books.conflicts, 'store-refused': this.books.refused };
  }

  /** Readings that wait in memory to be stored. */
  get queuedReadings(): number {
    return this.queued;
  }

  /** The place up to which everything is stored for good. */
  get kept(): JournalOffset {
    return this.keptOffset;
  }

  /** Since when it waits for the store, and whether a person must change something first. */
  get waiting(): PathStatus['storeWaiting'] {
    return this.problem === null ? null : { since: this.problemSince, refused: this.problem.code === 'STORE_REFUSED' };
  }

  /** Takes what the judge has read, or lets it go to read it again later. Never waits. */
  offer(batch: ReadBatch): void {
    this.head = batch.next;
    // After a restart the judge may begin a little behind what was stored.
    if (batch.next <= this.offset) return;
    this.behindBytes += batch.payloadBytes;
    const { accounted, nextBegun } = this.books;
    const follows = batch.from >= this.offset && this.offset >= accounted && nextBegun === null;
    const room = this.queued <= MOST_QUEUED_READINGS && this.queuedBytes <= MOST_QUEUED_BYTES;
    if (this.inStep && follows && room) {
      this.queue.push(batch);
      this.queued += batch.readings.length;
      this.queuedBytes += batch.payloadBytes;
    } else this.inStep = false;
    this.wake();
  }

  start(): void {
    this.running = this.run().catch((error: unknown) => {
      if (!(error instanceof Stopping)) throw error;
    });
  }

  /** Lets the append under way finish, as long as a stop may take, and keeps the place. What it was asked is decided already, and asked again after the next start. */
  async close(): Promise<void> {
    this.stopped = true;
    this.stop.next();
    this.wake();
    const running = this.running ?? Promise.resolve();
    running.catch(() => undefined);
    await Promise.race([running, firstValueFrom(timer(STOP_WITHIN_MS))]);
    await this.settle(true).catch(() => undefined);
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      if (this.following !== null) await (this.following.handedOn ? this.appendQueued() : this.catchUp());
      else if (this.queue.length > 0) {
        await this.gathered();
        await this.appendQueued();
      } else if (!this.inStep && this.offset >= this.head) [this.inStep, this.behindBytes] = [true, 0];
      else if (!this.inStep) await this.catchUp();
      else {
        await this.somethingToDo();
        // The last of it is in the books soon, too, when nothing follows it.
        if (this.queue.length === 0) await this.settle(false);
      }
    }
    if (this.following?.handedOn === false) return;
    while ((this.following !== null || this.queue.length > 0) && this.problem === null) await this.appendQueued();
  }

  private somethingToDo(): Promise<void> {
    return new Promise((resolve) => {
      const due = this.offset === this.keptOffset ? null : setTimeout(resolve, SETTLE_EVERY_MS);
      this.wake = () => {
        if (due !== null) clearTimeout(due);
        resolve();
      };
      if (this.stopped || this.queue.length > 0 || !this.inStep) this.wake();
    });
  }

  private gathered(): Promise<void> {
    return new Promise((resolve) => {
      const enough = setTimeout(resolve, GATHER_FOR_MS);
      this.wake = () => {
        if (!this.stopped && this.inStep && this.queued < WORTH_AN_APPEND) return;
        clearTimeout(enough);
        resolve();
      };
      this.wake();
    });
  }

  private async appendQueued(): Promise<void> {
    await this.append(this.following?.stretch ?? this.takeQueued(), null);
  }

  private takeQueued(): StoredStretch {
    const batches: ReadBatch[] = [];
    let readings = 0;
    let bytes = 0;
    do {
      const batch = this.queue.shift()!;
      batches.push(batch);
      readings += batch.readings.length;
      bytes += batch.payloadBytes;
    } while (this.queue.length > 0 && readings < MOST_AT_ONCE);
    this.queued -= readings;
    this.queuedBytes -= bytes;
    return new StoredStretch(batches, this.parts.window);
  }

  private async catchUp(): Promise<void> {
    const from = this.offset;
    const { accounted } = this.books;
    const later = from >= accounted ? this.books.nextBegun : null;
    // Between stretches that were begun lie those that gave the store nothing: they are in no books yet.
    const begun = later !== null && later.from <= from ? later : null;
    const until = begun?.next ?? later?.from ?? (from < accounted ? accounted : null);
    const stretch = this.following?.stretch ?? (await this.readStretch(from, begun, until));
    const { batches } = stretch;
    const last = batches.at(-1)!;
    // The judge has read further, so there is more: a segment that cannot be seen for the moment. Never jump over it.
    if (last.next === from) return void (await firstValueFrom(race(timer(LOOK_AGAIN_MS), this.stop)));
    this.behindBytes = last.payloadBytes + last.behindBytes;
    // The judge may have read this with other devices and profiles: what can be no reading now is in quarantine, too.
    if (from >= accounted)
      for (const { quarantined } of batches)
        if (quarantined.length > 0) await this.untilItWorks(() => this.parts.quarantine.keep(quarantined));
    await this.append(stretch, begun);
  }

  private async readStretch(
    from: JournalOffset,
    begun: AccountedStretch | null,
    until: JournalOffset | null,
  ): Promise<StoredStretch> {
    const batches: ReadBatch[] = [];
    for (let at = from; batches.length === 0 || (begun !== null && at < begun.next); at = batches.at(-1)!.next)
      batches.push(await this.read(at, until));
    return new StoredStretch(batches, this.parts.window);
  }

  private async read(from: JournalOffset, until: JournalOffset | null): Promise<ReadBatch> {
    for (;;) {
      const batch = await this.untilItWorks(() => this.parts.read(from, until));
      // Within a stretch that was begun there is more to read, seen or not: it is appended whole.
      if (batch.next > from || until === null || from < this.books.accounted) return batch;
      await firstValueFrom(race(timer(LOOK_AGAIN_MS), this.stop));
      if (this.stopped) throw new Stopping();
    }
  }

  /** Does nothing where the store was started anew, and is to be filled again first. `begun`: what was decided of this stretch before a crash. */
  private async append(stretch: StoredStretch, begun: AccountedStretch | null): Promise<void> {
    if (await this.untilItWorks(() => this.rewindIfRestarted())) return;
    let sifted = this.following?.sifted ?? null;
    this.following = null;
    const books = this.books.open(stretch, begun);
    if (stretch.readings.length > 0) {
      const refused = await this.untilItWorks(async () => {
        // One that went away may have been started anew: what it has lost is not new, and is stored again first.
        if (this.problem !== null && (await this.rewindIfRestarted())) return null;
        const known = sifted ?? (await this.parts.store.sift(stretch.readings));
        sifted = null;
        await books?.decide(known);
        return this.store(known, stretch, begun);
      });
      if (refused === null) return this.untilItWorks(async () => books?.putOff());
      if (refused.length > 0) {
        books?.refuse(refused);
        const entries = refused.map(({ at, answer }) => stretch.quarantined(at, 'store-refused', answer));
        await this.untilItWorks(() => this.parts.quarantine.keep(entries));
      }
    } else await books?.decide(NOTHING_TO_STORE);
    this.worksAgain();
    this.books.close(stretch.next, books, begun);
    this.offset = stretch.next;
    this.behindBytes = Math.max(0, this.behindBytes - stretch.bytes);
    this.storedUpTo = stretch.batches.at(-1)!.lastReceivedAt ?? this.storedUpTo;
    await this.settle(false);
  }

  /** Stores what is new in a stretch, and meanwhile sees what follows it. */
  private async store(
    sifted: Sifted,
    stretch: StoredStretch,
    begun: AccountedStretch | null,
  ): Promise<readonly RefusedReading[]> {
    const began = performance.now();
    const storing = sifted.store();
    const [stored] = await Promise.allSettled([storing, this.seeFollowing(stretch, begun)]);
    // What follows was told apart as if all of this were stored.
    if (this.following !== null && (stored.status === 'rejected' || stored.value.length > 0))
      this.following.sifted = null;
    if (stored.status === 'fulfilled') this.onStored((performance.now() - began) / 1_000);
    return storing;
  }

  /** Nothing is decided of what follows before it is known what became of this: nothing is lost when it is let go of. */
  private async seeFollowing(stretch: StoredStretch, begun: AccountedStretch | null): Promise<void> {
    const { store, read, window } = this.parts;
    if (!store.siftsAhead) return;
    try {
      if (this.following === null) {
        const handedOn = this.queued >= WORTH_AN_APPEND;
        if (handedOn) this.following = { stretch: this.takeQueued(), handedOn, sifted: null };
        else if (!this.inStep && this.queue.length === 0 && this.leadsIntoTheUnknown(stretch, begun)) {
          const batch = await read(stretch.next, null);
          if (batch.next === stretch.next) return;
          this.following = { stretch: new StoredStretch([batch], window), handedOn, sifted: null };
        }
      }
      if (this.following !== null && this.following.stretch.readings.length > 0)
        this.following.sifted = await store.sift(this.following.stretch.readings);
    } catch {
      // It is read and sifted once more when its turn comes, and what is wrong then is said.
    }
  }

  /** Whether there is more behind it, and nothing of that was decided or stored before: what was has its own bounds. */
  private leadsIntoTheUnknown({ from, next }: StoredStretch, begun: AccountedStretch | null): boolean {
    const { accounted, nextBegun } = this.books;
    return !this.stopped && next < this.head && from >= accounted && begun === null && nextBegun === null;
  }

  /** A store that answers before its data is on disk, and was started anew, has lost the last of it: back to where that is stored again. */
  private async rewindIfRestarted(): Promise<boolean> {
    const { store, checkpoints, clock, log } = this.parts;
    const now = clock.now();
    if (this.problem === null && elapsedMs(clock, this.lookedForRestartAt) < LOOK_FOR_RESTART_MS) return false;
    const startedAt = await store.startedAt();
    this.lookedForRestartAt = now;
    if (startedAt === null) return false;
    const seen = await checkpoints.storeSeen();
    const restarted = seen !== null && seen.startedAt !== startedAt;
    if (restarted) {
      await this.settleNow();
      // A clock that was set back since says of everything that it was stored before that.
      const lastSeen = Math.min(seen.seenAt, now);
      const back = Math.min(this.offset, await checkpoints.storedAt(lastSeen - FORGETS_WITHIN_MS));
      log.warn({ event: 'store.restarted', back }, 'the series store was started anew: the last of it is stored again');
      await checkpoints.rewindStore(back);
      [this.offset, this.keptOffset] = [back, back];
      [this.queue, this.queued, this.queuedBytes, this.inStep, this.following] = [[], 0, 0, false, null];
    }
    await checkpoints.keepStoreSeen(startedAt, now);
    return restarted;
  }

  private async settle(now: boolean): Promise<void> {
    if (this.offset === this.keptOffset || (!now && elapsedMs(this.parts.clock, this.settledAt) < SETTLE_EVERY_MS))
      return;
    await this.untilItWorks(() => this.settleNow());
    this.worksAgain();
  }

  private async settleNow(): Promise<void> {
    if (this.offset === this.keptOffset) return;
    const at = this.parts.clock.now();
    const began = performance.now();
    // Filling again what was accounted for moves the store's place alone.
    if (this.offset < this.books.accounted) await this.parts.checkpoints.rewindStore(this.offset);
    else await this.books.settle(this.offset, at);
    this.onSettled((performance.now() - began) / 1_000);
    this.keptOffset = this.offset;
    this.settledAt = at;
  }

  private untilItWorks<T>(action: () => Promise<T>): Promise<T> {
    return untilItWorks(action, (error) => this.failed(error as Error), this.stop);
  }

  private worksAgain(): void {
    if (this.problem !== null)
      this.parts.log.info({ event: 'store.available' }, 'what is received can be stored again');
    this.problem = null;
  }

  private failed(error: Error & { readonly code?: string }): void {
    if (this.problem?.message !== error.message)
      this.parts.log.error({ event: 'store.waiting', code: error.code, error: error.message }, error.message);
    if (this.problem === null) this.problemSince = this.parts.clock.now();
    this.problem = error;
  }
}

const NOTHING_TO_STORE: Sifted = { duplicates: [], conflicts: [], store: () => Promise.resolve([]) };
