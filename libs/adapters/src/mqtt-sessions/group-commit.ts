import type { DatabaseSync } from 'node:sqlite';

/** Many devices connect at once after an outage; their writes then share a sync of the disk. */
const COMMIT_AFTER_MS = 5;

/** `power`: a power cut takes nothing of it. `kill`: only a kill does not; that costs no sync of the disk. */
export type Outlives = 'power' | 'kill';

interface Group {
  readonly outlives: Outlives;
  readonly durable: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** What is written within a few milliseconds is kept together. Reads see it at once. */
export class GroupCommit {
  private group: Group | null = null;
  private synchronous: Outlives | null = null;

  constructor(private readonly database: DatabaseSync) {}

  /** Runs `work` now; resolves with what it gave when that is kept. Rejects when it is not, and nothing of it was written then. */
  async write<Result>(work: () => Result, outlives: Outlives = 'power'): Promise<Result> {
    if (outlives === 'power' && this.group?.outlives === 'kill') this.flush();
    const group = (this.group ??= this.begin(outlives));
    let result: Result;
    try {
      result = work();
    } catch (error) {
      this.undo(error as Error);
      throw error;
    }
    await group.durable;
    return result;
  }

  /** Resolves when everything that was written so far is kept. */
  settled(): Promise<void> {
    return this.group?.durable ?? Promise.resolve();
  }

  /** Keeps what was written so far. */
  flush(): void {
    const { group } = this;
    if (group === null) return;
    try {
      this.database.exec('COMMIT');
    } catch (error) {
      return this.undo(error as Error);
    }
    this.ended(group).resolve();
  }

  private begin(outlives: Outlives): Group {
    // Not within a transaction.
    if (this.synchronous !== outlives)
      this.database.exec(`PRAGMA synchronous = ${outlives === 'power' ? 'FULL' : 'NORMAL'}`);
    this.synchronous = outlives;
    this.database.exec('BEGIN IMMEDIATE');
    let resolve!: () => void;
    let reject!: (error: Error) => void;
    const durable = new Promise<void>((yes, no) => ([resolve, reject] = [yes, no]));
    // Those who wrote hear of it by their own promises.
    durable.catch(() => undefined);
    return { outlives, durable, resolve, reject, timer: setTimeout(() => this.flush(), COMMIT_AFTER_MS) };
  }

  private undo(error: Error): void {
    // A full disk has rolled it back already.
    if (this.database.isTransaction) this.database.exec('ROLLBACK');
    if (this.group !== null) this.ended(this.group).reject(error);
  }

  private ended(group: Group): Group {
    clearTimeout(group.timer);
    this.group = null;
    return group;
  }
}
