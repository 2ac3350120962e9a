import { CanhError } from '@canh/core/canh-error';
import type { Flag } from '@canh/core/quality/flag';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { Bucket, SeriesSpan, Summary } from '@canh/core/series/series-store';
import { type Answer, errorIn, type InfluxHttp } from './influx-http.js';
import { anyOf, type Lookup, type SeriesReader, type StoredValue } from './series-reader.js';

type Cell = string | number | null;

interface Series {
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly values: readonly (readonly Cell[])[];
  /** The server cut the answer short. */
  readonly partial?: boolean;
}

interface QueryAnswer {
  readonly results?: readonly {
    readonly series?: readonly Series[];
    readonly error?: string;
    readonly partial?: boolean;
  }[];
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
      `SELECT "device", "value", "flag", "received_at" FROM ${name(span.metric)} WHERE ${within(span)} LIMIT ${Math.floor(limit)}`,
    );
    return (series?.values ?? []).map((row) => toReading(span.stationId, span.metric, row));
  }

  async buckets(span: SeriesSpan, bucketMs: number): Promise<Bucket[]> {
    // The flags 1, 2, 3 stand in the order of falling trust, so the least trusted is the largest; 4, failed, is left out.
    const [series] = await this.#query(
      `SELECT min("value"), max("value"), mean("value"), count("value"), max("flag") FROM ${name(span.metric)} ` +
        `WHERE ${within(span)} AND "flag" != 4 GROUP BY time(${bucketMs}ms) fill(none)`,
    );
    return (series?.values ?? []).map(([at, min, max, mean, count, flag]) => ({
      at: Number(at) / 1_000,
      min: Number(min),
      max: Number(max),
      mean: Number(mean),
      count: Number(count),
      flag: Number(flag) as Flag,
    }));
  }

  async summary(span: SeriesSpan): Promise<Summary> {
    const [series] = await this.#query(
      `SELECT count("value"), sum("value") FROM ${name(span.metric)} WHERE ${within(span)}`,
    );
    const [, count, sum] = series?.values[0] ?? [];
    return { count: Number(count ?? 0), sum: Number(sum ?? 0) };
  }

  async latest(): Promise<FlaggedReading[]> {
    const all = await this.#query(
      `SELECT "device", last("value"), "flag", "received_at" FROM /.*/ WHERE "device" != '' AND "station" != '' GROUP BY "station"`,
    );
    return all.flatMap(({ name: metric, tags, values }) =>
      values.map((row) => toReading(tags?.['station'] ?? '', metric, row)),
    );
  }

  async newest({ metric, deviceIds }: Pick<Lookup, 'metric' | 'deviceIds'>): Promise<ReadonlyMap<string, number>> {
    const all = await this.#query(
      `SELECT last("value") FROM ${name(metric)} WHERE "device" =~ ${oneOf(deviceIds)} GROUP BY "device"`,
    );
    return new Map(all.map(({ tags, values }) => [tags?.['device'] ?? '', Number(values[0]?.[0])]));
  }

  async stored({ metric, deviceIds, from, to }: Lookup): Promise<StoredValue[]> {
    const [series] = await this.#query(
      `SELECT "device", "value" FROM ${name(metric)} ` +
        `WHERE "device" =~ ${oneOf(deviceIds)} AND time >= ${from}ms AND time < ${to + 1}ms`,
    );
    return (series?.values ?? []).map(([us, device, value]) => ({
      deviceId: String(device),
      key: Number(us),
      value: Number(value),
    }));
  }

  async #query(influxQl: string): Promise<readonly Series[]> {
    const answer = await this.http.ask(
      `/query?epoch=u&db=${encodeURIComponent(this.database)}`,
      new URLSearchParams({ q: influxQl }),
    );
    if (answer.status !== 200) throw this.http.failure(answer);
    const [result] = this.#parsed(answer).results ?? [];
    if (result?.error !== undefined) throw this.http.failure({ ...answer, status: statusOf(result.error) });
    const series = result?.series ?? [];
    if (result?.partial === true || series.some(({ partial }) => partial === true)) throw this.#cutShort();
    return series;
  }

  /** What is missing from an answer would be taken for what is not stored. */
  #cutShort(): CanhError {
    return new CanhError(
      'STORE_REFUSED',
      `The series store ${this.http.name} cuts its answers short. Set max-row-limit = 0 under [http] in its configuration, and start it again.`,
    );
  }

  #parsed(answer: Answer): QueryAnswer {
    try {
      return JSON.parse(answer.text) as QueryAnswer;
    } catch (cause) {
      throw new CanhError(
        'STORE_REFUSED',
        `The series store ${this.http.name} answered a query with '${errorIn(answer.text)}'. See that CANH_INFLUX_URL names an InfluxDB.`,
        { cause },
      );
    }
  }
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

function toReading(
  stationId: string,
  metric: string,
  [us, device, value, flag, receivedAt]: readonly Cell[],
): FlaggedReading {
  const measuredAt = Math.floor(Number(us) / 1_000);
  return {
    deviceId: String(device),
    stationId,
    metric,
    value: Number(value),
    measuredAt,
    sequence: Number(us) - measuredAt * 1_000,
    receivedAt: Number(receivedAt),
    flag: Number(flag) as Flag,
  };
}
