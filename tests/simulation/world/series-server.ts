import type { ReadingColumns } from '@canh/core/quality/reading-columns';
import { CanhError } from '@canh/core/canh-error';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import {
  SeriesStore,
  StoreUnavailable,
  type Conflict,
  type RefusedReading,
  type Sifted,
} from '@canh/core/series/series-store';
import type { Instant } from '@canh/core/time/instant';
import type { Chance } from './chance.js';
import { NEVER } from './disk.js';
import { WORLD, type Owner, type VirtualTime } from './virtual-time.js';

/**
 * `embedded`: an append is one transaction, and a row that is written twice is there twice. `remote`: a server that overwrites, keeps part
 * of what it was sent when the line breaks, and may do so long after the sender has given up. `forgetful`: such a server that answers
 * before its data is on disk, and loses the last of it when it is started anew.
 */
export type StoreKind = 'embedded' | 'remote' | 'forgetful';

export interface StoredRow {
  readonly value: number;
  readonly receivedAt: Instant;
  /** How often it was written, where that can be told. */
  readonly times: number;
  /** When the server took it. */
  readonly at: number;
}

export const keyOf = (reading: {
  readonly deviceId: string;
  readonly metric: string;
  readonly measuredAt: Instant;
  readonly sequence: number;
}): string => `${reading.deviceId} ${reading.metric} ${reading.measuredAt} ${reading.sequence}`;

const GIVES_UP_MS = 3_000;

/** What stores the series: it belongs to the world, and lives on when the processor dies. */
export class SeriesServer {
  readonly rows = new Map<string, StoredRow>();
  /** What was ever lost by being forgotten. */
  readonly forgotten = new Set<string>();
  up = true;
  hangs = false;
  /** A person must change something first: a token, a name. */
  locked = false;
  /** How often an answer is lost behind what was stored. */
  losesAnswers = 0;
  slowMs = 0;
  startedAt: Instant;
  restarts = 0;
  private flushedAt = 0;
  happened: (what: string, owner: Owner) => void = () => undefined;

  constructor(
    readonly kind: StoreKind,
    /** What it refuses for good. */
    readonly refuses: (reading: FlaggedReading) => boolean,
    readonly time: VirtualTime,
    readonly chance: Chance,
  ) {
    this.startedAt = time.wall() - 100_000;
  }

  /** The server dies and is started anew. */
  restart(): void {
    this.restarts += 1;
    this.startedAt = this.time.wall();
    if (this.kind !== 'forgetful') return;
    if (this.time.now - this.flushedAt > FLUSHES_EVERY_MS) this.flushedAt = this.time.now - FLUSHES_EVERY_MS;
    for (const [key, row] of this.rows)
      if (row.at > this.flushedAt) {
        this.rows.delete(key);
        this.forgotten.add(key);
      }
  }

  take(readings: readonly FlaggedReading[]): void {
    for (const reading of readings) {
      const key = keyOf(reading);
      const times = (this.kind === 'embedded' ? (this.rows.get(key)?.times ?? 0) : 0) + 1;
      this.rows.set(key, { value: reading.value, receivedAt: reading.receivedAt, times, at: this.time.now });
    }
    if (this.time.now - this.flushedAt > FLUSHES_EVERY_MS)
      this.flushedAt = this.time.now - this.chance.upTo(FLUSHES_EVERY_MS);
  }
}

/** A forgetful server loses at most what it took in so long a time. */
const FLUSHES_EVERY_MS = 5_000;

/** The store as one processor has it. */
export class SimulatedSeriesStore extends SeriesStore {
  private current: object | null = null;
  /** What is being stored: whoever sifts meanwhile is told that it is. */
  private coming: readonly FlaggedReading[] = [];
  override readonly siftsAhead: boolean;

  constructor(
    private readonly server: SeriesServer,
    private readonly owner: Owner,
  ) {
    super();
    this.siftsAhead = server.kind !== 'embedded';
  }

  async sift(columns: ReadingColumns): Promise<Sifted> {
    const readings = [...columns];
    const token = {};
    this.current = token;
    await this.reached('sift');
    const { server } = this;
    const duplicates: number[] = [];
    const conflicts: Conflict[] = [];
    const fresh: number[] = [];
    const coming = new Map(this.coming.map((reading) => [keyOf(reading), reading.value]));
    const here = new Map<string, number>();
    for (const [at, reading] of readings.entries()) {
      const key = keyOf(reading);
      const stored = server.rows.get(key)?.value ?? coming.get(key) ?? here.get(key);
      if (stored === undefined) {
        here.set(key, reading.value);
        fresh.push(at);
      } else if (stored === reading.value) duplicates.push(at);
      else conflicts.push({ at, storedValue: stored });
    }
    await this.answered();
    return {
      duplicates,
      conflicts,
      store: () => {
        if (this.current !== token) throw new Error('The store was asked to keep what it had let go of.');
        this.current = null;
        this.coming = fresh.map((at) => readings[at]!);
        return this.keep(readings, fresh).finally(() => (this.coming = []));
      },
    };
  }

  async startedAt(): Promise<Instant | null> {
    if (this.server.kind !== 'forgetful') return null;
    await this.reached('startedAt');
    await this.answered();
    return this.server.startedAt;
  }

  readings(): Promise<never> {
    throw new Error('nobody reads here');
  }

  buckets(): Promise<never> {
    throw new Error('nobody reads here');
  }

  summary(): Promise<never> {
    throw new Error('nobody reads here');
  }

  latest(): Promise<FlaggedReading[]> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private async keep(
    readings: readonly FlaggedReading[],
    fresh: readonly number[],
  ): Promise<readonly RefusedReading[]> {
    const { server } = this;
    const { time, chance } = server;
    const taken: FlaggedReading[] = [];
    const refused: RefusedReading[] = [];
    for (const at of fresh) {
      const reading = readings[at]!;
      if (server.refuses(reading)) refused.push({ at, answer: 'field type conflict' });
      else taken.push(reading);
    }
    if (taken.length + refused.length === 0) return refused;
    server.happened('before store', this.owner);
    if (!this.owner.alive && chance.is(0.5)) return NEVER;
    if (server.hangs && server.kind !== 'embedded' && chance.is(0.5))
      // It will be done after all, when nobody waits any more.
      time.after(GIVES_UP_MS + chance.upTo(4_000), () => server.up && server.take(taken), WORLD);
    await this.reached('store');
    if (server.kind === 'embedded') {
      time.note(`stored ${taken.length}`);
      server.take(taken);
    } else
      // In parts, between which the line can break.
      for (let from = 0; from < taken.length || from === 0; from += SENT_AT_ONCE) {
        if (from > 0) await this.reached('store more');
        time.note(`stored ${taken.length}`);
        server.take(taken.slice(from, from + SENT_AT_ONCE));
      }
    server.happened('after store', this.owner);
    await this.answered();
    if (chance.is(server.losesAnswers)) throw new StoreUnavailable('the connection was reset');
    return refused;
  }

  /** Resolves when the server works on it. */
  private async reached(what: string): Promise<void> {
    const { server, owner } = this;
    const { time, chance } = server;
    await time.pause(chance.upTo(2) + chance.upTo(server.slowMs), owner);
    if (server.hangs) {
      await time.pause(GIVES_UP_MS, owner);
      throw new StoreUnavailable(`the series store did not answer within ${GIVES_UP_MS} ms`);
    }
    if (!server.up) throw new StoreUnavailable('the series store does not answer (ECONNREFUSED)');
    if (server.locked) throw new CanhError('STORE_REFUSED', 'the series store does not take this token');
    time.note(what);
  }

  private async answered(): Promise<void> {
    const { time, chance, slowMs } = this.server;
    await time.pause(chance.upTo(1) + chance.upTo(slowMs), this.owner);
  }
}

const SENT_AT_ONCE = 8;
