import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { GroupCommit, type Outlives } from './group-commit.js';
import { openSessionFile } from './session-file.js';
import { numberOf, type Row } from './stored-packet.js';

/** The file of the sessions: statements prepared once, and writes that share a commit. */
export class SessionDatabase {
  /** A file that was no database and was put aside at the start. */
  readonly damaged: string | null;
  private readonly database: DatabaseSync;
  private readonly commits: GroupCommit;
  private readonly prepared = new Map<string, StatementSync>();
  private open = true;

  /** Throws CanhError `SESSIONS_UNOPENABLE`, `SESSIONS_NEWER`. */
  constructor(file: string) {
    const { database, damaged } = openSessionFile(file);
    this.database = database;
    this.damaged = damaged;
    this.commits = new GroupCommit(database);
  }

  get isOpen(): boolean {
    return this.open;
  }

  one(text: string, ...values: SQLInputValue[]): Row | undefined {
    return this.statement(text).get(...values);
  }

  all(text: string, ...values: SQLInputValue[]): Row[] {
    return this.statement(text).all(...values);
  }

  /** What `text` gives as `n`. */
  count(text: string): number {
    return numberOf(this.one(text)?.['n']) ?? 0;
  }

  /** Within the `work` of a `write`. */
  run(text: string, ...values: SQLInputValue[]): { changes: number | bigint; lastInsertRowid: number | bigint } {
    return this.statement(text).run(...values);
  }

  /** Runs `work` now, and resolves when what it wrote is kept. Rejects when it is not, and nothing of it was written then. */
  async write(work: () => unknown, outlives: Outlives = 'power'): Promise<void> {
    await this.commits.write(work, outlives);
  }

  /** Resolves when everything that was written so far is kept; rejects when some of it is not. */
  async durable(): Promise<void> {
    await this.commits.settled();
  }

  /** Keeps what was written, and closes the file. */
  close(): void {
    if (!this.open) throw new Error('destroyed called twice!');
    this.open = false;
    this.commits.flush();
    this.prepared.clear();
    this.database.close();
  }

  private statement(text: string): StatementSync {
    const known = this.prepared.get(text);
    if (known !== undefined) return known;
    const statement = this.database.prepare(text);
    this.prepared.set(text, statement);
    return statement;
  }
}
