import { judge, type Judgement } from '@canh/core/rules/judge';
import { RuleStates } from '@canh/core/rules/rule-states';
import type { AlertStore } from '@canh/core/alerts/alert-store';
import type { JournalOffset, JournalReader } from '@canh/core/readings/journal';
import type { ReadingColumns } from '@canh/core/quality/reading-columns';
import type { TimeWindow } from '@canh/core/readings/accept-time';
import type { Quarantine, QuarantineReason } from '@canh/core/readings/quarantine';
import type { Checkpoints, RuleStateRow } from '@canh/core/rules/checkpoints';
import type { LatestValues } from '@canh/core/series/latest-values';
import type { DeviceAttributes } from '@canh/core/stations/attributes';
import type { Clock } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import {
  concatMap,
  defer,
  EMPTY,
  of,
  repeat,
  ReplaySubject,
  takeUntil,
  tap,
  timer,
  type Observable,
  type OperatorFunction,
} from 'rxjs';
import { elapsedMs } from './elapsed.js';
import type { InventoryWatch } from './inventory-watch.js';
import { readBatch, type ReadBatch } from './read-batch.js';
import type { StoreWriter } from './store-writer.js';
import { Stopping, untilItWorks } from './until-it-works.js';

/** About five thousand messages of telemetry: large strokes when there is much to do, and still short of a tenth of a second. */
const READ_BYTES = 2 ** 20;
/** What came meanwhile goes in one stroke: a round costs half a millisecond however little it finds, and nobody sees an alert's twentieth of a second. */
const LOOK_AGAIN_MS = 40;
const KEEP_EVERY_MS = 1_000;
/** How soon a change of stations and devices shows when nothing is received. */
const REFRESH_EVERY_MS = 1_000;

export interface PathParts {
  readonly journal: JournalReader;
  readonly inventory: InventoryWatch;
  readonly alerts: AlertStore;
  readonly checkpoints: Checkpoints;
  readonly quarantine: Quarantine;
  readonly attributes: DeviceAttributes;
  readonly latest: LatestValues;
  readonly window: TimeWindow;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The way of a reading behind the journal: read → decode and flag → judge → alerts and notices → keep the place; the series store is
 * handed the same readings beside it. The next stretch is read only when this one is saved, so nothing piles up here.
 *
 * What is kept is the offset together with the rule states at that offset, about once a second. After a crash the stretch since then
 * is judged again from those states, comes to the same transitions, and the alert store passes over what it has saved before.
 */
export class Path {
  messages = 0;
  payloadBytes = 0;
  /** Places of the journal that could not be read. */
  damaged = 0;
  readings = 0;
  evaluations = 0;
  readonly quarantined = new Map<QuarantineReason, number>();
  behindBytes = 0;
  /** How long the newest message of the last stretch had been waiting when it was judged. */
  behindMs = 0;
  /** Of the running time: since when a stretch is being judged and saved. */
  busySince: number | null = null;
  /** Hears how many seconds each stretch took that held messages. */
  onStretch: (seconds: number) => void = () => undefined;
  problem: string | null = null;
  /** Rules that threw and judge no more until the next start. */
  readonly stoppedRules: string[] = [];

  private readonly stop = new ReplaySubject<void>(1);
  private finished: Promise<boolean> | null = null;
  private unkept: RuleStateRow[] = [];
  private keptOffset: JournalOffset;
  private keptAt = 0;
  private more = false;
  private refreshedAt = 0;
  private readonly judge: OperatorFunction<ReadingColumns, Judgement>;

  constructor(
    private readonly parts: PathParts,
    private readonly states: RuleStates,
    private offset: JournalOffset,
    private readonly writer: StoreWriter,
  ) {
    this.keptOffset = offset;
    this.judge = judge(() => parts.inventory.rulebook, states);
  }

  /** The place up to which everything is judged and saved for good. */
  get kept(): JournalOffset {
    return this.keptOffset;
  }

  /** The place up to which everything is judged and its alerts are saved; what is not kept yet is judged again after a crash. */
  get judgedUpTo(): JournalOffset {
    return this.offset;
  }

  /** How late it judges: as late as the last message was, and no less than it has been busy with the next ones. */
  get lateMs(): number {
    return Math.max(this.behindMs, this.busySince === null ? 0 : performance.now() - this.busySince);
  }

  get quarantinedTotal(): number {
    let total = 0;
    for (const count of this.quarantined.values()) total += count;
    return total;
  }

  start(): void {
    this.writer.start();
    this.finished = new Promise((resolve, reject) => {
      this.stretches().subscribe({
        complete: () => resolve(true),
        error: (error: unknown) => (error instanceof Stopping ? resolve(false) : reject(error as Error)),
      });
    });
    // A broken promise of our own: the process ends and starts again from its kept place.
    this.finished.catch((error: unknown) =>
      setImmediate(() => {
        throw error;
      }),
    );
  }

  async close(): Promise<void> {
    this.stop.next();
    // A stretch that could not be saved is judged again, from the states that were kept before it.
    if ((await this.finished) === true) await this.keep(this.offset).catch(() => undefined);
    await this.writer.close();
  }

  /** One round reads, judges and saves a stretch; it repeats at once while there is more, and looks again shortly when there is not. */
  private stretches(): Observable<unknown> {
    return defer(() => this.read()).pipe(
      tap((batch) => this.handOn(batch)),
      concatMap((batch) => this.judged(batch).pipe(concatMap((judgement) => this.save(batch, judgement)))),
      // Ends between rounds only: a stretch that is judged and not saved would leave states ahead of their offset.
      repeat({ delay: () => (this.more ? of(0) : timer(LOOK_AGAIN_MS)).pipe(takeUntil(this.stop)) }),
    );
  }

  private async read(): Promise<ReadBatch> {
    return this.untilItWorks('journal.unreadable', async () => {
      const { journal, inventory, window, clock } = this.parts;
      const found = await journal.read(this.offset, READ_BYTES);
      // Behind the read: whoever sent one of these messages was registered before.
      if (found.entries.length > 0 || elapsedMs(clock, this.refreshedAt) >= REFRESH_EVERY_MS) {
        await inventory.refresh();
        this.refreshedAt = clock.now();
      }
      return readBatch(this.offset, found, inventory.devices, window);
    });
  }

  private handOn(batch: ReadBatch): void {
    if (batch.entries.length > 0) this.busySince = performance.now();
    // Bytes behind that give no message are a frame still being written: those are waited for.
    this.more = batch.next !== this.offset && batch.behindBytes > 0;
    this.behindBytes = batch.behindBytes;
    if (batch.next !== this.offset) this.writer.offer(batch);
    this.parts.latest.put(batch.readings);
  }

  private judged(batch: ReadBatch): Observable<Judgement> {
    return batch.next === this.offset ? EMPTY : of(batch.readings).pipe(this.judge);
  }

  private async save(batch: ReadBatch, { transitions, failures, evaluations }: Judgement): Promise<void> {
    const { alerts, quarantine, attributes, clock, log } = this.parts;
    if (transitions.length > 0)
      await this.untilItWorks('records.unavailable', () => alerts.apply(transitions, clock.now()));
    if (batch.quarantined.length > 0)
      await this.untilItWorks('records.unavailable', () => quarantine.keep(batch.quarantined));
    if (batch.attributes.length > 0)
      await this.untilItWorks('records.unavailable', () => attributes.merge(batch.attributes));
    for (const { ruleId, reading, error } of failures) {
      this.stoppedRules.push(`${ruleId} at ${reading.stationId}: ${(error as Error).message}`);
      log.error(
        { event: 'rule.stopped', ruleId, reading, error: (error as Error).stack },
        'a rule threw and is stopped for this station',
      );
    }
    if (batch.damaged > 0)
      log.error(
        { event: 'journal.damaged', stretches: batch.damaged, near: this.offset },
        'stretches of the journal cannot be read; what is left of them is in quarantine',
      );

    this.messages += batch.entries.length;
    this.damaged += batch.damaged;
    this.payloadBytes += batch.payloadBytes;
    this.readings += batch.readings.length;
    for (const { reason } of batch.quarantined) this.quarantined.set(reason, (this.quarantined.get(reason) ?? 0) + 1);
    this.evaluations += evaluations;
    this.offset = batch.next;
    this.behindMs = batch.lastReceivedAt === null ? 0 : Math.max(0, clock.now() - batch.lastReceivedAt);
    if (elapsedMs(clock, this.keptAt) >= KEEP_EVERY_MS)
      await this.untilItWorks('records.unavailable', () => this.keep(batch.next));
    if (this.busySince !== null) this.onStretch((performance.now() - this.busySince) / 1_000);
    this.busySince = null;
  }

  private async keep(offset: JournalOffset): Promise<void> {
    if (offset === this.keptOffset) return;
    // What a failed try took from the states is still owed.
    this.unkept = [...this.unkept, ...this.states.takeChanged()];
    await this.parts.checkpoints.keepJudge(offset, this.unkept);
    this.unkept = [];
    this.keptOffset = offset;
    this.keptAt = this.parts.clock.now();
  }

  private async untilItWorks<T>(event: string, action: () => Promise<T>): Promise<T> {
    const result = await untilItWorks(action, (error) => this.failed(event, error), this.stop);
    this.problem = null;
    return result;
  }

  private failed(event: string, error: unknown): void {
    const { message } = error as Error;
    if (this.problem !== message) this.parts.log.error({ event, error: message }, message);
    this.problem = message;
  }
}
