import { readFile, stat } from 'node:fs/promises';
import { CanhError } from '@canh/core/canh-error';
import { LocalTime, parseTime } from './local-time.js';
import { conversion, convert, type MetricMapping } from './metric-mapping.js';
import type { RecordedRow, Recording, RecordingOptions } from './recording.js';

/** A year of two parameters every 5 minutes is about 25 MB; it is read whole. */
const LARGEST_BYTES = 128 * 1024 * 1024;
/** The parameter codes of USGS that are metrics of a river gauge. */
const METRIC_OF_PARAMETER: Readonly<Record<string, string>> = { '00060': 'flow_m3s', '00065': 'level_m' };

interface UsgsSeries {
  readonly sourceInfo: { readonly siteName: string; readonly siteCode: readonly { readonly value: string }[] };
  readonly variable: {
    readonly variableCode: readonly { readonly value: string }[];
    readonly unit: { readonly unitCode: string };
    readonly noDataValue: number;
  };
  readonly values: readonly { readonly value: readonly { readonly value: string; readonly dateTime: string }[] }[];
}

/**
 * River stage and discharge as the USGS instantaneous-values service answers: feet become metres, cubic feet per second cubic metres per
 * second, its no-data value is missing. Parameters of one site that share a time are one row.
 */
export function usgsRecording(file: string, options: RecordingOptions): Recording {
  return {
    async *rows() {
      yield* await readRows(file, options);
    },
  };
}

async function readRows(file: string, options: RecordingOptions): Promise<RecordedRow[]> {
  const all = await readSeries(file);
  const sites = new Map(all.map(({ sourceInfo }) => [sourceInfo.siteCode[0]?.value ?? '', sourceInfo.siteName]));
  const named = [...sites].map(([code, name]) => `${code} ${name}`).join(', ');
  if (options.site === null && sites.size > 1)
    throw new CanhError(
      'SEVERAL_SITES',
      `${file} holds ${sites.size} sites: ${named}. A device stands at one; say which with --site ${[...sites.keys()][0]}.`,
    );
  const site = options.site ?? [...sites.keys()][0] ?? '';
  if (!sites.has(site))
    throw new CanhError('UNKNOWN_SITE', `${file} holds no site ${site}, but: ${named === '' ? 'none' : named}.`);

  const zone = new LocalTime(options.timezone);
  const byTime = new Map<number, { line: number; values: Record<string, number>; missing: number }[]>();
  let line = 0;
  for (const series of all) {
    if (series.sourceInfo.siteCode[0]?.value !== site) continue;
    const mapping = mappingOf(series, options.metrics);
    if (mapping === null) continue;
    // Several methods of one parameter (two sensors) follow one another; the first one is the site's primary.
    for (const { value, dateTime } of series.values[0]?.value ?? []) {
      line += 1;
      const at = parseTime(dateTime, zone);
      const number = value.trim() === '' ? Number.NaN : Number(value);
      if (at === null || !Number.isFinite(number))
        throw new CanhError(
          'BAD_RECORDING',
          `${file}: value ${line} of site ${site} is '${value}' at '${dateTime}', which is no number at a time.`,
        );
      const rows = byTime.get(at) ?? [];
      byTime.set(at, rows);
      let row = rows.find(({ values }) => values[mapping.metric] === undefined);
      if (row === undefined) rows.push((row = { line, values: {}, missing: 0 }));
      if (number === series.variable.noDataValue || options.missing.includes(value)) row.missing += 1;
      else row.values[mapping.metric] = convert(number, mapping);
    }
  }
  return [...byTime].toSorted(([a], [b]) => a - b).flatMap(([at, rows]) => rows.map((row) => ({ at, ...row })));
}

function mappingOf({ variable }: UsgsSeries, wanted: readonly MetricMapping[]): MetricMapping | null {
  const column = variable.variableCode[0]?.value ?? '';
  if (wanted.length > 0) return wanted.find((mapping) => mapping.column === column) ?? null;
  const metric = METRIC_OF_PARAMETER[column];
  const known = metric === undefined ? undefined : conversion(variable.unit.unitCode, metric);
  return metric === undefined || known === undefined
    ? null
    : { column, metric, factor: known.factor, offset: known.offset ?? 0 };
}

async function readSeries(file: string): Promise<readonly UsgsSeries[]> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > LARGEST_BYTES)
      throw new CanhError(
        'BAD_RECORDING',
        `${file} has ${size} bytes; a JSON recording may have ${LARGEST_BYTES}. Ask the service for fewer days.`,
      );
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof CanhError) throw cause;
    throw new CanhError(
      'CANNOT_READ_RECORDING',
      `${file} cannot be read (${(cause as Error).message}). Name an existing CSV or JSON file.`,
      { cause },
    );
  }
  try {
    const series = (JSON.parse(text) as { value: { timeSeries: UsgsSeries[] } }).value.timeSeries;
    for (const { sourceInfo, variable, values } of series)
      if (
        typeof sourceInfo.siteCode[0]?.value !== 'string' ||
        typeof variable.variableCode[0]?.value !== 'string' ||
        !Array.isArray(values)
      )
        throw new TypeError('a series without site, parameter or values');
    return series;
  } catch (cause) {
    throw new CanhError(
      'BAD_RECORDING',
      `${file} is not what the USGS instantaneous-values service answers (${(cause as Error).message}). Ask it with format=json.`,
      { cause },
    );
  }
}
