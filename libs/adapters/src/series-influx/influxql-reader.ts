import { CanhError } from '@canh/core/canh-error';
import { Flag } from '@canh/core/quality/flag';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { Bucket, SeriesSpan, Summary } from '@canh/core/series/series-store';
import type { Instant } from '@canh/core/time/instant';
import { FIELDS, RECEIVED } from './fields.js';
import { type Answer, errorIn, type InfluxHttp } from './influx-http.js';
import { anyOf, type Lookup, type SeriesReader, type StoredValue } from './series-reader.js';

const ALL_FIELDS = FIELDS.map(({ field }) => `"${field}"`).join(', ');

/** In one question, which is to stay short. */
const MOMENTS_AT_ONCE = 200;

type Cell = string | number | null;

interface Series {
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly values: readonly (readonly Cell[])[];
  /** More of it follows. */
  readonly partial?: boolean;
}

interface Result {
  readonly statement_id?: number;
  readonly series?: readonly Series[];
  readonly error?: string;
  /** More of this statement follows. */
  readonly partial?: boolean;
}

/** Reads through InfluxQL, which InfluxDB 1.x and 2.x answer alike (2.x finds the bucket by its name as the database). */
export class InfluxQlReader implements SeriesReader {
  constructor(
    private readonly http: InfluxHttp,
    private readonly database: string,
  ) {}

  async readings(span: SeriesSpan, limit: number): Promise<FlaggedReading[]> {
    if (limit < 1) return []; // LIMIT 0 would mean "without a limit".
    const [series] = await this.#query(
      `SELECT "device", ${ALL_FIELDS} FROM ${name(span.metric)} WHERE ${within(span)} LIMIT ${Math.floor(limit)}`,
    );
    const found = (series?.values ?? []).flatMap(([us, device, ...fields]) => {
      const read = readingIn(fields);
      return read === null ? [] : [{ ...read, ...span, us: Number(us), deviceId: String(device) }];
    });
    if (found.length === 0) return [];
    const { stationId } = span;
    const moments = `time >= ${found[0]!.us}u AND time <= ${found.at(-1)!.us}u`;
    const received = await this.#received([`"station" = ${text(stationId)} AND ${moments}`]);
    return found.map((reading) => toReading(reading, received));
  }

  async buckets(span: SeriesSpan, bucketMs: number): Promise<Bucket[]> {
    const fields = FIELDS.filter(({ flag }) => flag !== Flag.failed);
    const asked = fields.map(({ field }) => `min("${field}"), max("${field}"), sum("${field}"), count("${field}")`);
    const [series] = await this.#query(
      `SELECT ${asked.join(', ')} FROM ${name(span.metric)} WHERE ${within(span)} GROUP BY time(${bucketMs}ms) fill(none)`,
    );
    return (series?.values ?? []).flatMap(([at, ...cells]) => {
      const there = fields.flatMap(({ flag }, nth) => {
        const [min, max, sum, count] = cells.slice(4 * nth, 4 * nth + 4).map(Number) as [
          number,
          number,
          number,
          number,
        ];
        return count > 0 ? [{ flag, min, max, sum, count }] : [];
      });
      if (there.length === 0) return [];
      const [sum, count] = [total(there.map((one) => one.sum)), total(there.map((one) => one.count))];
      return [
        {
          at: Number(at) / 1_000,
          min: Math.min(...there.map(({ min }) => min)),
          max: Math.max(...there.map(({ max }) => max)),
          mean: sum / count,
          count,
          // They stand in the order of falling trust, so the least trusted is the largest.
          flag: Math.max(...there.map(({ flag }) => flag)) as Flag,
        },
      ];
    });
  }

  async summary(span: SeriesSpan): Promise<Summary> {
    const [series] = await this.#query(
      `SELECT ${FIELDS.map(({ field }) => `count("${field}"), sum("${field}")`).join(', ')} FROM ${name(span.metric)} WHERE ${within(span)}`,
    );
    const cells = (series?.values[0] ?? []).slice(1).map((cell) => Number(cell ?? 0));
    return {
      count: total(cells.filter((_, nth) => nth % 2 === 0)),
      sum: total(cells.filter((_, nth) => nth % 2 === 1)),
    };
  }

  async latest(): Promise<FlaggedReading[]> {
    const newest = new Map<string, Found>();
    const found = await this.#queries(
      FIELDS.map(
        ({ field }) =>
          `SELECT "device", last("${field}") FROM /.*/ WHERE "device" != '' AND "station" != '' GROUP BY "station"`,
      ),
    );
    for (const [nth, { flag }] of FIELDS.entries())
      for (const { name: metric, tags, values } of found[nth]!) {
        const stationId = tags?.['station'] ?? '';
        const key = JSON.stringify([stationId, metric]);
        for (const [us, device, value] of values)
          if (Number(us) > (newest.get(key)?.us ?? -Infinity))
            newest.set(key, {
              deviceId: String(device),
              stationId,
              metric,
              us: Number(us),
              value: Number(value),
              flag,
            });
      }
    const all = [...newest.values()];
    const received = new Map<string, Instant>();
    const moments = [...new Set(all.map(({ us }) => `time = ${us}u`))];
    for (let from = 0; from < moments.length; from += MOMENTS_AT_ONCE)
      for (const [moment, at] of await this.#received(moments.slice(from, from + MOMENTS_AT_ONCE)))
        received.set(moment, at);
    return all.map((reading) => toReading(reading, received));
  }

  /** When what was measured at these times was received, by `momentOf`. It knows no "or" between times. */
  async #received(where: readonly string[]): Promise<Map<string, Instant>> {
    const found = await this.#queries(
      where.map(
        (when) => `SELECT "device", "station", "${RECEIVED.field}" FROM "${RECEIVED.measurement}" WHERE ${when}`,
      ),
    );
    const rows = found.flat().flatMap(({ values }) => values);
    return new Map(
      rows.map(([us, device, station, at]) => [momentOf(String(device), String(station), Number(us)), Number(at)]),
    );
  }

  async newest({ metric, deviceIds }: Pick<Lookup, 'metric' | 'deviceIds'>): Promise<ReadonlyMap<string, number>> {
    const newest = new Map<string, number>();
    const found = await this.#queries(
      FIELDS.map(
        ({ field }) =>
          `SELECT last("${field}") FROM ${name(metric)} WHERE "device" =~ ${oneOf(deviceIds)} GROUP BY "device"`,
      ),
    );
    for (const { tags, values } of found.flat()) {
      const deviceId = tags?.['device'] ?? '';
      newest.set(deviceId, Math.max(Number(values[0]?.[0]), newest.get(deviceId) ?? -Infinity));
    }
    return newest;
  }

  async stored({ metric, deviceIds, from, to }: Lookup): Promise<StoredValue[]> {
    const [series] = await this.#query(
      `SELECT "device", ${ALL_FIELDS} FROM ${name(metric)} ` +
        `WHERE "device" =~ ${oneOf(deviceIds)} AND time >= ${from}ms AND time < ${to + 1}ms`,
    );
    return (series?.values ?? []).flatMap(([us, device, ...fields]) => {
      const read = readingIn(fields);
      return read === null ? [] : [{ deviceId: String(device), key: Number(us), value: read.value }];
    });
  }

  async #query(statement: string): Promise<readonly Series[]> {
    return (await this.#queries([statement]))[0]!;
  }

  /** What each of them gives, asked at once. */
  async #queries(statements: readonly string[]): Promise<(readonly Series[])[]> {
    const answer = await this.http.ask(
      `/query?epoch=u&chunked=true&db=${encodeURIComponent(this.database)}`,
      new URLSearchParams({ q: statements.join('; ') }),
    );
    if (answer.status !== 200) throw this.http.failure(answer);
    const results = this.#resultsIn(answer);
    const [error] = results.flatMap((result) => result.error ?? []);
    // Of several statements it does not say why it began none.
    if (error === 'not executed' && statements.length > 1)
      return Promise.all(statements.map((statement) => this.#query(statement)));
    if (error !== undefined)
      throw this.http.failure({ ...answer, text: JSON.stringify({ error }), status: statusOf(error) });
    return statements.map((_, nth) => {
      const pieces = results.filter(({ statement_id: of = 0 }) => of === nth);
      const last = pieces.at(-1);
      if (last?.partial === true || last?.series?.at(-1)?.partial === true) throw this.#cutShort();
      return joined(pieces.flatMap(({ series = [] }) => series));
    });
  }

  /** What is missing from an answer would be taken for what is not stored. */
  #cutShort(): CanhError {
    return new CanhError(
      'STORE_REFUSED',
      `The series store ${this.http.name} cuts its answers short. Set max-row-limit = 0 under [http] in its configuration, and start it again.`,
    );
  }

  /** A document on each line: an answer that is not chunked is marked as partial from 10,001 rows on, be it whole or not. */
  #resultsIn(answer: Answer): Result[] {
    try {
      const lines = answer.text.split('\n').filter((line) => line !== '');
      return lines.flatMap((line) => (JSON.parse(line) as { readonly results?: readonly Result[] }).results ?? []);
    } catch (cause) {
      throw new CanhError(
        'STORE_REFUSED',
        `The series store ${this.http.name} answered a query with '${errorIn(answer.text)}'. See that CANH_INFLUX_URL names an InfluxDB.`,
        { cause },
      );
    }
  }
}

/** The pieces of one series as one. */
function joined(pieces: readonly Series[]): readonly Series[] {
  const whole: Series[] = [];
  for (const piece of pieces) {
    const before = whole.at(-1);
    if (before?.partial !== true) whole.push(piece);
    else whole[whole.length - 1] = { ...piece, values: [...before.values, ...piece.values] };
  }
  return whole;
}

/** InfluxQL answers 200 and puts the error inside; a wrong database is for a person, anything else may pass. */
function statusOf(error: string): number {
  if (error.startsWith('database not found')) return 404;
  return error.startsWith('error parsing query') ? 400 : 500;
}

function within({ stationId, from, to }: SeriesSpan): string {
  return `"station" = ${text(stationId)} AND time >= ${from}ms AND time < ${to}ms`;
}

function name(identifier: string): string {
  return `"${quoted(identifier).replaceAll('"', '\\"')}"`;
}

function text(value: string): string {
  return `'${quoted(value).replaceAll("'", "\\'")}'`;
}

function oneOf(deviceIds: readonly string[]): string {
  return `/${anyOf(deviceIds).replaceAll('/', '\\/')}/`;
}

/** Nothing that holds a backslash or a newline was ever written: asking for it finds nothing, and must not end the quotation. */
function quoted(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

/** Of the fields of one point, in the order of FIELDS, the least trusted. */
function readingIn(fields: readonly (Cell | undefined)[]): { value: number; flag: Flag } | null {
  for (let nth = FIELDS.length - 1; nth >= 0; nth -= 1) {
    const value = fields[nth] ?? null;
    if (value !== null) return { value: Number(value), flag: FIELDS[nth]!.flag };
  }
  return null;
}

interface Found {
  readonly deviceId: string;
  readonly stationId: string;
  readonly metric: string;
  /** When it was measured, with its sequence. */
  readonly us: number;
  readonly value: number;
  readonly flag: Flag;
}

const momentOf = (deviceId: string, stationId: string, us: number): string => JSON.stringify([deviceId, stationId, us]);

/** One of which nobody wrote when it was received, as others write readings, counts as received when it was measured. */
function toReading(
  { deviceId, stationId, metric, us, value, flag }: Found,
  received: ReadonlyMap<string, Instant>,
): FlaggedReading {
  const measuredAt = Math.floor(us / 1_000);
  const receivedAt = received.get(momentOf(deviceId, stationId, us)) ?? measuredAt;
  return { deviceId, stationId, metric, value, measuredAt, sequence: us - measuredAt * 1_000, receivedAt, flag };
}

const total = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);
