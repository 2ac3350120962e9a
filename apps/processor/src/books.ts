import type { JournalOffset } from '@canh/core/readings/journal';
import type { Quarantine, Quarantined } from '@canh/core/readings/quarantine';
import { countOn, type CountState } from '@canh/core/series/count-gaps';
import { hourOf, type AccountedStretch, type Ledger, type LedgerPlace } from '@canh/core/series/ledger';
import type { RefusedReading, Sifted } from '@canh/core/series/series-store';
import { Tally } from '@canh/core/series/tally';
import type { Instant } from '@canh/core/time/instant';
import type { ReadBatch } from './read-batch.js';
import type { StoredStretch } from './stored-stretch.js';

/** The books of ingestion as the store's writer keeps them, stretch by stretch, between two settlements. */
export class Books {
  /** Readings that were new to the store, and that it had already, since the start. */
  stored = 0;
  duplicates = 0;
  /** Readings that went to quarantine for what the store said of them: another value was there, and it will never take this one. */
  conflicts = 0;
  refused = 0;
  /** What stands before it is accounted for: it may be stored again, and is never counted again. */
  accounted: JournalOffset;
  private readonly begun: AccountedStretch[];
  private readonly counts: Map<string, CountState>;
  private unsettled = new Tally();
  private unsettledCounts = new Map<string, CountState>();

  constructor(
    private readonly ledger: Ledger,
    private readonly quarantine: Quarantine,
    place: LedgerPlace,
  ) {
    this.accounted = place.offset;
    this.begun = [...place.begun];
    this.counts = new Map(place.counts.map(({ deviceId, state }) => [deviceId, state]));
  }

  /** The next stretch that was begun, and is to be stored as it was decided then; null: there is none. */
  get nextBegun(): AccountedStretch | null {
    return this.begun[0] ?? null;
  }

  /** Null for a stretch that is accounted for. `begun`: what was decided of it before a crash. */
  open(stretch: StoredStretch, begun: AccountedStretch | null): StretchBooks | null {
    return stretch.from < this.accounted ? null : new StretchBooks(this, stretch, begun);
  }

  /** Writes down what becomes of a stretch, before the store is asked to keep it. */
  async begin(stretch: AccountedStretch, conflicts: readonly Quarantined[]): Promise<void> {
    if (conflicts.length > 0) await this.quarantine.keep(conflicts);
    await this.ledger.begin(stretch);
  }

  /** A stretch that was decided and could not be stored: it is read again, and stays decided. */
  putOff(stretch: AccountedStretch): void {
    // It comes before what a crash has left behind it.
    this.begun.unshift(stretch);
  }

  /** All that becomes of a stretch is known and done. */
  close(next: JournalOffset, books: StretchBooks | null, begun: AccountedStretch | null): void {
    if (books !== null) {
      this.count(books.tally);
      for (const [deviceId, state] of books.counts) this.unsettledCounts.set(deviceId, state);
    }
    if (begun !== null) this.begun.shift();
    if (next > this.accounted) this.accounted = next;
  }

  private count(tally: Tally): void {
    this.unsettled.add(tally.lines());
    for (const { stored, duplicate, quarantined } of tally.lines()) {
      this.stored += stored;
      this.duplicates += duplicate;
      this.conflicts += quarantined.conflict ?? 0;
      this.refused += quarantined['store-refused'] ?? 0;
    }
  }

  /** Adds up what was closed until `next`, for good. */
  async settle(next: JournalOffset, at: Instant): Promise<void> {
    await this.ledger.settle({
      next,
      lines: [...this.unsettled.lines()],
      counts: [...this.unsettledCounts].map(([deviceId, state]) => ({ deviceId, state })),
      at,
    });
    [this.unsettled, this.unsettledCounts] = [new Tally(), new Map()];
  }

  /** What the devices counted, and what is missing by it. */
  countInto(tally: Tally, batches: readonly ReadBatch[]): ReadonlyMap<string, CountState> {
    const counted = new Map<string, CountState>();
    for (const { counts } of batches)
      for (const { deviceId, seq, receivedAt } of counts) {
        const { state, changes } = countOn(this.counts.get(deviceId), seq, hourOf(receivedAt));
        for (const { hour, numbers } of changes) tally.missing(deviceId, hour, numbers);
        this.counts.set(deviceId, state);
        counted.set(deviceId, state);
      }
    return counted;
  }
}

/** The books of one stretch: what becomes of it is decided once, whatever happens to the store meanwhile. */
export class StretchBooks {
  readonly tally = new Tally();
  /** How far each device in it has counted: for good with the stretch, and not before. */
  counts: ReadonlyMap<string, CountState> = new Map();
  private conflicts: readonly Quarantined[] | null = null;
  private writtenDown = false;
  private readonly before: Tally | null = null;

  constructor(
    private readonly books: Books,
    private readonly stretch: StoredStretch,
    private readonly begun: AccountedStretch | null,
  ) {
    if (begun === null) return;
    this.before = new Tally();
    this.before.add(begun.lines);
    // A power cut may have taken the end of what was read before it was on disk, and somebody may have changed the devices since.
    if (!this.before.holdsAsMuchAs(stretch.content())) return;
    this.tally.add(begun.lines);
    this.counts = books.countInto(new Tally(), stretch.batches);
    this.writtenDown = true;
  }

  /** Decides, and resolves when that is written down. */
  async decide(sifted: Sifted): Promise<void> {
    if (this.writtenDown) return;
    if (this.conflicts === null) {
      this.conflicts = sifted.conflicts.map(({ at, storedValue }) =>
        this.stretch.quarantined(
          at,
          'conflict',
          `${this.stretch.readings.series[at]!.metric} is stored as ${storedValue}`,
        ),
      );
      this.tally.add(this.stretch.tally(sifted, this.before).lines());
      this.counts = this.books.countInto(this.tally, this.stretch.batches);
      const fresh = this.stretch.readings.length - sifted.duplicates.length - this.conflicts.length;
      // What the store is not asked to keep comes out the same when it is read again.
      this.writtenDown = fresh === 0 && this.conflicts.length === 0;
    }
    await this.writeDown();
  }

  /** These the store will never take: they are in quarantine instead. */
  refuse(readings: readonly RefusedReading[]): void {
    for (const { at } of readings) this.stretch.quarantine(this.tally, at, 'store-refused');
  }

  /** It is to be read again; what was decided stays, since the store knows by then what it has kept of it. */
  async putOff(): Promise<void> {
    if (this.begun !== null || this.conflicts === null) return;
    await this.writeDown();
    this.books.putOff(this.accounted);
  }

  private async writeDown(): Promise<void> {
    if (this.writtenDown || this.conflicts === null) return;
    await this.books.begin(this.accounted, this.conflicts);
    this.writtenDown = true;
  }

  private get accounted(): AccountedStretch {
    return { from: this.stretch.from, next: this.stretch.next, lines: [...this.tally.lines()] };
  }
}
