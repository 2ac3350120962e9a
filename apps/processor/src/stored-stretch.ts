import { ReadingColumns } from '@canh/core/quality/reading-columns';
import type { JournalEntry, JournalOffset } from '@canh/core/readings/journal';
import { STORE_PARTS, type Quarantined, type QuarantineReason } from '@canh/core/readings/quarantine';
import type { TimeWindow } from '@canh/core/readings/accept-time';
import { Tally } from '@canh/core/series/tally';
import type { Sifted } from '@canh/core/series/series-store';
import { isLate, type ReadBatch } from './read-batch.js';

/** Stretches that go to the store as one, and what becomes of each reading in them. */
export class StoredStretch {
  readonly readings: ReadingColumns;
  readonly from: JournalOffset;
  readonly next: JournalOffset;
  readonly bytes: number;
  private readonly starts: number[] = [];

  constructor(
    readonly batches: readonly ReadBatch[],
    private readonly window: TimeWindow,
  ) {
    let start = 0;
    for (const { readings } of batches) {
      this.starts.push(start);
      start += readings.length;
    }
    this.readings = ReadingColumns.joined(batches.map(({ readings }) => readings));
    this.from = batches[0]!.from;
    this.next = batches.at(-1)!.next;
    this.bytes = batches.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0);
  }

  /** What is in it, by device and hour of receiving, as if the store had none of it. */
  content(): Tally {
    const tally = new Tally();
    for (const batch of this.batches) tally.add(batch.tally.lines());
    return tally;
  }

  /**
   * The ledger of it, once it is known what the store has already. `begun`: what was decided of it before a crash, when there was more or less
   * in it. The store may have some of it by that very beginning, so no more count as duplicates than did then.
   */
  tally({ duplicates, conflicts }: Pick<Sifted, 'duplicates' | 'conflicts'>, begun: Tally | null = null): Tally {
    const tally = this.content();
    for (const at of duplicates) {
      const { deviceId } = this.readings.series[at]!;
      const { receivedAt } = this.entryOf(at).entry.message;
      if (begun !== null && !begun.takeDuplicate(deviceId, receivedAt)) continue;
      tally.wasDuplicate(deviceId, receivedAt, this.isLate(at));
    }
    for (const { at } of conflicts) this.quarantine(tally, at, 'conflict');
    return tally;
  }

  /** A reading that is in quarantine instead. */
  quarantine(tally: Tally, at: number, reason: QuarantineReason): void {
    const { deviceId } = this.readings.series[at]!;
    const { receivedAt } = this.entryOf(at).entry.message;
    tally.wasQuarantined(deviceId, receivedAt, this.isLate(at), reason);
  }

  private isLate(at: number): boolean {
    const { measuredAt, receivedAt } = this.readings;
    return isLate(measuredAt[at]!, receivedAt[at]!, this.window);
  }

  /** A reading as quarantine keeps it: as the device itself could have sent it, so that it can be read once more. */
  quarantined(at: number, reason: QuarantineReason, detail: string): Quarantined {
    const { entry, place } = this.entryOf(at);
    const { deviceId, receivedAt, measuredAt, sequence, metric, value } = this.readings.at(at);
    return {
      offset: entry.offset,
      part: STORE_PARTS + place,
      kind: 'telemetry',
      senderId: deviceId,
      deviceId,
      receivedAt,
      reason,
      detail,
      // Ends as `IN_UNIT_ALREADY` says: the device may send in another unit, and what is read once more is not to be converted twice.
      payload: Buffer.from(
        JSON.stringify({ ts: measuredAt, seq: sequence, values: { [metric]: value }, converted: true }),
      ),
    };
  }

  /** The message that a reading came in, and which of its readings it is. */
  private entryOf(at: number): { entry: JournalEntry; place: number } {
    const nth = lastAtMost(this.starts, at);
    const { entries, firstReading } = this.batches[nth]!;
    const within = at - this.starts[nth]!;
    const message = lastAtMost(firstReading, within);
    return { entry: entries[message]!, place: within - firstReading[message]! };
  }
}

/** The place of the last of `rising` that is `most` or less. */
function lastAtMost(rising: readonly number[], most: number): number {
  let [low, high] = [0, rising.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (rising[middle]! <= most) low = middle;
    else high = middle - 1;
  }
  return low;
}
