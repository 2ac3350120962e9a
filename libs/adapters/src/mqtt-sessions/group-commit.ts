import type { DatabaseSync } from 'node:sqlite';

/** Many devices connect at once after an outage; their writes then share a sync of the disk. */
const COMMIT_AFTER_MS = 5;

interface Group {
  readonly durable: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** What is written within a few milliseconds becomes durable together. Reads see it at once. */
export class GroupCommit {
  private group: Group | null = null;

  constructor(private readonly database: DatabaseSync) {}

  /** Runs `work` now; resolves with what it gave when that is on disk. Rejects when it is not, and nothing of it was written then. */
  async write<Result>(work: () => Result): Promise<Result> {
    const group = (this.group ??= this.begin());
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

  /** Resolves when everything that was written so far is on disk. */
  settled(): Promise<void> {
    return this.group?.durable ?? Promise.resolve();
  }

  /** Makes durable what was written so far. */
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

  private begin(): Group {
    this.database.exec('BEGIN IMMEDIATE');
    let resolve!: () => void;
    let reject!: (error: Error) => void;
    const durable = new Promise<void>((yes, no) => ([resolve, reject] = [yes, no]));
    // Those who wrote hear of it by their own promises.
    durable.catch(() => undefined);
    return { durable, resolve, reject, timer: setTimeout(() => this.flush(), COMMIT_AFTER_MS) };
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
