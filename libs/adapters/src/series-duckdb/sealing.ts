import { DAY_KINDS, DAY_US, type DayFile, type DayKind, nameOf } from './day-files.ts';
import { countOfReadings, mergedReadings, mergedSteps } from './day-queries.ts';
import type { KeepDays } from './duckdb-questions.js';
import { listed, removable, type SealedDays, unlisted } from './sealed-days.ts';
import type { Statements } from './statements.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * A day is sealed when it has been over for so long; what comes later is merged into it once some of it has waited so long, since each
 * merge writes the whole day. Together, and with the day itself, this is less than the journal keeps in any case: what only the hot file
 * holds can be had from there.
 */
const CLOSES_AFTER_MS = 2 * HOUR_MS;
const MERGES_AFTER_MS = 3 * HOUR_MS;

/** Row groups of few enough rows that one series is found without reading much beside it, and enough that they compress well. */
const PARQUET = 'FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, ROW_GROUP_SIZE 30720';

const KEEP_NEWEST = (ofDay: string) => `
  CREATE OR REPLACE TEMP TABLE newer AS
    SELECT series_id, max(measured_us) AS measured_us, arg_max(received_at, measured_us) AS received_at,
      arg_max(value, measured_us) AS value, arg_max(flag, measured_us) AS flag
    FROM (FROM newest UNION ALL FROM readings WHERE ${ofDay}) GROUP BY series_id;
  DELETE FROM newest;
  INSERT INTO newest FROM newer;
  DROP TABLE newer`;

/** Runs what nothing may be stored or asked beside: the moment in which readings change their place. */
export type Alone = (work: () => Promise<void>) => Promise<void>;

/** Seals days that are over, merges into them what came late, and lets go of what is old, at a given time. */
export class Sealing {
  readonly #statements: Statements;
  readonly #sealed: SealedDays;
  readonly #now: number;
  readonly #keep: KeepDays;
  readonly #alone: Alone;

  constructor(statements: Statements, sealed: SealedDays, now: number, keep: KeepDays, alone: Alone) {
    this.#statements = statements;
    this.#sealed = sealed;
    this.#now = now;
    this.#keep = keep;
    this.#alone = alone;
  }

  /** Names of the files that were written, and that were let go of for their age. */
  async run(): Promise<{ sealed: string[]; removed: string[] }> {
    await this.#sealed.removeRemovable(this.#statements);
    const removed = await this.#letGo();
    const sealed: DayFile[] = [];
    for (const day of await this.#due()) sealed.push(...(await this.#seal(day)));
    for (const day of this.#sealed.days()) sealed.push(...(await this.#addMissing(day)));
    return { sealed: sealed.map(nameOf), removed: removed.map(nameOf) };
  }

  /** Days that are over and have rows in the hot file that waited long enough. */
  async #due(): Promise<number[]> {
    const closed = Math.floor((this.#now - CLOSES_AFTER_MS) / DAY_MS);
    const found = await this.#statements.rows(
      `SELECT (measured_us // ${DAY_US})::INTEGER AS day, min(received_at)::DOUBLE FROM readings
       WHERE measured_us >= 0 AND measured_us < ${closed * DAY_US} GROUP BY day ORDER BY day`,
    );
    return (found as [number, number][])
      .filter(([day, received]) => this.#sealed.ofDay(day).length === 0 || received <= this.#now - MERGES_AFTER_MS)
      .map(([day]) => day);
  }

  async #seal(day: number): Promise<DayFile[]> {
    const ofDay = `measured_us >= ${day * DAY_US} AND measured_us < ${(day + 1) * DAY_US}`;
    return this.#sealed.reading(
      this.#statements,
      () => this.#sealed.ofDay(day),
      async (old) => {
        const version = Math.max(0, ...old.map((file) => file.version)) + 1;
        const files = this.#kept(day).map((kind) => ({ day, kind, version }));
        await this.#replace(old, files, async () => {
          for (const file of files) {
            if (file.kind === 'raw') await this.#copyReadings(file, ofDay);
            else await this.#copy(file, mergedSteps(this.#sealed, day, file.kind, ofDay));
          }
          await this.#statements.run(KEEP_NEWEST(ofDay));
          await this.#statements.run(`DELETE FROM readings WHERE ${ofDay}`);
        });
        return files;
      },
    );
  }

  /** Steps that were never written, or whose file was damaged, from what is finer. */
  async #addMissing(day: number): Promise<DayFile[]> {
    return this.#sealed.reading(
      this.#statements,
      () => this.#sealed.ofDay(day),
      async (old) => {
        const version = old.at(-1)?.version;
        if (version === undefined) return [];
        const finest = DAY_KINDS.indexOf(old.at(-1)!.kind);
        const missing = this.#kept(day).filter(
          (kind) => DAY_KINDS.indexOf(kind) < finest && this.#sealed.get(day, kind) === null,
        );
        const files = missing.map((kind) => ({ day, kind, version }));
        if (files.length > 0)
          await this.#replace([], files, async () => {
            for (const file of files)
              await this.#copy(file, mergedSteps(this.#sealed, day, file.kind as Exclude<DayKind, 'raw'>, 'false'));
          });
        return files;
      },
    );
  }

  async #letGo(): Promise<DayFile[]> {
    const old = this.#sealed
      .days()
      .flatMap((day) => this.#sealed.ofDay(day).filter(({ kind }) => !this.#kept(day).includes(kind)));
    if (old.length > 0) await this.#replace(old, [], async () => undefined);
    return old;
  }

  #kept(day: number): DayKind[] {
    return DAY_KINDS.filter((kind) => (day + 1 + this.#keep[kind]) * DAY_MS > this.#now);
  }

  /**
   * Puts new files into the place of old ones, in one transaction with what `work` does, which writes them. Wherever a crash comes in
   * between, the list names only whole files, and what nobody needs any more is known as removable.
   */
  async #replace(old: readonly DayFile[], files: readonly DayFile[], work: () => Promise<void>): Promise<void> {
    const statements = this.#statements;
    await statements.run(removable(files));
    await statements.run('BEGIN');
    try {
      await work();
      this.#sealed.folder.finish(files);
      await statements.run(unlisted(old));
      await statements.run(listed(files));
      await statements.run(removable(old));
    } catch (error) {
      await statements.run('ROLLBACK').catch(() => undefined);
      this.#sealed.folder.removeUnfinished();
      throw error;
    }
    await this.#alone(async () => {
      await statements.run('COMMIT');
      for (const file of old) this.#sealed.drop(file);
      for (const file of files) this.#sealed.add(file);
      await this.#sealed.removeRemovable(statements);
    });
  }

  async #copyReadings(file: DayFile, ofDay: string): Promise<void> {
    const [[expected]] = (await this.#statements.rows(countOfReadings(this.#sealed, file.day, ofDay))) as [[number]];
    const written = await this.#copy(file, mergedReadings(this.#sealed, file.day, ofDay));
    if (written !== expected) throw new Error(`of ${expected} readings, ${written} came into ${nameOf(file)}`);
  }

  /** How many rows came into the file. */
  async #copy(file: DayFile, sql: string): Promise<number> {
    const path = this.#sealed.folder.quotedUnfinished(file);
    const [[rows]] = (await this.#statements.rows(`COPY (${sql}) TO ${path} (${PARQUET})`)) as [[bigint]];
    return Number(rows);
  }
}
