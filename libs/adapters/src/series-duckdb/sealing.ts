import { dateOf, DAY_KINDS, DAY_US, type DayFile, type DayKind, nameOf } from './day-files.ts';
import { countOfReadings, mergedReadings, mergedSteps } from './day-queries.ts';
import type { KeepDays, Maintained } from './duckdb-questions.js';
import { said } from './errors.ts';
import type { Pauses } from './pauses.ts';
import { listed, removable, type SealedDays, unlisted } from './sealed-days.ts';
import type { Statements } from './statements.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MINUTE_US = 60_000_000;

/**
 * A day is sealed when it has been over for so long; what comes later is merged into it once some of it has waited so long, since each
 * merge writes a whole part of the day. Together, and with the day itself, this is less than the journal keeps in any case: what only the hot file
 * holds can be had from there.
 */
const CLOSES_AFTER_MS = 2 * HOUR_MS;
const MERGES_AFTER_MS = 3 * HOUR_MS;

/** Row groups of few enough rows that one series is found without reading much beside it, and enough that they compress well. */
const PARQUET = 'FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, ROW_GROUP_SIZE 30720';

const KEEP_NEWEST = (hot: string) => `
  CREATE OR REPLACE TEMP TABLE newer AS
    SELECT series_id, max(measured_us) AS measured_us, arg_max(received_at, measured_us) AS received_at,
      arg_max(value, measured_us) AS value, arg_max(flag, measured_us) AS flag
    FROM (FROM newest UNION ALL FROM readings WHERE ${hot}) GROUP BY series_id;
  DELETE FROM newest;
  INSERT INTO newest FROM newer;
  DROP TABLE newer`;

/** Runs what nothing may be stored or asked beside: the moment in which readings change their place. */
export type Alone = (work: () => Promise<void>) => Promise<void>;

/** What is to be done: as of `now`, for files of the ages in `keep`, so many rows in one transaction and in one file, and not yet what failed lately. */
export interface SealingOrder {
  readonly now: number;
  readonly keep: KeepDays;
  readonly rowsAtOnce: number;
  readonly pauses: Pauses;
}

/** Somebody ended the work: that is no fault of the day. */
const ENDED = /interrupt|is being closed/i;
const OLD_FILES = 'removed files';

/** Seals days that are over, merges into them what came late, and lets go of what is old. */
export class Sealing {
  readonly #statements: Statements;
  readonly #sealed: SealedDays;
  readonly #order: SealingOrder;
  readonly #alone: Alone;

  constructor(statements: Statements, sealed: SealedDays, order: SealingOrder, alone: Alone) {
    this.#statements = statements;
    this.#sealed = sealed;
    this.#order = order;
    this.#alone = alone;
  }

  /** Names of the files that were written, and that were let go of for their age; and what failed. Rejects when the file does nothing any more. */
  async run(): Promise<Omit<Maintained, 'setAside'>> {
    const removed: DayFile[] = [];
    const sealed: DayFile[] = [];
    await this.#try(OLD_FILES, async () => {
      await this.#sealed.removeRemovable(this.#statements);
      removed.push(...(await this.#letGo()));
    });
    const due = new Set(await this.#due());
    const days = [...new Set([...due, ...this.#sealed.days()])].toSorted((a, b) => a - b);
    for (const day of days)
      await this.#try(dateOf(day), async () => {
        if (due.has(day)) sealed.push(...(await this.#seal(day)));
        sealed.push(...(await this.#addMissing(day)));
      });
    const { pauses } = this.#order;
    pauses.keepOnly(new Set([OLD_FILES, ...days.map(dateOf)]));
    return { sealed: sealed.map(nameOf), removed: removed.map(nameOf), failed: pauses.all() };
  }

  /** Keeps what fails from what comes after it. */
  async #try(what: string, work: () => Promise<void>): Promise<void> {
    const { pauses } = this.#order;
    if (pauses.over(what)) return;
    try {
      await work();
      pauses.worked(what);
    } catch (error) {
      if (ENDED.test(said(error))) throw error;
      pauses.failed(what, said(error));
      await this.#statements.run('SELECT 1').catch(() => Promise.reject(error as Error));
    }
  }

  /** Days that are over and have rows in the hot file that waited long enough. */
  async #due(): Promise<number[]> {
    const closed = Math.floor((this.#order.now - CLOSES_AFTER_MS) / DAY_MS);
    const found = await this.#statements.rows(
      `SELECT (measured_us // ${DAY_US})::INTEGER AS day, min(received_at)::DOUBLE FROM readings
       WHERE measured_us >= 0 AND measured_us < ${closed * DAY_US} GROUP BY day ORDER BY day`,
    );
    return (found as [number, number][])
      .filter(
        ([day, received]) => this.#sealed.ofDay(day).length === 0 || received <= this.#order.now - MERGES_AFTER_MS,
      )
      .map(([day]) => day);
  }

  /**
   * No file gets more rows than are moved at once: what comes beyond is another part of the day, so that no sort and no sum exceeds that. Each
   * reading is in the hot file or in one part, wherever a crash comes in between.
   */
  async #seal(day: number): Promise<DayFile[]> {
    const written = new Map<string, DayFile>();
    for (const { hot, rows } of await this.#slices(day))
      for (const file of await this.#merge(day, await this.#partFor(day, rows), hot))
        written.set(`${file.part} ${file.kind}`, file);
    return [...written.values()];
  }

  /** The rows of a day by slices of its time, each as a condition in SQL; none has more rows than are moved at once, but for a single minute that has. */
  async #slices(day: number): Promise<{ hot: string; rows: number }[]> {
    const [fromUs, toUs] = [day * DAY_US, (day + 1) * DAY_US];
    const minutes = (await this.#statements.rows(
      `SELECT (measured_us // ${MINUTE_US} * ${MINUTE_US})::DOUBLE AS minute, count(*)::DOUBLE FROM readings
       WHERE measured_us >= ${fromUs} AND measured_us < ${toUs} GROUP BY minute ORDER BY minute`,
    )) as [number, number][];
    const slices = [{ fromUs, rows: 0 }];
    for (const [minuteUs, rowsOfMinute] of minutes) {
      const last = slices.at(-1)!;
      if (last.rows === 0 || last.rows + rowsOfMinute <= this.#order.rowsAtOnce) last.rows += rowsOfMinute;
      else slices.push({ fromUs: minuteUs, rows: rowsOfMinute });
    }
    return slices.map(({ fromUs: begins, rows }, nth) => ({
      hot: `measured_us >= ${begins} AND measured_us < ${slices[nth + 1]?.fromUs ?? toUs}`,
      rows,
    }));
  }

  /** The smallest part of the day if it has room for so many rows: the others need not be written again. Otherwise a new one. */
  async #partFor(day: number, rows: number): Promise<number> {
    const sizes = await this.#sealed.reading(
      this.#statements,
      () => this.#sealed.ofDay(day),
      async (files) => {
        const ofParts = new Map<number, number>();
        for (const file of files) {
          // The foot of the file says it.
          const [[count]] = (await this.#statements.rows(
            `SELECT count(*)::DOUBLE FROM ${this.#sealed.quoted([file])}`,
          )) as [[number]];
          ofParts.set(file.part, Math.max(ofParts.get(file.part) ?? 0, count));
        }
        return [...ofParts];
      },
    );
    const [smallest] = sizes.toSorted(([, a], [, b]) => a - b);
    if (smallest !== undefined && smallest[1] + rows <= this.#order.rowsAtOnce) return smallest[0];
    return Math.max(0, ...sizes.map(([part]) => part)) + 1;
  }

  async #merge(day: number, part: number, hot: string): Promise<DayFile[]> {
    return this.#sealed.reading(
      this.#statements,
      () => this.#sealed.ofPart(day, part),
      async (old) => {
        const version = Math.max(0, ...old.map((file) => file.version)) + 1;
        const files = this.#kept(day).map((kind) => ({ day, part, kind, version }));
        await this.#replace(old, files, async () => {
          for (const file of files) {
            if (file.kind === 'raw') await this.#copyReadings(file, hot);
            else await this.#copy(file, mergedSteps(this.#sealed, file, file.kind, hot));
          }
          await this.#statements.run(KEEP_NEWEST(hot));
          await this.#statements.run(`DELETE FROM readings WHERE ${hot}`);
        });
        return files;
      },
    );
  }

  /** Steps that were never written, or whose file was damaged, from what is finer. */
  async #addMissing(day: number): Promise<DayFile[]> {
    const added: DayFile[] = [];
    for (const part of this.#sealed.parts(day))
      added.push(
        ...(await this.#sealed.reading(
          this.#statements,
          () => this.#sealed.ofPart(day, part),
          (old) => this.#addMissingOf(day, part, old),
        )),
      );
    return added;
  }

  async #addMissingOf(day: number, part: number, old: readonly DayFile[]): Promise<DayFile[]> {
    const { kind: finest, version } = old.at(-1) ?? {};
    if (finest === undefined || version === undefined) return [];
    const missing = this.#kept(day).filter(
      (kind) => DAY_KINDS.indexOf(kind) < DAY_KINDS.indexOf(finest) && this.#sealed.get(day, part, kind) === null,
    );
    const files = missing.map((kind) => ({ day, part, kind, version }));
    if (files.length > 0)
      await this.#replace([], files, async () => {
        for (const file of files)
          await this.#copy(file, mergedSteps(this.#sealed, file, file.kind as Exclude<DayKind, 'raw'>, 'false'));
      });
    return files;
  }

  async #letGo(): Promise<DayFile[]> {
    const old = this.#sealed
      .days()
      .flatMap((day) => this.#sealed.ofDay(day).filter(({ kind }) => !this.#kept(day).includes(kind)));
    if (old.length > 0) await this.#replace(old, [], async () => undefined);
    return old;
  }

  #kept(day: number): DayKind[] {
    return DAY_KINDS.filter((kind) => (day + 1 + this.#order.keep[kind]) * DAY_MS > this.#order.now);
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
      // What will not go now is tried again by the next run, which says so.
      await this.#sealed.removeRemovable(statements).catch(() => undefined);
    });
  }

  async #copyReadings(file: DayFile, hot: string): Promise<void> {
    const [[expected]] = (await this.#statements.rows(countOfReadings(this.#sealed, file, hot))) as [[number]];
    const written = await this.#copy(file, mergedReadings(this.#sealed, file, hot));
    if (written !== expected) throw new Error(`of ${expected} readings, ${written} came into ${nameOf(file)}`);
  }

  /** How many rows came into the file. */
  async #copy(file: DayFile, sql: string): Promise<number> {
    const path = this.#sealed.folder.quotedUnfinished(file);
    const [[rows]] = (await this.#statements.rows(`COPY (${sql}) TO ${path} (${PARQUET})`)) as [[bigint]];
    return Number(rows);
  }
}
