import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { JournalOffset } from '@canh/core/readings/journal';
import type { Quarantine, Quarantined } from '@canh/core/readings/quarantine';
import type { Checkpoints } from '@canh/core/rules/checkpoints';
import type { SeriesStore } from '@canh/core/series/series-store';
import type { Clock } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import { firstValueFrom, race, ReplaySubject, timer } from 'rxjs';
import type { ReadBatch } from './read-batch.js';
import { Stopping, untilItWorks } from './until-it-works.js';

/** Enough for the store to work in large strokes, little enough to hold in memory. */
const MOST_QUEUED_READINGS = 200_000;
const MOST_AT_ONCE = 50_000;
/** Each append is a transaction and waits for the disk, whatever its size: worth one are so many readings, or so long a wait. */
const WORTH_AN_APPEND = 10_000;
const GATHER_FOR_MS = 250;
const LOOK_AGAIN_MS = 100;
const KEEP_OFFSET_EVERY_MS = 1_000;

interface Stretch {
  readonly readings: readonly FlaggedReading[];
  readonly from: JournalOffset;
  readonly next: JournalOffset;
  readonly bytes: number;
}

export interface StoreWriterParts {
  readonly store: SeriesStore;
  readonly checkpoints: Checkpoints;
  readonly quarantine: Quarantine;
  readonly clock: Clock;
  readonly log: Log;
  /** Reads the journal from an offset, as the judge does. */
  readonly read: (from: JournalOffset) => Promise<ReadBatch>;
}

/**
 * Writes readings to the series store at the store's own pace and keeps its own place in the journal. While the store keeps up it is
 * handed what the judge has just read; when it falls behind or is down, it is left behind, and reads the journal for itself until it
 * has caught up. So a store that is down never holds up an alert, and memory stays bounded.
 */
export class StoreWriter {
  stored = 0;
  duplicates = 0;
  behindBytes = 0;
  /** Why nothing can be stored now, or null. */
  problem: string | null = null;

  private queue: Stretch[] = [];
  private queued = 0;
  private inStep = false;
  /** Where the judge is. */
  private head: JournalOffset;
  private keptAt = 0;
  private keptOffset: JournalOffset;
  private readonly stop = new ReplaySubject<void>(1);
  private stopped = false;
  private wake: () => void = () => undefined;
  private running: Promise<void> | null = null;

  constructor(
    private readonly parts: StoreWriterParts,
    private offset: JournalOffset,
    judgeOffset: JournalOffset,
  ) {
    this.head = judgeOffset;
    this.keptOffset = offset;
  }

  /** The place up to which everything is stored for good. */
  get kept(): JournalOffset {
    return this.keptOffset;
  }

  /** Takes what the judge has read, or lets it go to read it again later. Never waits. */
  offer(from: JournalOffset, { readings, next, payloadBytes }: ReadBatch): void {
    this.head = next;
    // After a restart the judge may begin a little behind what was stored.
    if (next <= this.offset) return;
    this.behindBytes += payloadBytes;
    if (this.inStep && this.queued <= MOST_QUEUED_READINGS) {
      this.queue.push({ readings, from, next, bytes: payloadBytes });
      this.queued += readings.length;
    } else this.inStep = false;
    this.wake();
  }

  start(): void {
    this.running = this.run().catch((error: unknown) => {
      if (!(error instanceof Stopping)) throw error;
    });
  }

  /** Lets the append under way finish and keeps the place. */
  async close(): Promise<void> {
    this.stopped = true;
    this.stop.next();
    this.wake();
    await this.running;
    await this.keepOffset(true).catch(() => undefined);
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      if (this.queue.length > 0) {
        await this.gathered();
        await this.appendQueued();
      } else if (!this.inStep && this.offset >= this.head) this.inStep = true;
      else if (!this.inStep) await this.catchUp();
      else await this.somethingToDo();
    }
    while (this.queue.length > 0 && this.problem === null) await this.appendQueued();
  }

  private somethingToDo(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      if (this.stopped || this.queue.length > 0) resolve();
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
    const stretches: Stretch[] = [];
    let readings = 0;
    do {
      const stretch = this.queue.shift()!;
      stretches.push(stretch);
      readings += stretch.readings.length;
    } while (this.queue.length > 0 && readings < MOST_AT_ONCE);
    this.queued -= readings;
    const all = stretches.length === 1 ? stretches[0]!.readings : stretches.flatMap((stretch) => stretch.readings);
    const bytes = stretches.reduce((sum, stretch) => sum + stretch.bytes, 0);
    await this.append({ readings: all, from: stretches[0]!.from, next: stretches.at(-1)!.next, bytes });
  }

  private async catchUp(): Promise<void> {
    const from = this.offset;
    const batch = await untilItWorks(() => this.parts.read(from), this.failed('journal.unreadable'), this.stop);
    this.behindBytes = batch.payloadBytes + batch.behindBytes;
    // The judge has read further, so there is more: a segment that cannot be seen for the moment. Never jump over it.
    if (batch.next === from) await firstValueFrom(race(timer(LOOK_AGAIN_MS), this.stop));
    else await this.append({ readings: batch.readings, from, next: batch.next, bytes: batch.payloadBytes });
  }

  private async append({ readings, from, next, bytes }: Stretch): Promise<void> {
    if (readings.length > 0) {
      const { stored, refused } = await untilItWorks(
        () => this.parts.store.append(readings),
        this.failed('store.unavailable'),
        this.stop,
      );
      this.stored += stored;
      this.duplicates += readings.length - stored - refused.length;
      if (refused.length > 0) await this.quarantine(from, refused);
    }
    if (this.problem !== null) this.parts.log.info({ event: 'store.available' }, 'the series store answers again');
    this.problem = null;
    this.offset = next;
    this.behindBytes = Math.max(0, this.behindBytes - bytes);
    await this.keepOffset(false);
  }

  private async quarantine(
    from: JournalOffset,
    refused: readonly { reading: FlaggedReading; answer: string }[],
  ): Promise<void> {
    const entries = refused.map(({ reading, answer }, index): Quarantined => ({
      offset: from,
      part: STORE_PARTS + index,
      deviceId: reading.deviceId,
      receivedAt: reading.receivedAt,
      reason: 'store-refused',
      detail: answer,
      payload: Buffer.from(JSON.stringify(reading)),
    }));
    await untilItWorks(() => this.parts.quarantine.keep(entries), this.failed('quarantine.unavailable'), this.stop);
  }

  private async keepOffset(now: boolean): Promise<void> {
    if (this.offset === this.keptOffset || (!now && this.parts.clock.now() - this.keptAt < KEEP_OFFSET_EVERY_MS))
      return;
    const offset = this.offset;
    await untilItWorks(() => this.parts.checkpoints.keepStore(offset), this.failed('records.unavailable'), this.stop);
    this.keptOffset = offset;
    this.keptAt = this.parts.clock.now();
  }

  private failed(event: string): (error: unknown) => void {
    return (error) => {
      const message = (error as Error).message;
      if (this.problem !== message) this.parts.log.error({ event, error: message }, message);
      this.problem = message;
    };
  }
}

/** Parts of a message are counted from 0 by the reader; what a store refuses is counted from here. */
const STORE_PARTS = 1_000_000;
