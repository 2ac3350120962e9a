import { check } from './oracle.js';
import { Chance } from './chance.js';
import { plannedMessages, REFUSED_VALUE, type Due } from './devices.js';
import { SimulatedDisk } from './disk.js';
import { drawFaults, type Fault } from './faults.js';
import { journalOf } from './journal-content.js';
import { Broker, Processor, type Ground } from './processes.js';
import { Publisher } from './publisher.js';
import type { Records } from './records.js';
import { telemetry, type Sent } from './sent.js';
import { SeriesServer, type StoreKind } from './series-server.js';
import { Owner, WORLD, type VirtualTime } from './virtual-time.js';

/** 2026-01-01T09:00:00Z: the runs go over an hour's end. */
const AN_HOUR = 1_767_258_000_000;
/** So soon after the last fault is mended, and everything was sent, nothing may be behind. */
const QUIET_WITHIN_MS = 60_000;
const SENT_WITHIN_MS = 60_000;
/** A reading goes through the whole path every now and then, whatever else is sent; longer than a store's restart may stay unseen. */
const CANARIES = 3;
const CANARY_EVERY_MS = 11_000;

export interface Outcome {
  readonly seed: number;
  /** What was found to be wrong, for a person. Empty when all held. */
  readonly wrong: readonly string[];
  readonly trace: number;
  readonly steps: number;
  readonly messages: number;
  readonly kind: StoreKind;
  readonly crashes: number;
  readonly exactly: boolean;
}

type Who = 'broker' | 'processor';

/** One run of the whole path, with everything that chance has in store for it. */
class Run {
  readonly wrong: string[] = [];
  crashes = 0;
  private readonly chance: Chance;
  private readonly ground: Ground;
  private readonly publishers = new Map<string, Publisher>();
  private readonly promised = new Set<Sent>();
  private broker: { owner: Owner; process: Broker | null };
  private processor: { owner: Owner; process: Processor | null };
  private lives = 0;
  private armed: Fault[] = [];
  private messages: Due[];
  private readonly spanMs: number;

  constructor(
    private readonly seed: number,
    private readonly time: VirtualTime,
    records: Records,
  ) {
    const chance = new Chance(seed);
    this.chance = chance;
    const wallClock = AN_HOUR + 3_600_000 - chance.whole(0, 15_000);
    time.begin(chance, wallClock);
    records.empty();
    this.spanMs = chance.whole(3, 9) * 1_000;
    time.latestMs = chance.one([60, 200, 500]);
    const disk = new SimulatedDisk(time, chance.fork('disk'));
    const kind = chance.one<StoreKind>(['embedded', 'remote', 'remote', 'forgetful']);
    const server = new SeriesServer(kind, ({ value }) => value === REFUSED_VALUE, time, chance.fork('server'));
    const happened = (what: string, owner: Owner): void => this.happened(what, owner);
    disk.happened = happened;
    server.happened = happened;
    this.ground = {
      time,
      chance: chance.fork('records'),
      disk,
      server,
      records,
      weather: { unwritable: false, slowMs: 0 },
      segmentBytes: chance.one([512, 1_024, 4_096]),
      keptMs: kind === 'forgetful' ? 20 * 60_000 : chance.one([1, 60_000]),
      happened,
    };
    this.broker = { owner: this.life('broker'), process: null };
    this.processor = { owner: this.life('processor'), process: null };
    this.messages = plannedMessages(chance.fork('devices'), {
      devices: chance.whole(3, 12),
      messages: chance.is(0.15) ? chance.whole(40, 120) : chance.whole(12, 40),
      spanMs: this.spanMs,
      wallClock,
    });
    this.armed = drawFaults(chance.fork('faults'), this.spanMs, kind);
  }

  async outcome(): Promise<Outcome> {
    const { time, ground } = this;
    this.startBroker();
    this.startProcessor();
    for (const { at, sent } of this.messages) time.after(at, () => this.publisher(sent.senderId).send(sent), WORLD);
    for (const fault of this.armed) if ('at' in fault.when) time.after(fault.when.at, () => this.strike(fault), WORLD);

    // Until everything was due, then until everything is acknowledged, then until nothing is behind.
    const lastDue = Math.max(...this.messages.map(({ at }) => at));
    // Troubles go on for a while when nothing is sent any more.
    await this.after(Math.max(this.spanMs, lastDue) + this.chance.upTo(2_500));
    this.heal();
    const all = [...this.publishers.values()];
    const sent = await time.run(() => all.every(({ idle }) => idle), time.now + SENT_WITHIN_MS);
    if (!sent) this.wrong.push('I9: what was sent was not acknowledged within a minute of the last fault');
    if (ground.server.kind === 'forgetful') await this.canaries();
    const end = journalOf(ground.disk).end;
    const quiet = await time.run(() => this.isQuiet(end), time.now + QUIET_WITHIN_MS);
    if (!quiet) this.wrong.push(`I9: not at rest a minute after the last fault: ${this.whatIsBehind(end)}`);
    const { wrong, exactly } = await check({
      disk: ground.disk,
      server: ground.server,
      records: ground.records,
      promised: this.promised,
      sent: new Set(this.messages.map((due) => due.sent)),
    });
    this.wrong.push(...wrong);
    this.tellWhatIsLeft();
    for (const who of [this.broker, this.processor]) who.owner.alive = false;
    return {
      seed: this.seed,
      wrong: this.wrong,
      trace: time.trace,
      steps: time.steps,
      messages: this.messages.length,
      kind: ground.server.kind,
      crashes: this.crashes,
      exactly,
    };
  }

  private tellWhatIsLeft(): void {
    const { story } = this.time;
    if (story === null) return;
    const { disk, records } = this.ground;
    const { kept, phantoms } = journalOf(disk);
    const at = (offset: number): string => `${Math.floor(offset / 2 ** 32)}:${offset % 2 ** 32}`;
    for (const [frames, what] of [
      [kept, 'kept'],
      [phantoms, 'gone with the power'],
    ] as const)
      for (const { offset, senderId, receivedAt, payload } of frames)
        story.push(`${what} ${at(offset)} of ${senderId} at ${receivedAt}: ${payload.toString('latin1').trim()}`);
    for (const table of ['followers', 'ledger', 'ledger_quarantined', 'ledger_begun', 'alert_events'])
      for (const row of records.rows(`select * from ${table}`)) story.push(`${table} ${JSON.stringify(row)}`);
    for (const row of records.rows<{ journal_offset: number }>(
      'select journal_offset, part, device_id, reason from quarantine',
    ))
      story.push(`quarantine ${at(row.journal_offset)} ${JSON.stringify(row)}`);
  }

  /** A rejection that nobody has caught ends the process whose it is. */
  unhandled(error: unknown): void {
    this.time.owner.died?.(error);
  }

  private publisher(id: string): Publisher {
    let publisher = this.publishers.get(id);
    if (publisher === undefined) {
      publisher = new Publisher(
        id,
        this.time,
        this.chance.fork(id),
        () => this.broker.process,
        (sent) => {
          this.time.note(`promised ${sent.number}`);
          this.promised.add(sent);
        },
        (what) => this.wrong.push(what),
      );
      this.publishers.set(id, publisher);
    }
    return publisher;
  }

  private async canaries(): Promise<void> {
    const { time } = this;
    for (let nth = 0; nth < CANARIES; nth += 1) {
      const sent = telemetry(1_000_000 + nth, 'device-0', [{ ts: time.wall(), seq: null, values: { rain_mm: 0 } }]);
      this.messages.push({ at: time.now, sent });
      this.publisher('device-0').send(sent);
      await this.after(CANARY_EVERY_MS);
    }
  }

  private async after(delayMs: number): Promise<void> {
    let over = false;
    this.time.after(delayMs, () => (over = true), WORLD);
    await this.time.run(() => over, Number.POSITIVE_INFINITY);
  }

  private isQuiet(end: number): boolean {
    const { process } = this.processor;
    if (process === null || process.judgedTo < end || process.path.problem !== null) return false;
    const { writer, path } = process;
    return writer.problem === null && writer.kept >= end && writer.behindBytes === 0 && path.behindBytes === 0;
  }

  private whatIsBehind(end: number): string {
    const { process } = this.processor;
    if (process === null) return 'the processor does not run';
    const { path, writer } = process;
    return (
      `end ${end}, judged to ${process.judgedTo}, ${path.behindBytes} bytes behind (${path.problem}); ` +
      `store kept ${writer.kept}, ${writer.behindBytes} bytes behind (${writer.problem?.message})`
    );
  }

  private life(of: Who): Owner {
    this.lives += 1;
    const owner = new Owner(`${of}#${this.lives}`);
    owner.died = (error) => {
      this.wrong.push(`${owner.name} died of ${(error as Error).stack ?? String(error)}`);
      this.kill(of, 500);
    };
    return owner;
  }

  private startBroker(): void {
    const { owner } = this.broker;
    void this.time
      .as(owner, () => Broker.start(this.ground, owner))
      .then(
        (process) => {
          this.broker.process = process;
          this.time.note('broker is up');
        },
        (error: unknown) => this.failedToStart('broker', owner, error),
      );
  }

  private startProcessor(): void {
    const { owner } = this.processor;
    void this.time
      .as(owner, () => Processor.start(this.ground, owner))
      .then(
        (process) => {
          this.processor.process = process;
          this.time.note('processor is up');
        },
        (error: unknown) => this.failedToStart('processor', owner, error),
      );
  }

  /** Whoever keeps processes running tries again. */
  private failedToStart(who: Who, owner: Owner, error: unknown): void {
    if (!owner.alive) return;
    this.time.note(`${who} did not start: ${(error as Error).message}`);
    this.kill(who, 700);
  }

  private kill(who: Who, backAfterMs: number): void {
    const life = this[who];
    if (!life.owner.alive) return;
    this.crashes += 1;
    this.time.note(`kill ${life.owner.name}`);
    life.owner.alive = false;
    life.owner = new Owner('nobody');
    life.owner.alive = false;
    life.process = null;
    if (who === 'broker')
      for (const publisher of this.publishers.values()) publisher.reconnect(this.chance.whole(20, 600));
    this.time.after(
      backAfterMs,
      () => {
        if (life.owner.alive) return;
        life.owner = this.life(who);
        if (who === 'broker') this.startBroker();
        else this.startProcessor();
      },
      WORLD,
    );
  }

  private happened(what: string, owner: Owner): void {
    if (this.armed.length === 0) return;
    for (const fault of this.armed) {
      if (!('point' in fault.when) || this.time.now < fault.when.from || !what.startsWith(fault.when.point)) continue;
      fault.when.nth -= 1;
      if (fault.when.nth === 0) this.strike(fault);
    }
    if (what.startsWith('after sync') && owner === this.broker.owner) this.replaceIfBroken();
  }

  private strike(fault: Fault): void {
    if (!this.armed.includes(fault)) return;
    this.armed = this.armed.filter((other) => other !== fault);
    const { time, ground, chance } = this;
    const { disk, server, weather } = ground;
    time.note(`fault ${fault.kind}`);
    const forAWhile = (begin: () => void, end: () => void): void => {
      begin();
      time.after(fault.ms, end, WORLD);
    };
    switch (fault.kind) {
      case 'kill-broker':
        return this.kill('broker', fault.ms);
      case 'kill-processor':
        return this.kill('processor', fault.ms);
      case 'kill-both':
        this.kill('broker', fault.ms);
        return this.kill('processor', chance.whole(50, 1_500));
      case 'power-cut':
        this.kill('broker', fault.ms);
        this.kill('processor', chance.whole(50, 1_500));
        return disk.losePower();
      case 'stop-processor':
        return this.stopProcessor(fault.ms);
      case 'disk-full':
        return forAWhile(
          () => (disk.full = true),
          () => (disk.full = false),
        );
      case 'sync-fails':
        disk.syncsToFail = 1;
        return;
      case 'slow-disk':
        return forAWhile(
          () => (disk.slowMs = 80),
          () => (disk.slowMs = 0),
        );
      case 'store-down':
        return forAWhile(
          () => (server.up = false),
          () => (server.up = true),
        );
      case 'store-hangs':
        return forAWhile(
          () => (server.hangs = true),
          () => (server.hangs = false),
        );
      case 'store-locked':
        return forAWhile(
          () => (server.locked = true),
          () => (server.locked = false),
        );
      case 'store-slow':
        return forAWhile(
          () => (server.slowMs = 300),
          () => (server.slowMs = 0),
        );
      case 'answers-lost':
        return forAWhile(
          () => (server.losesAnswers = 0.6),
          () => (server.losesAnswers = 0),
        );
      case 'store-restart':
        return forAWhile(
          () => (server.up = false),
          () => {
            server.up = true;
            server.restart();
          },
        );
      case 'records-unwritable':
        return forAWhile(
          () => (weather.unwritable = true),
          () => (weather.unwritable = false),
        );
      case 'records-slow':
        return forAWhile(
          () => (weather.slowMs = 200),
          () => (weather.slowMs = 0),
        );
      case 'suspend':
        // The machine sleeps: all timers are late by that much.
        time.now += fault.ms;
        return;
      case 'clock-set':
        time.wallAhead += fault.ms;
    }
  }

  private stopProcessor(backAfterMs: number): void {
    const { process, owner } = this.processor;
    if (process === null) return;
    this.time.as(owner, () => {
      void process.path.close().then(() => {
        if (owner === this.processor.owner) this.kill('processor', backAfterMs);
      });
    });
  }

  /** A journal whose sync has failed accepts nothing more; a person looks at the disk, and starts the broker again. */
  private replaceIfBroken(): void {
    const { owner } = this.broker;
    this.time.after(
      300,
      () => {
        const { process } = this.broker;
        if (owner === this.broker.owner && process?.journal.problem?.code === 'JOURNAL_SYNC_FAILED')
          this.kill('broker', 400);
      },
      WORLD,
    );
  }

  private heal(): void {
    const { disk, server, weather } = this.ground;
    this.time.note('all is mended');
    this.armed = [];
    [disk.full, disk.syncsToFail, disk.slowMs, disk.shortWrites] = [false, 0, 0, 0];
    if (!server.up) {
      server.up = true;
      server.restart();
    }
    [server.hangs, server.locked, server.losesAnswers, server.slowMs] = [false, false, 0, 0];
    [weather.unwritable, weather.slowMs] = [false, 0];
    const brokenJournal = this.broker.process?.journal.problem?.code === 'JOURNAL_SYNC_FAILED';
    if (brokenJournal) this.kill('broker', 100);
  }
}

/** The run of one seed; with `story`, everything that happened in it is handed to it, line by line. */
export async function runSeed(
  seed: number,
  time: VirtualTime,
  records: Records,
  story?: (line: string) => void,
): Promise<Outcome> {
  time.story = story === undefined ? null : [];
  const run = new Run(seed, time, records);
  const unhandled = (error: unknown): void => run.unhandled(error);
  process.on('unhandledRejection', unhandled);
  try {
    return await run.outcome();
  } finally {
    process.off('unhandledRejection', unhandled);
    if (story !== undefined) for (const line of time.story ?? []) story(line);
  }
}
