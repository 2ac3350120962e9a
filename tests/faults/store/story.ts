import { SqlLedgerDesk } from '@canh/adapters/records-sql/sql-ledger-desk';
import { SqlQuarantineDesk } from '@canh/adapters/records-sql/sql-quarantine-desk';
import { START, type JournalOffset } from '@canh/core/readings/journal';
import { MINUTE_MS, type Instant } from '@canh/core/time/instant';
import { FROM, type Gauge } from '../../processor/gauge.js';

/** A value that a scripted store refuses: nothing else is ever sent twice with it. */
export const POISON_M = 66.5;

/** Of the gauge, what any story can have told. */
export const EVERYTHING = { stationId: 'g', metric: 'level_m', from: FROM, to: FROM + 100_000 * MINUTE_MS };

interface Sent {
  readonly at: Instant;
  readonly level: number;
}

/** What a gauge sends over a bad network: mostly the next reading, now and then one again, one late, one with another value, one that the store refuses. */
export class Story {
  /** What the journal has answered for, in its order: all that may be known of what was received. */
  readonly acknowledged: Sent[] = [];
  messages = 0;
  /** The place behind the last of it. */
  end: JournalOffset = START;
  private minute = 0;
  private readonly skipped: Instant[] = [];

  constructor(
    private readonly gauge: Gauge,
    private readonly chance: () => number,
    private readonly poisoned: boolean,
  ) {}

  /** Sends so many messages, each of one to three readings; resolves when all are on disk. */
  async tell(messages: number): Promise<void> {
    const all: Promise<void>[] = [];
    for (let nth = 0; nth < messages; nth += 1)
      all.push(this.send(...Array.from({ length: 1 + Math.floor(this.chance() * 3) }, () => this.one())));
    await Promise.all(all);
  }

  /** Sends one message; resolves when it is on disk. */
  async send(...sent: readonly Sent[]): Promise<void> {
    const payload = sent.map(({ at, level }) => ({ ts: at, values: { level_m: level } }));
    const behind = await this.gauge.receive(payload, FROM + this.minute * MINUTE_MS);
    this.acknowledged.push(...sent);
    this.messages += 1;
    this.end = Math.max(this.end, behind);
  }

  private one(): Sent {
    const kind = this.chance();
    const before = this.acknowledged[Math.floor(this.chance() * this.acknowledged.length)];
    if (before !== undefined && before.level !== POISON_M) {
      if (kind < 0.15) return before;
      if (kind < 0.2) return { at: before.at, level: this.level() };
    }
    if (kind < 0.3 && this.skipped.length > 0) return { at: this.skipped.shift()!, level: this.level() };
    this.minute += 1;
    if (kind > 0.85) {
      this.skipped.push(FROM + this.minute * MINUTE_MS);
      this.minute += 1;
    }
    const level = this.poisoned && this.chance() < 0.03 ? POISON_M : this.level();
    return { at: FROM + this.minute * MINUTE_MS, level };
  }

  /** Two decimals, below the alarm level. */
  private level(): number {
    return Math.floor(this.chance() * 500) / 100;
  }

  /** What must be stored, by time: of several values the first, and none that is refused. */
  stored(): Map<Instant, number> {
    const first = new Map<Instant, number>();
    for (const { at, level } of this.acknowledged) if (level !== POISON_M && !first.has(at)) first.set(at, level);
    return first;
  }

  /** The books as they must be. */
  ledger(): Books {
    const stored = this.stored();
    const refused = this.acknowledged.filter(({ level }) => level === POISON_M).length;
    const conflict = this.acknowledged.filter(({ at, level }) => level !== POISON_M && stored.get(at) !== level).length;
    const received = this.acknowledged.length;
    return {
      messages: this.messages,
      received,
      stored: stored.size,
      duplicate: received - stored.size - conflict - refused,
      conflict,
      'store-refused': refused,
    };
  }
}

/** What a store holds beside what it must: short, since thousands of readings that are there say nothing. */
export function violations(story: Story, held: Iterable<readonly [at: Instant, level: number]>): string[] {
  const left = story.stored();
  const found: string[] = [];
  for (const [at, level] of held) {
    const expected = left.get(at);
    if (expected === undefined) found.push(`I3: ${level} at ${at} was never sent, or is there twice`);
    else if (expected !== level) found.push(`I2: ${level} at ${at} was sent as ${expected}`);
    left.delete(at);
  }
  for (const [at, level] of left) found.push(`I1: ${level} at ${at} is lost`);
  return found.length > 20 ? [...found.slice(0, 20), `and ${found.length - 20} more`] : found;
}

export interface Books {
  readonly messages: number;
  readonly received: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly conflict: number;
  readonly 'store-refused': number;
}

/** The ledger of the gauge, all hours together, as a page shows it; throws where a line of it does not add up. */
export async function booksOf({ records }: Gauge): Promise<Books> {
  const sum = { messages: 0, received: 0, stored: 0, duplicate: 0, conflict: 0, 'store-refused': 0 };
  for (const line of await new SqlLedgerDesk(records).lines({ from: 0, to: FROM * 2 }, 100_000)) {
    const quarantined = Object.values(line.quarantined).reduce((total, count) => total + count, 0);
    if (line.received !== line.stored + line.duplicate + quarantined)
      throw new Error(`A line of the ledger does not add up: ${JSON.stringify(line)}`);
    for (const name of ['messages', 'received', 'stored', 'duplicate'] as const) sum[name] += line[name];
    for (const reason of ['conflict', 'store-refused'] as const) sum[reason] += line.quarantined[reason] ?? 0;
  }
  return sum;
}

/** How many of each reason are in quarantine. */
export async function quarantinedOf({ records }: Gauge): Promise<Record<string, number>> {
  const counts = await new SqlQuarantineDesk(records).counts();
  return Object.fromEntries(counts.map(({ reason, count }) => [reason, count]));
}
