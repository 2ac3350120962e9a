import type { SetAside } from './duckdb-questions.js';
import { NOT_THE_FILE, said } from './errors.ts';
import { DAY_KINDS, DAY_US, type DayFile, type DayFolder, type DayKind, nameOf } from './day-files.ts';
import type { Statements } from './statements.ts';

/** What runs SQL: a connection, or one that is guarded. */
interface Runs {
  run(sql: string): Promise<unknown>;
}

/** Which files of sealed days count: as the table `sealed` says it, kept in memory. */
export class SealedDays {
  readonly folder: DayFolder;
  /** By day and part. */
  readonly #versions = new Map<number, Map<number, Map<DayKind, number>>>();
  readonly #notes: SetAside[];

  /** What has to be set aside is told in `notes`. */
  constructor(folder: DayFolder, notes: SetAside[]) {
    this.folder = folder;
    this.#notes = notes;
  }

  add({ day, part, kind, version }: DayFile): void {
    const ofDay = this.#versions.get(day) ?? new Map<number, Map<DayKind, number>>();
    const ofPart = ofDay.get(part) ?? new Map<DayKind, number>();
    this.#versions.set(day, ofDay.set(part, ofPart.set(kind, version)));
  }

  drop({ day, part, kind }: DayFile): void {
    const ofDay = this.#versions.get(day);
    const ofPart = ofDay?.get(part);
    ofPart?.delete(kind);
    if (ofPart?.size === 0) ofDay?.delete(part);
    if (ofDay?.size === 0) this.#versions.delete(day);
  }

  get(day: number, part: number, kind: DayKind): DayFile | null {
    const version = this.#versions.get(day)?.get(part)?.get(kind);
    return version === undefined ? null : { day, part, kind, version };
  }

  /** The parts of a day, rising. */
  parts(day: number): number[] {
    return [...(this.#versions.get(day)?.keys() ?? [])].toSorted((a, b) => a - b);
  }

  ofPart(day: number, part: number): DayFile[] {
    return DAY_KINDS.map((kind) => this.get(day, part, kind)).filter((file) => file !== null);
  }

  ofDay(day: number): DayFile[] {
    return this.parts(day).flatMap((part) => this.ofPart(day, part));
  }

  /** The readings of a day. */
  raw(day: number): DayFile[] {
    return this.ofDay(day).filter(({ kind }) => kind === 'raw');
  }

  /** Days of which anything is sealed, rising; those that the span touches where one is given. */
  days(fromUs = -Infinity, toUs = Infinity): number[] {
    const [first, end] = [Math.floor(fromUs / DAY_US), Math.ceil(toUs / DAY_US)];
    return [...this.#versions.keys()].filter((day) => day >= first && day < end).toSorted((a, b) => a - b);
  }

  /** The files of one kind, as `read_parquet` takes them. */
  quoted(files: readonly DayFile[]): string {
    return `read_parquet([${files.map((file) => this.folder.quoted(file)).join(', ')}])`;
  }

  /**
   * Runs what reads the sealed files that `choose` gives, and once more without those that turn out to be damaged. `connection` is one
   * that may be used now.
   */
  async reading<T>(
    connection: Runs,
    choose: () => readonly DayFile[],
    work: (files: readonly DayFile[]) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      const files = choose();
      try {
        return await work(files);
      } catch (error) {
        if (NOT_THE_FILE.test(said(error))) throw error;
        let damaged = 0;
        for (const file of files) {
          const reason = await this.#damage(connection, file);
          if (reason === null) continue;
          damaged += 1;
          await this.setAside(connection, file, reason);
        }
        if (damaged === 0) throw error;
      }
    }
  }

  /** Keeps a file under another name and reads it no more. */
  async setAside(connection: Runs, file: DayFile, reason: string): Promise<void> {
    this.drop(file);
    await connection.run(unlisted([file]));
    const keptAs = this.folder.has(file) ? this.folder.setAside(file) : `nothing: ${nameOf(file)} is not there`;
    this.#notes.push({ keptAs, reason });
  }

  /** Says of a file what a person should know. */
  tell(file: DayFile, reason: string): void {
    this.#notes.push({ keptAs: this.folder.pathOf(file), reason });
  }

  /** Removes the files that nobody needs any more. Rejects when one of them will not go; the others are gone then, too. */
  async removeRemovable(statements: Statements): Promise<void> {
    const gone: string[] = [];
    let failed: { error: unknown } | null = null;
    for (const [name] of (await statements.rows('SELECT name FROM removable')) as string[][])
      try {
        this.folder.remove(name!);
        gone.push(name!);
      } catch (error) {
        failed = { error };
      }
    if (gone.length > 0)
      await statements.run(`DELETE FROM removable WHERE name IN (${gone.map((name) => `'${name}'`).join(', ')})`);
    if (failed !== null) throw failed.error;
  }

  /** Why the file cannot be read through; null where it can, and where the fault may lie elsewhere. */
  async #damage(connection: Runs, file: DayFile): Promise<string | null> {
    try {
      await connection.run(`SELECT bit_xor(hash(sealed)) FROM ${this.quoted([file])} AS sealed`);
      return null;
    } catch (error) {
      const reason = said(error);
      if (NOT_THE_FILE.test(reason)) return null;
      // A connection that does nothing any more says nothing of the file.
      return connection.run('SELECT 1').then(
        () => reason,
        () => null,
      );
    }
  }
}

/** SQL that strikes files off the list. */
export function unlisted(files: readonly DayFile[]): string {
  const each = files.map(({ day, part, kind }) => `day = ${day} AND part = ${part} AND kind = '${kind}'`);
  return `DELETE FROM sealed WHERE ${each.join(' OR ') || 'false'}`;
}

/** SQL that puts files on the list, where they count. */
export function listed(files: readonly DayFile[]): string {
  return files.length === 0
    ? 'SELECT 1'
    : `INSERT INTO sealed (day, part, kind, version)
         VALUES ${files.map(({ day, part, kind, version }) => `(${day}, ${part}, '${kind}', ${version})`).join(', ')};
       DELETE FROM removable WHERE ${isOneOf(files)}`;
}

/** SQL that remembers files to be removed. */
export function removable(files: readonly DayFile[]): string {
  return files.length === 0
    ? 'SELECT 1'
    : `INSERT INTO removable VALUES ${files.map((file) => `('${nameOf(file)}')`).join(', ')}`;
}

function isOneOf(files: readonly DayFile[]): string {
  return `name IN (${files.map((file) => `'${nameOf(file)}'`).join(', ')})`;
}

/**
 * The files that count where there is no list: of each part of a day the highest version of its finest kind, and the others of that
 * version. The finest is named last when a version is finished, so that the others are whole where it is there.
 */
export function newestVersions(files: readonly DayFile[]): DayFile[] {
  const leading = new Map<string, DayFile>();
  const partOf = ({ day, part }: DayFile) => `${day} ${part}`;
  const finer = (file: DayFile, than: DayFile) =>
    DAY_KINDS.indexOf(file.kind) - DAY_KINDS.indexOf(than.kind) || file.version - than.version;
  for (const file of files) {
    const before = leading.get(partOf(file));
    if (before === undefined || finer(file, before) > 0) leading.set(partOf(file), file);
  }
  return files.filter((file) => leading.get(partOf(file))?.version === file.version);
}
