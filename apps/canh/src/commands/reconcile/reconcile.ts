import { CanhError } from '@canh/core/canh-error';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { TimeWindow } from '@canh/core/readings/accept-time';
import { START, type JournalBatch, type JournalOffset, type JournalReader } from '@canh/core/readings/journal';
import type { Message } from '@canh/core/readings/message';
import type { Quarantined, QuarantineReason } from '@canh/core/readings/quarantine';
import { countOn, type CountState } from '@canh/core/series/count-gaps';
import { hourOf, type Ledger, type LedgerDesk, type LedgerLine } from '@canh/core/series/ledger';
import { Tally } from '@canh/core/series/tally';
import type { KnownDevices } from '@canh/core/stations/known-devices';
import { HOUR_MS, type Instant } from '@canh/core/time/instant';
import { cutAt, isLate, readBatch, readingsOf, type ReadBatch } from '../../../../processor/src/read-batch.js';
import { Findings, type Finding } from './findings.js';
import { compareLines } from './compare-lines.js';
import type { MessageRow, QuarantineRows } from './quarantine-rows.js';
import type { SeriesAtHand } from './series-at-hand.js';
import { keyOf, SeriesKeys, type Arrival } from './series-keys.js';
import { storedReadings } from './stored-readings.js';

/** As the judge reads, so that damage is cut into the same stretches. */
const READ_BYTES = 2 ** 20;
/** 20 bytes each, and as much again while a series grows. */
export const MOST_READINGS = 20_000_000;
const MOST_LINES = 2_000_000;
/** The ledger is settled about once a second; it is read between two settlements. */
const LEDGER_TRIES = 20;

export interface ReconcileParts {
  readonly journal: JournalReader;
  /** The journal begins with its first message: nothing was removed yet. */
  readonly journalIsWhole: boolean;
  readonly ledger: Ledger;
  readonly ledgerDesk: LedgerDesk;
  readonly rows: () => Promise<QuarantineRows>;
  readonly series: SeriesAtHand['series'];
  readonly devices: KnownDevices;
  readonly window: TimeWindow;
  /** How far the store is; before the ledger's place while it is being filled again. */
  readonly storeOffset: () => Promise<JournalOffset>;
  /** The store keeps milliseconds only: of readings that share one, it holds the first. */
  readonly wholeMilliseconds: boolean;
}

/** Whole hours; what is left out is open. */
export interface Wanted {
  readonly from: Instant;
  readonly to: Instant;
  readonly deviceId: string | null;
}

export interface Reconciled {
  /** When the newest message was received that is in the books; null: none. */
  readonly accountedUpTo: Instant | null;
  /** Messages behind that, which the store has not got yet. */
  readonly unaccounted: { readonly messages: number; readonly from: Instant } | null;
  /** What the journal says became of everything, by device. */
  readonly devices: readonly LedgerLine[];
  readonly hoursCompared: number;
  /**
   * When the first message was received that is in the books, where older ones are in the journal: those are looked for in the store, and
   * their hours are not compared. Null: all that is in the journal is in the books.
   */
  readonly booksFrom: Instant | null;
  /** The store was found to have lost something and is being filled again: what is not there may still come. */
  readonly refilling: boolean;
  readonly differences: readonly Finding[];
  /** What is worth knowing and is no difference. */
  readonly notes: readonly Finding[];
}

/**
 * Checks what is promised from the journal itself: every message is decoded as the processor does, every reading is looked for in the
 * store with its value, every fault in quarantine, and the sums are held against the ledger. Throws CanhError `TOO_MANY_READINGS`
 * beyond MOST_READINGS.
 */
export async function reconcile(parts: ReconcileParts, wanted: Wanted): Promise<Reconciled> {
  return new Reconciliation(parts, wanted).run();
}

class Reconciliation {
  private readonly found = new Findings();
  private readonly tally = new Tally();
  /** By station and metric, then by device. */
  private readonly series = new Map<string, Map<string, Map<string, SeriesKeys>>>();
  private readings = 0;
  /** Lines that hold a message which would be decoded otherwise today. */
  private readonly decodedOtherwise = new Set<string>();
  private readonly noRow: { readonly quarantined: Quarantined; readonly hour: Instant }[] = [];
  /** Hours of messages that came before there was a ledger: they are not in it, or by halves. */
  private readonly unbooked = new Set<Instant>();
  private booksFrom: Instant | null = null;
  /** How far each device has counted. */
  private readonly counts = new Map<string, CountState>();
  /** Some messages were not looked at, and what is missing cannot be told without them. */
  private leftOut = false;
  private firstReceivedAt: Instant | null = null;
  private lastReceivedAt: Instant | null = null;
  private rows!: QuarantineRows;

  constructor(
    private readonly parts: ReconcileParts,
    private readonly wanted: Wanted,
  ) {}

  async run(): Promise<Reconciled> {
    const { place, lines, still } = await this.ledgerNow();
    const unaccounted = await this.readJournal(place);
    // Behind the ledger: every fault was put into quarantine before it was accounted for.
    this.rows = await this.parts.rows();
    await this.readAgain(place);
    for (const [stationId, metrics] of this.series)
      for (const [metric, devices] of metrics) await this.lookFor(stationId, metric, devices);
    const from = this.wholeFrom();
    const to =
      still || this.lastReceivedAt === null ? this.wanted.to : Math.min(this.wanted.to, hourOf(this.lastReceivedAt));
    const settled = ({ hour }: LedgerLine): boolean => hour >= from && hour < to && !this.unbooked.has(hour);
    const ours = [...this.tally.lines()].filter((line) => this.isWanted(line.deviceId));
    const perhapsReadings = new Set(
      this.noRow
        .filter(({ quarantined: { reason } }) => DEPENDS_ON_SETTINGS.has(reason))
        .map(({ quarantined: { deviceId }, hour }) => `${hour} ${deviceId}`),
    );
    const compared = compareLines({
      ours: ours.filter(settled),
      booked: lines.filter((line) => settled(line) && this.isWanted(line.deviceId)),
      decodedOtherwise: this.decodedOtherwise,
      perhapsReadings,
      countsWhole: this.parts.journalIsWhole && !this.leftOut && this.unbooked.size === 0,
      found: this.found,
    });
    this.judgeMissingRows(compared.wereReadings);
    return {
      accountedUpTo: this.lastReceivedAt,
      unaccounted,
      devices: byDevice(ours),
      hoursCompared: compared.hours,
      booksFrom: this.unbooked.size === 0 ? null : this.booksFrom,
      refilling: (await this.parts.storeOffset()) < place,
      differences: this.found.differences(),
      notes: this.found.notes(),
    };
  }

  /** The ledger and its place as of one moment. `still`: no settlement came in between. */
  private async ledgerNow(): Promise<{ place: JournalOffset; lines: LedgerLine[]; still: boolean }> {
    const { ledger, ledgerDesk } = this.parts;
    const { from, to, deviceId } = this.wanted;
    const query = { from, to, ...(deviceId === null ? {} : { deviceId }) };
    for (let tries = 1; ; tries += 1) {
      const { offset: place } = await ledger.place();
      const lines = await ledgerDesk.lines(query, MOST_LINES);
      const still = (await ledger.place()).offset === place;
      if (still || tries === LEDGER_TRIES) return { place, lines, still };
    }
  }

  /** Looks how far the journal is behind the books. */
  private async readJournal(place: JournalOffset): Promise<Reconciled['unaccounted']> {
    let unaccounted: { messages: number; from: Instant } | null = null;
    for await (const { entries } of this.batches(place, null)) {
      const [first] = entries;
      if (first === undefined) continue;
      unaccounted ??= { messages: 0, from: first.message.receivedAt };
      unaccounted.messages += entries.length;
    }
    return unaccounted;
  }

  private async readAgain(place: JournalOffset): Promise<void> {
    const { devices, window, ledgerDesk } = this.parts;
    const { from, to } = this.wanted;
    const begun = await ledgerDesk.begunAt();
    for await (const batch of this.batches(START, place)) {
      const entries = batch.entries.filter(({ message: { receivedAt } }) => receivedAt >= from && receivedAt < to);
      for (const { offset, message } of batch.entries)
        if (offset < begun) this.unbooked.add(hourOf(message.receivedAt));
        else this.booksFrom ??= message.receivedAt;
      this.firstReceivedAt ??= batch.entries[0]?.message.receivedAt ?? null;
      this.lastReceivedAt = batch.entries.at(-1)?.message.receivedAt ?? this.lastReceivedAt;
      this.leftOut ||= entries.length < batch.entries.length;
      if (entries.length > 0) this.take(readBatch(batch.from, { ...batch, entries, damaged: [] }, devices, window));
      if (batch.damaged.length > 0) this.found.note('damaged', '', batch.damaged.length);
    }
  }

  private async *batches(
    from: JournalOffset,
    until: JournalOffset | null,
  ): AsyncGenerator<JournalBatch & { from: JournalOffset }> {
    for (let at = from; until === null || at < until;) {
      const batch = cutAt(until, await this.parts.journal.read(at, READ_BYTES));
      if (batch.next === at) return;
      yield { ...batch, from: at };
      at = batch.next;
    }
  }

  /** Counts what is in a stretch, and holds its faults against quarantine. */
  private take(batch: ReadBatch): void {
    this.tally.add(batch.tally.lines());
    for (const { deviceId, seq, receivedAt } of batch.counts) {
      const { state, changes } = countOn(this.counts.get(deviceId), seq, hourOf(receivedAt));
      this.counts.set(deviceId, state);
      for (const { hour, numbers } of changes) this.tally.missing(deviceId, hour, numbers);
    }
    const faults = new Map<JournalOffset, Quarantined[]>();
    for (const quarantined of batch.quarantined) {
      const ofMessage = faults.get(quarantined.offset);
      if (ofMessage === undefined) faults.set(quarantined.offset, [quarantined]);
      else ofMessage.push(quarantined);
    }
    for (const [nth, { offset, message }] of batch.entries.entries()) {
      const hour = hourOf(message.receivedAt);
      const now = faults.get(offset) ?? [];
      const then = this.rows.ofMessage(offset);
      const readings = readingsOf(batch, nth);
      const gone = goneFaults(then, now);
      if (gone.length > 0) {
        for (const { deviceId } of [...readings, ...now, ...then.values()])
          this.decodedOtherwise.add(`${hour} ${deviceId}`);
        for (const { deviceId, replayed } of gone)
          if (this.isWanted(deviceId)) this.found.note(replayed ? 'replayed' : 'readable-now', deviceId, 1, hour);
      } else for (const quarantined of now) if (!then.has(quarantined.part)) this.noRow.push({ quarantined, hour });
      for (const reading of readings)
        if (this.isWanted(reading.deviceId) && !gone.some((row) => this.wasFault(reading, row, message)))
          this.remember(reading, hour);
    }
  }

  /** Whether this row is what the reading was when its message came: a reading is stored from then on only if it is none. */
  private wasFault({ deviceId, metric }: FlaggedReading, row: MessageRow, message: Message): boolean {
    if (row.reason === 'unknown-metric')
      return row.deviceId === deviceId && row.detail.startsWith(`${metric} is not a metric `);
    const [, name] = / has no device named "(.*)"/.exec(row.detail) ?? [];
    if (row.reason === 'unknown-device' && name !== undefined) return this.gatewayDevice(message, name) === deviceId;
    return row.deviceId === deviceId && DEPENDS_ON_SETTINGS.has(row.reason);
  }

  private gatewayDevice({ deviceId, receivedAt }: Message, name: string): string | undefined {
    return this.parts.devices.ofGateway(deviceId, name, receivedAt, receivedAt)?.device.id;
  }

  private remember(reading: FlaggedReading, hour: Instant): void {
    this.readings += 1;
    if (this.readings > MOST_READINGS)
      throw new CanhError(
        'TOO_MANY_READINGS',
        `There are more than ${MOST_READINGS} readings to check at once. Ask for a shorter span with --from and --to, or for one --device.`,
      );
    const { stationId, metric, deviceId, value } = reading;
    const metrics = this.series.get(stationId) ?? new Map<string, Map<string, SeriesKeys>>();
    this.series.set(stationId, metrics);
    const devices = metrics.get(metric) ?? new Map<string, SeriesKeys>();
    metrics.set(metric, devices);
    let keys = devices.get(deviceId);
    if (keys === undefined) devices.set(deviceId, (keys = new SeriesKeys()));
    const late = isLate(reading.measuredAt, reading.receivedAt, this.parts.window);
    const cameAt = reading.receivedAt < this.begins() ? reading.receivedAt : null;
    keys.add({ key: keyOf(reading), value, hour, late, cameAt });
  }

  /** Nothing that was received before this was looked at. */
  private begins(): Instant {
    return Math.max(this.wanted.from, this.firstReceivedAt ?? 0);
  }

  /** Looks in the store for every reading of one metric of a station. */
  private async lookFor(stationId: string, metric: string, devices: Map<string, SeriesKeys>): Promise<void> {
    const per = this.parts.wholeMilliseconds ? 1_000 : 1;
    const waiting = new Map<string, { groups: Iterator<readonly Arrival[]>; next: readonly Arrival[] | undefined }>();
    let [from, to] = [Infinity, -Infinity];
    for (const [deviceId, keys] of devices) {
      const groups = keys.groups(per)[Symbol.iterator]();
      waiting.set(deviceId, { groups, next: groups.next().value as readonly Arrival[] | undefined });
      from = Math.min(from, keys.lowest());
      to = Math.max(to, keys.highest());
    }
    const span = { stationId, metric, from: Math.floor(from / 1_000), to: Math.floor(to / 1_000) + 1 };
    for await (const stored of storedReadings(this.parts.series, span))
      for (const reading of stored) {
        const own = waiting.get(reading.deviceId);
        if (own === undefined) continue;
        const place = Math.floor(keyOf(reading) / per);
        while (own.next !== undefined && Math.floor(own.next[0]!.key / per) < place) {
          this.settle(reading.deviceId, metric, own.next, null);
          own.next = own.groups.next().value as readonly Arrival[] | undefined;
        }
        if (own.next === undefined || Math.floor(own.next[0]!.key / per) !== place) continue;
        this.settle(reading.deviceId, metric, own.next, reading);
        own.next = own.groups.next().value as readonly Arrival[] | undefined;
      }
    for (const [deviceId, own] of waiting)
      for (; own.next !== undefined; own.next = own.groups.next().value as readonly Arrival[] | undefined)
        this.settle(deviceId, metric, own.next, null);
  }

  /** What became of the arrivals of one reading: the first is stored, what came again is a duplicate, or in quarantine with its other value. */
  private settle(deviceId: string, metric: string, arrivals: readonly Arrival[], stored: FlaggedReading | null): void {
    // Stored from a message that is no longer in the journal, or was not looked at.
    const before = stored !== null && stored.receivedAt < this.begins() ? stored : null;
    let kept: number | null = null;
    for (const { key, value, hour, late, cameAt } of arrivals) {
      if (this.rows.takeReading(deviceId, metric, key, value, 'store-refused')) {
        this.tally.wasQuarantined(deviceId, hour, late, 'store-refused');
        continue;
      }
      if (kept === null && before !== null && before.receivedAt !== cameAt) kept = before.value;
      if (kept === null) {
        kept = value;
        if (stored === null) this.found.difference('not-stored', deviceId, metric, hour, Math.floor(key / 1_000));
        else if (stored.value !== value)
          this.found.difference('other-value', deviceId, metric, hour, Math.floor(key / 1_000));
      } else if (value === kept) this.tally.wasDuplicate(deviceId, hour, late);
      else {
        this.tally.wasQuarantined(deviceId, hour, late, 'conflict');
        const hasRow = this.rows.takeReading(deviceId, metric, key, value, 'conflict');
        if (!hasRow && !this.rows.overflowing && !this.unbooked.has(hour))
          this.found.difference('no-row', deviceId, 'conflict', hour, Math.floor(key / 1_000));
      }
    }
  }

  /** A fault without a row was a reading when it was received, if devices or settings can make one of it and the books say so. */
  private judgeMissingRows(wereReadings: ReadonlySet<string>): void {
    for (const { quarantined, hour } of this.noRow) {
      const { deviceId, reason } = quarantined;
      if (!this.isWanted(deviceId)) continue;
      // Whoever read it before there was a ledger may have made something else of it, or have kept no row.
      if (this.unbooked.has(hour)) continue;
      if (DEPENDS_ON_SETTINGS.has(reason) && wereReadings.has(`${hour} ${deviceId}`))
        this.found.note('was-readable', deviceId, 1, hour);
      else if (!this.rows.overflowing) this.found.difference('no-row', deviceId, reason, hour, quarantined.receivedAt);
    }
  }

  /** The first hour that lies wholly in the journal. */
  private wholeFrom(): Instant {
    const { journalIsWhole } = this.parts;
    if (journalIsWhole || this.firstReceivedAt === null) return this.wanted.from;
    return Math.max(this.wanted.from, hourOf(this.firstReceivedAt) + HOUR_MS);
  }

  private isWanted(deviceId: string): boolean {
    return this.wanted.deviceId === null || this.wanted.deviceId === deviceId;
  }
}

/** Faults that a message had when it came and has no more: what it holds is decoded otherwise today. */
function goneFaults(then: ReadonlyMap<number, MessageRow>, now: readonly Quarantined[]): MessageRow[] {
  const left = [...now];
  const without = (rows: readonly MessageRow[], matches: (row: MessageRow, fault: Quarantined) => boolean) =>
    rows.filter((row) => {
      const at = left.findIndex((fault) => matches(row, fault));
      if (at !== -1) left.splice(at, 1);
      return at === -1;
    });
  const others = without(
    [...then.values()],
    (row, { reason, detail }) => row.reason === reason && row.detail === detail,
  );
  return without(others, (row, { reason }) => row.reason === reason);
}

/** What a change of stations, devices, profiles or settings can turn into a reading, and back. */
const DEPENDS_ON_SETTINGS: ReadonlySet<QuarantineReason> = new Set([
  'unknown-device',
  'unknown-metric',
  'too-old',
  'in-the-future',
]);

/** Of each device all hours as one. */
function byDevice(lines: readonly LedgerLine[]): LedgerLine[] {
  const tally = new Tally();
  tally.add(lines.map((line) => ({ ...line, hour: 0 })));
  return [...tally.lines()].toSorted((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
}
