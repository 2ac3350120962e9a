import { CanhError } from '@canh/core/canh-error';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import {
  type Appended,
  type Bucket,
  checkBuckets,
  type RefusedReading,
  type SeriesSpan,
  SeriesStore,
  type Summary,
} from '@canh/core/series/series-store';
import { type Answer, errorIn, InfluxHttp, type InfluxOptions, type InfluxVersion } from './influx-http.js';
import { InfluxQlReader } from './influxql-reader.js';
import { line, LineProtocol, type LineSeries } from './line-protocol.js';
import type { SeriesReader } from './series-reader.js';
import { VictoriaReader } from './victoria-reader.js';

const LINES_AT_ONCE = 5_000;

/** So many lines are looked for one by one in an append; when there are more, it is not the lines. */
const MOST_REFUSED_ONE_BY_ONE = 500;

/**
 * VictoriaMetrics keeps neighbouring values as whole numbers with one exponent in common: beside a value of 1e300 all others would
 * become 0. Below this bound they keep six decimals.
 */
const VICTORIA_BELOW = 1e12;

interface Line {
  readonly reading: FlaggedReading;
  readonly text: string;
}

/**
 * Readings in InfluxDB 1.x or 2.x, or in VictoriaMetrics, which takes the same lines.
 *
 * A reading is the point (metric, device, station, time), and writing it again overwrites it with the same. InfluxDB keeps the
 * sequence in the microseconds. **VictoriaMetrics keeps milliseconds only**: of readings of one metric that share a millisecond the
 * first of an append is stored and the others are refused; the sequence is read back as 0; and values from 1e12 up are refused.
 * It answers before its data is on disk and shows new readings after about a second: keep the journal, and run it with
 * `-dedup.minScrapeInterval=1ms` and a `-retentionPeriod` as long as you want to keep readings.
 */
export class InfluxSeriesStore extends SeriesStore {
  readonly #http: InfluxHttp;
  readonly #version: InfluxVersion;
  readonly #writePath: string;
  readonly #reader: SeriesReader;
  readonly #protocol = new LineProtocol();

  private constructor(options: InfluxOptions) {
    super();
    this.#http = new InfluxHttp(options);
    this.#version = options.version;
    this.#writePath = writePath(options);
    this.#reader =
      options.version === 'victoria' ? new VictoriaReader(this.#http) : new InfluxQlReader(this.#http, options.bucket);
  }

  /** Asks the server nothing: one that is down when Canh starts is an ordinary outage. Rejects with CanhError for an address that is none. */
  static async open(options: InfluxOptions): Promise<InfluxSeriesStore> {
    return new InfluxSeriesStore(options);
  }

  async append(readings: readonly FlaggedReading[]): Promise<Appended> {
    const { lines, refused } = this.#toLines(readings);
    const oneByOne = { left: MOST_REFUSED_ONE_BY_ONE };
    for (let from = 0; from < lines.length; from += LINES_AT_ONCE)
      refused.push(...(await this.#write(lines.slice(from, from + LINES_AT_ONCE), oneByOne)));
    return { stored: readings.length - refused.length, refused };
  }

  readings(span: SeriesSpan, limit: number): Promise<FlaggedReading[]> {
    return this.#reader.readings(span, limit);
  }

  async buckets(span: SeriesSpan, bucketMs: number): Promise<Bucket[]> {
    checkBuckets(span, bucketMs);
    return this.#reader.buckets(span, bucketMs);
  }

  summary(span: SeriesSpan): Promise<Summary> {
    return this.#reader.summary(span);
  }

  latest(): Promise<FlaggedReading[]> {
    return this.#reader.latest();
  }

  async close(): Promise<void> {
    // Requests are whole in themselves: there is nothing to hand in.
  }

  /**
   * Writes the lines and gives back those that the server will never take. It names no line, so a batch that it refuses is halved
   * until it takes what is good; what it took already it takes again, to no effect. In the order of metric and time the lines of one
   * cause (a field of another type, before the retention) lie together, and are known by the number that it says it dropped.
   */
  async #write(lines: readonly Line[], oneByOne: { left: number }): Promise<RefusedReading[]> {
    if (lines.length === 0) return [];
    const answer = await this.#http.write(this.#writePath, lines.map(({ text }) => text).join('\n'));
    if (tookAll(answer)) return [];
    if (!isAboutLines(answer)) throw this.#http.failure(answer);

    const said = errorIn(answer.text);
    if (Number(/dropped=(\d+)/.exec(said)?.[1]) === lines.length) return refusedAll(lines, answer.status, said);
    if (lines.length === 1) {
      oneByOne.left -= 1;
      if (oneByOne.left < 0) throw this.#tooManyRefused(said);
      return refusedAll(lines, answer.status, said);
    }
    const ordered = lines.toSorted(byMetricAndTime);
    const middle = Math.ceil(ordered.length / 2);
    const first = await this.#write(ordered.slice(0, middle), oneByOne);
    return [...first, ...(await this.#write(ordered.slice(middle), oneByOne))];
  }

  #toLines(readings: readonly FlaggedReading[]): { lines: Line[]; refused: RefusedReading[] } {
    const lines: Line[] = [];
    const refused: RefusedReading[] = [];
    const whyNotHere = this.#version === 'victoria' ? victoriaLimits() : () => null;
    for (const reading of readings) {
      const series = this.#protocol.series(reading);
      const whyNot = series.whyNot ?? whyNoValue(reading) ?? whyNotHere(series, reading);
      if (whyNot === null) lines.push({ reading, text: line(series, reading) });
      else refused.push({ reading, answer: `not sent: ${whyNot}` });
    }
    return { lines, refused };
  }

  #tooManyRefused(said: string): CanhError {
    return new CanhError(
      'STORE_REFUSED',
      `The series store ${this.#http.name} refused more than ${MOST_REFUSED_ONE_BY_ONE} lines of one batch, the last with '${said}'. ` +
        `That is no single reading: see its log, and that nothing else writes other types to the same measurements.`,
    );
  }
}

function writePath({ version, org, bucket }: InfluxOptions): string {
  if (version === '1') return `/write?db=${encodeURIComponent(bucket)}&precision=u`;
  return `/api/v2/write?org=${encodeURIComponent(org)}&bucket=${encodeURIComponent(bucket)}&precision=us`;
}

/** 204 is success. 201 is success too unless its body names an error: some versions say so of a batch that they took in part. */
function tookAll({ status, text }: Answer): boolean {
  return status === 204 || (status === 201 && !/"(error|message|code)"/.test(text));
}

function isAboutLines({ status }: Answer): boolean {
  return [201, 400, 413, 422].includes(status);
}

function refusedAll(lines: readonly Line[], status: number, said: string): RefusedReading[] {
  return lines.map(({ reading }) => ({ reading, answer: `${status}: ${said}` }));
}

function byMetricAndTime({ reading: a }: Line, { reading: b }: Line): number {
  if (a.metric !== b.metric) return a.metric < b.metric ? -1 : 1;
  return a.measuredAt - b.measuredAt || a.sequence - b.sequence;
}

function whyNoValue({ value }: FlaggedReading): string | null {
  return Number.isFinite(value) ? null : `its value ${value} is not a finite number`;
}

/** What VictoriaMetrics would spoil, for the readings of one append. */
function victoriaLimits(): (series: LineSeries, reading: FlaggedReading) => string | null {
  const sequences = new Map<LineSeries, Map<number, number>>();
  return (series, { measuredAt, sequence, value }) => {
    if (Math.abs(value) >= VICTORIA_BELOW)
      return `its value ${value} is too large: VictoriaMetrics would lose the values beside it`;
    const ofSeries = sequences.get(series) ?? new Map<number, number>();
    sequences.set(series, ofSeries);
    const there = ofSeries.get(measuredAt);
    if (there === undefined) ofSeries.set(measuredAt, sequence);
    if (there === undefined || there === sequence) return null;
    // Both on one millisecond would come back as a third reading, with the value of one and the flag of the other.
    return `VictoriaMetrics keeps whole milliseconds, and sequence ${there} of this one is there already`;
  };
}
