import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export const DAY_US = 86_400_000_000;

/** What a file of a day holds: its readings, or what they come to in steps. */
export type DayKind = 'raw' | '5min' | '1h';

/** From the longest step to none. */
export const DAY_KINDS = ['1h', '5min', 'raw'] as const;

export const STEP_US: Readonly<Record<Exclude<DayKind, 'raw'>, number>> = { '5min': 300_000_000, '1h': 3_600_000_000 };

/**
 * One sealed file. `day` counts from 1970-01-01, UTC. A day with many readings has several parts, from 1 on: each reading is in one of them,
 * and its steps are in the files of that part. A later version of a part has all that an earlier one had.
 */
export interface DayFile {
  readonly day: number;
  readonly part: number;
  readonly kind: DayKind;
  readonly version: number;
}

const NAME = /^(\d{4}-\d\d-\d\d)(?:\.p([1-9]\d{0,5}))?(?:\.(5min|1h))?\.v([1-9]\d{0,8})\.parquet$/;
const UNFINISHED = '.tmp';

/** `2026-11-20` */
export function dateOf(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10);
}

/** `2026-11-20.v1.parquet`, `2026-11-20.1h.v1.parquet`, `2026-11-20.p2.1h.v1.parquet` */
export function nameOf({ day, part, kind, version }: DayFile): string {
  return `${dateOf(day)}${part === 1 ? '' : `.p${part}`}${kind === 'raw' ? '' : `.${kind}`}.v${version}.parquet`;
}

function fileOf(name: string): DayFile | null {
  const [, date, part = '1', kind = 'raw', version] = NAME.exec(name) ?? [];
  const day = Date.parse(`${date}T00:00:00Z`) / 86_400_000;
  if (date === undefined || Number.isNaN(day)) return null;
  const file = { day, part: Number(part), kind: kind as DayKind, version: Number(version) };
  return nameOf(file) === name ? file : null;
}

/** The folder of sealed days. */
export class DayFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true });
  }

  /** As SQL takes it: in quotes, and nothing in it taken for a pattern. */
  quoted(file: DayFile): string {
    return quotedPath(this.pathOf(file).replaceAll(/[*?[]/g, '[$&]'));
  }

  quotedUnfinished(file: DayFile): string {
    return quotedPath(this.pathOf(file) + UNFINISHED);
  }

  pathOf(file: DayFile): string {
    return join(this.path, nameOf(file));
  }

  has(file: DayFile): boolean {
    return existsSync(this.pathOf(file));
  }

  files(): DayFile[] {
    return readdirSync(this.path)
      .map(fileOf)
      .filter((file) => file !== null);
  }

  /** What will not go is in nobody's way until that file is to be written, which then says so. */
  removeUnfinished(): void {
    for (const name of readdirSync(this.path)) {
      if (!name.endsWith(UNFINISHED)) continue;
      try {
        this.remove(name);
      } catch {
        continue;
      }
    }
  }

  remove(name: string): void {
    rmSync(join(this.path, name), { force: true });
  }

  /** Gives unfinished files their names, in this order, when all of them are on disk. */
  finish(files: readonly DayFile[]): void {
    for (const file of files) sync(this.pathOf(file) + UNFINISHED, 'r+');
    for (const file of files) {
      const path = this.pathOf(file);
      renameSync(path + UNFINISHED, path);
      // Of the names that were given, a power cut may leave the first ones, never the last ones alone.
      if (process.platform !== 'win32') sync(this.path, 'r');
    }
  }

  /** Keeps a damaged file under another name, and says which. */
  setAside(file: DayFile): string {
    const path = this.pathOf(file);
    let nth = 1;
    while (existsSync(`${path}.broken-${nth}`)) nth += 1;
    renameSync(path, `${path}.broken-${nth}`);
    return `${path}.broken-${nth}`;
  }
}

function quotedPath(path: string): string {
  return `'${path.replaceAll("'", "''")}'`;
}

function sync(path: string, flags: 'r' | 'r+'): void {
  const handle = openSync(path, flags);
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
