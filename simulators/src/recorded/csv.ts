import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { CanhError } from '@canh/core/canh-error';
import type { Instant } from '@canh/core/time/instant';
import { LocalTime, localMs, parseTime } from './local-time.js';
import { convert, METRIC_NAME, type MetricMapping } from './metric-mapping.js';
import type { RecordedRow, Recording, RecordingOptions } from './recording.js';

/** Longer lines are no measurements. */
const LONGEST_LINE = 64 * 1024;
const DATE_COLUMNS = ['year', 'month', 'day', 'hour'] as const;
const TIME_COLUMNS = new Set(['timestamp', 'time', 'datetime', 'date']);
/** Columns that well-known files call otherwise than we do. */
const KNOWN_COLUMNS: readonly MetricMapping[] = [{ column: 'pm2.5', metric: 'pm25_ugm3', factor: 1, offset: 0 }];

interface Columns {
  readonly count: number;
  time(cells: readonly string[]): Instant | null;
  /** What the time cells say, for messages. */
  shown(cells: readonly string[]): string;
  readonly metrics: readonly (MetricMapping & { readonly index: number })[];
}

/**
 * A CSV with a header: a time column (`timestamp`, or `year,month,day,hour`) and a column for each metric. Read line by line: the file
 * may be larger than the memory. A row that cannot be read stops the reading with one CanhError `BAD_RECORDING` that names its line.
 */
export function csvRecording(file: string, options: RecordingOptions): Recording {
  return { rows: () => rows(file, options) };
}

async function* rows(file: string, options: RecordingOptions): AsyncGenerator<RecordedRow> {
  const zone = new LocalTime(options.timezone);
  const missing = new Set(['', ...options.missing]);
  const stream = createReadStream(file, 'utf8');
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  let columns: Columns | null = null;
  let line = 0;
  try {
    for await (const raw of lines) {
      line += 1;
      const text = line === 1 ? raw.replace(/^\uFEFF/, '') : raw;
      if (text.trim() === '') continue;
      if (text.length > LONGEST_LINE || text.includes('\0')) throw bad(file, line, 'is no line of a CSV');
      const cells = split(text);
      if (columns === null) columns = readHeader(file, cells, options.metrics, zone);
      else yield readRow(file, line, cells, columns, missing);
    }
  } catch (error) {
    if (error instanceof CanhError) throw error;
    throw new CanhError(
      'CANNOT_READ_RECORDING',
      `${file} cannot be read (${(error as Error).message}). Name an existing CSV or JSON file.`,
      {
        cause: error,
      },
    );
  } finally {
    lines.close();
    stream.destroy();
  }
}

function readHeader(
  file: string,
  cells: readonly string[],
  wanted: readonly MetricMapping[],
  zone: LocalTime,
): Columns {
  const names = cells.map((name) => name.trim());
  const index = (name: string): number => names.findIndex((one) => one.toLowerCase() === name.toLowerCase());
  const dateIndexes = DATE_COLUMNS.map(index);
  const timeIndex = names.findIndex((name) => TIME_COLUMNS.has(name.toLowerCase()));
  const isDate = dateIndexes.every((at) => at >= 0);
  if (timeIndex < 0 && !isDate)
    throw new CanhError(
      'BAD_RECORDING',
      `${file}: the first line names no time column (it has: ${shorten(names.join(','))}). It must name timestamp, or year,month,day,hour, separated by commas.`,
    );

  const known = KNOWN_COLUMNS.filter(({ column }) => names.includes(column));
  const own = names
    .filter((name, at) => METRIC_NAME.test(name) && at !== timeIndex)
    .map((name): MetricMapping => ({ column: name, metric: name, factor: 1, offset: 0 }));
  const mappings = wanted.length > 0 ? wanted : [...known, ...own];
  const metrics = mappings.map((mapping) => {
    const at = index(mapping.column);
    if (at < 0)
      throw new CanhError(
        'UNKNOWN_COLUMN',
        `${file} has no column '${mapping.column}'. Its columns are: ${shorten(names.join(', '))}.`,
      );
    return { ...mapping, index: at };
  });
  if (metrics.length === 0) {
    const candidates = names.filter((_, at) => at !== timeIndex && !(isDate && dateIndexes.includes(at)));
    throw new CanhError(
      'UNKNOWN_COLUMN',
      `${file}: none of its columns (${shorten(candidates.join(', '))}) is named like a metric. Say which is which: --metric ${candidates[0] ?? 'value'}=speed_kmh:mph.`,
    );
  }
  const twice = metrics.find(({ metric }, at) => metrics.findIndex((other) => other.metric === metric) !== at);
  if (twice !== undefined)
    throw new CanhError(
      'BAD_METRIC_MAPPING',
      `Two columns of ${file} would become ${twice.metric}. Map one of them to another metric.`,
    );

  return {
    count: names.length,
    metrics,
    time(row) {
      if (timeIndex >= 0) return parseTime(row[timeIndex] ?? '', zone);
      const parts = dateIndexes.map((at) => ((row[at] ?? '').trim() === '' ? Number.NaN : Number(row[at])));
      if (!parts.every(Number.isInteger)) return null;
      const [year, month, day, hour] = parts as [number, number, number, number];
      const local = localMs(year, month, day, hour);
      return local === null ? null : zone.instant(local);
    },
    shown: (row) => (timeIndex >= 0 ? (row[timeIndex] ?? '') : dateIndexes.map((at) => row[at] ?? '').join('-')),
  };
}

function readRow(
  file: string,
  line: number,
  cells: readonly string[],
  columns: Columns,
  missing: ReadonlySet<string>,
): RecordedRow {
  if (cells.length !== columns.count)
    throw bad(file, line, `has ${cells.length} cells where the first line names ${columns.count} columns`);
  const at = columns.time(cells);
  if (at === null)
    throw bad(
      file,
      line,
      `has the time '${shorten(columns.shown(cells))}', which is none. Write 2025-10-27 07:00:00 or 2025-10-27T07:00:00+07:00`,
    );
  const values: Record<string, number> = {};
  let gone = 0;
  for (const mapping of columns.metrics) {
    const cell = (cells[mapping.index] ?? '').trim();
    if (missing.has(cell)) {
      gone += 1;
      continue;
    }
    const value = Number(cell);
    if (!Number.isFinite(value))
      throw bad(
        file,
        line,
        `has '${shorten(cell)}' in column '${mapping.column}', which is no number and not a known word for missing`,
      );
    values[mapping.metric] = convert(value, mapping);
  }
  return { line, at, values, missing: gone };
}

/** Cells of one line; a cell in double quotes may hold commas, and a doubled quote is a quote. */
function split(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (quoted && char === '"' && line.charAt(at + 1) === '"') {
      cell += '"';
      at += 1;
    } else if (char === '"') quoted = !quoted;
    else if (char === ',' && !quoted) {
      cells.push(cell);
      cell = '';
    } else cell += char;
  }
  return [...cells, cell];
}

function bad(file: string, line: number, what: string): CanhError {
  return new CanhError('BAD_RECORDING', `${file}: line ${line} ${what}.`);
}

function shorten(text: string): string {
  // Control characters of a file that is no text must not reach a terminal.
  const plain = text.replace(/[^\P{Cc}]/gu, '�');
  return plain.length > 120 ? `${plain.slice(0, 120)}…` : plain;
}
