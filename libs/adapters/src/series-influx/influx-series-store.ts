import { CanhError } from '@canh/core/canh-error';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { ReadingColumns } from '@canh/core/quality/reading-columns';
import {
  type Bucket,
  checkBuckets,
  type RefusedReading,
  type SeriesSpan,
  SeriesStore,
  type Sifted,
  StoreUnavailable,
  type Summary,
} from '@canh/core/series/series-store';
import type { Instant } from '@canh/core/time/instant';
import { type Answer, errorIn, InfluxHttp, type InfluxOptions, type InfluxVersion } from './influx-http.js';
import { InfluxQlReader } from './influxql-reader.js';
import { LineProtocol, type Channel, type LineSeries } from './line-protocol.js';
import { LineWriter } from './line-writer.js';
import { byMetric, lookupsFor } from './lookups.js';
import { RecentlyWritten, Stroke } from './recently-written.js';
import { type SeriesReader, someAtOnce } from './series-reader.js';
import { VictoriaReader } from './victoria-reader.js';

/** About a megabyte: a server goes through it in some hundredths of a second. */
const LINES_AT_ONCE = 10_000;
/** One for the server to work on, and one that is there when it has done so. */
const WRITES_AT_ONCE = 2;

/** So many lines are looked for one by one in a store; when there are more, it is not the lines. */
const MOST_REFUSED_ONE_BY_ONE = 500;

/**
 * VictoriaMetrics keeps neighbouring values as whole numbers with one exponent in common: beside a value of 1e300 all others would
 * become 0. Below this bound they keep six decimals,
 */
const VICTORIA_BELOW = 1e12;
/** and come back equal within this, or within the last of their fifteen digits. */
const VICTORIA_KEEPS = 1e-6;
const VICTORIA_DIGITS = 1e-14;

/** The readings of one sift with the series of each, and the places of those that are to be written. */
interface Lines {
  readonly readings: ReadingColumns;
  readonly series: readonly LineSeries[];
  readonly fresh: readonly number[];
}

/** A reading that is not newer than all that is stored or stands before it. */
interface Late {
  readonly at: number;
  readonly channel: Channel;
  readonly key: number;
}

/** What is known to be stored at one key. `sequence`: null where the server has not kept it. */
interface Known {
  readonly value: number;
  readonly sequence: number | null;
}

/**
 * Readings in InfluxDB 1.x or 2.x, or in VictoriaMetrics, which takes the same lines.
 *
 * A reading is the point (metric, device, station, time), and writing it again overwrites it. So what is newer than everything of its
 * device and metric is new without a question, and for anything else the server is asked what it has. InfluxDB keeps the
 * sequence in the microseconds. **VictoriaMetrics keeps milliseconds only**: of readings of one metric that share a millisecond the
 * first is stored and the others are refused; the sequence is read back as 0; and values from 1e12 up are refused.
 * It answers before its data is on disk and shows new readings after about a second: keep the journal, and run it with
 * `-dedup.minScrapeInterval=1ms` and a `-retentionPeriod` as long as you want to keep readings.
 */
export class InfluxSeriesStore extends SeriesStore {
  readonly #http: InfluxHttp;
  readonly #version: InfluxVersion;
  readonly #writePath: string;
  readonly #reader: SeriesReader;
  override readonly siftsAhead = true;
  readonly #protocol = new LineProtocol();
  readonly #writer = new LineWriter();
  /** What VictoriaMetrics may not show yet; null for a server that shows at once what it took. */
  readonly #recent: RecentlyWritten | null;
  #allShown = false;
  #startedAt: Instant | null = null;
  #sifts = 0;
  /** What is being stored: for a sift meanwhile, it is stored. */
  readonly #coming = new Set<Lines>();

  private constructor(options: InfluxOptions) {
    super();
    this.#http = new InfluxHttp(options);
    this.#version = options.version;
    this.#writePath = writePath(options);
    this.#recent = options.version === 'victoria' ? new RecentlyWritten() : null;
    this.#reader =
      options.version === 'victoria' ? new VictoriaReader(this.#http) : new InfluxQlReader(this.#http, options.bucket);
  }

  /** Asks the server nothing: one that is down when Canh starts is an ordinary outage. Rejects with CanhError for an address that is none. */
  static async open(options: InfluxOptions): Promise<InfluxSeriesStore> {
    return new InfluxSeriesStore(options);
  }

  async sift(readings: ReadingColumns): Promise<Sifted> {
    const series = await this.#seriesOf(readings);
    const sift = (this.#sifts += 1);
    const fresh: number[] = [];
    const late: Late[] = [];
    const refused: RefusedReading[] = [];
    const victoria = this.#version === 'victoria';
    for (let at = 0; at < readings.length; at += 1) {
      const { channel, whyNot: never } = series[at]!;
      const value = readings.value[at]!;
      const whyNot = never ?? whyNoValue(value) ?? (victoria ? whyNotThere(value) : null);
      if (whyNot !== null) {
        refused.push({ at, answer: `not sent: ${whyNot}` });
        continue;
      }
      if (channel.sift !== sift) {
        channel.sift = sift;
        channel.ahead = Math.max(channel.newest ?? -Infinity, channel.coming);
      }
      const key = this.#keyOf(readings, at);
      if (key > channel.ahead) {
        channel.ahead = key;
        fresh.push(at);
      } else late.push({ at, channel, key });
    }
    const [duplicates, conflicts]: [number[], { at: number; storedValue: number }[]] = [[], []];
    if (late.length > 0) {
      const known = await this.#known(late, { readings, series, fresh });
      for (const { at, channel, key } of late) {
        const reading = { value: readings.value[at]!, sequence: readings.sequence[at]! };
        const ofChannel = known.get(channel)!;
        const there = ofChannel.get(key);
        if (there === undefined) {
          ofChannel.set(key, reading);
          fresh.push(at);
        } else if (there.sequence !== null && there.sequence !== reading.sequence)
          // Both on one millisecond would come back as a third reading, with the value of one and the flag of the other.
          refused.push({
            at,
            answer: `not sent: VictoriaMetrics keeps whole milliseconds, and sequence ${there.sequence} of this one is there already`,
          });
        else if (there.value === reading.value || (there.sequence === null && isKeptAs(reading.value, there.value)))
          duplicates.push(at);
        else conflicts.push({ at, storedValue: there.value });
      }
    }
    return { duplicates, conflicts, store: () => this.#store({ readings, series, fresh }, refused) };
  }

  /** For whoever fills it again: until then, what a server says of readings that was started anew is not believed. */
  async startedAt(): Promise<Instant | null> {
    if (this.#version !== 'victoria') return null;
    const { startedAt, now } = await this.#started();
    // It says whole seconds: one that is ended and started again within this very second could not be told from this one.
    if (now !== null && now <= startedAt)
      throw new StoreUnavailable(
        `The series store ${this.#http.name} was started a moment ago. It is asked again later.`,
      );
    if (startedAt !== this.#startedAt) this.#recent?.forget();
    this.#startedAt = startedAt;
    return startedAt;
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

  /** When the server was started and what time it is there, both in whole seconds. */
  async #started(): Promise<{ startedAt: Instant; now: Instant | null }> {
    const answer = await this.#http.get('/metrics');
    if (answer.status !== 200) throw this.#http.failure(answer);
    const seconds = /^process_start_time_seconds (\d+)/m.exec(answer.text)?.[1];
    if (seconds === undefined)
      throw new CanhError(
        'STORE_REFUSED',
        `The series store ${this.#http.name} does not say at /metrics when it was started (process_start_time_seconds), so what it loses ` +
          `in a crash would stay lost. See that CANH_INFLUX_URL names a VictoriaMetrics.`,
      );
    return { startedAt: Number(seconds) * 1_000, now: answer.date };
  }

  /** What a server says that lost what it had taken is not true: it is to be filled again first (`startedAt`). */
  async #checkStillTheSame(): Promise<void> {
    if (this.#startedAt === null) return;
    const { startedAt } = await this.#started();
    if (startedAt !== this.#startedAt)
      throw new StoreUnavailable(`The series store ${this.#http.name} was started anew, and is filled again first.`);
  }

  /** The series of each reading, and of its channel how far the store has it. */
  async #seriesOf(readings: ReadingColumns): Promise<LineSeries[]> {
    // What is being stored is known by its channels.
    if (this.#protocol.isFull && this.#coming.size === 0) {
      this.#protocol.forget();
      this.#recent?.forget();
      this.#allShown = false;
    }
    const unknown = new Set<Channel>();
    const all: LineSeries[] = [];
    for (const one of readings.series) {
      const series = this.#protocol.of(one);
      if (series.channel.newest === null && series.whyNot === null) unknown.add(series.channel);
      all.push(series);
    }
    if (unknown.size > 0) await this.#learn(unknown);
    return all;
  }

  async #learn(unknown: ReadonlySet<Channel>): Promise<void> {
    if (this.#recent !== null && !this.#allShown) {
      // What another process of ours wrote a moment ago is shown at once, where that is allowed (-forceFlushAuthKey); else within a second.
      await this.#http.get('/internal/force_flush');
      this.#allShown = true;
    }
    const newest = new Map<string, ReadonlyMap<string, number>[]>();
    await someAtOnce(byMetric(unknown), async (of) => {
      const found = await this.#reader.newest(of);
      newest.set(of.metric, [...(newest.get(of.metric) ?? []), found]);
    });
    await this.#checkStillTheSame();
    for (const channel of unknown)
      channel.newest = Math.max(
        -Infinity,
        ...(newest.get(channel.metric) ?? []).map((found) => found.get(channel.deviceId) ?? -Infinity),
      );
  }

  /**
   * What is stored of the late ones' channels, as far as it can matter to them; what is being stored, and what comes earlier in this sift,
   * counts as stored.
   */
  async #known(late: readonly Late[], here: Lines): Promise<Map<Channel, Map<number, Known>>> {
    const known = new Map<Channel, Map<number, Known>>();
    for (const { channel } of late) if (!known.has(channel)) known.set(channel, new Map());
    for (const { readings, series, fresh } of [...this.#coming, here])
      for (const at of fresh)
        known
          .get(series[at]!.channel)
          ?.set(this.#keyOf(readings, at), { value: readings.value[at]!, sequence: readings.sequence[at]! });
    if (this.#recent !== null)
      for (const written of this.#recent.of(new Set(known.keys())))
        known.get(written.channel)!.set(written.key, written);

    const sought = late.filter(({ channel, key }) => key <= channel.newest! && !known.get(channel)!.has(key));
    const ofDevice = new Map<string, Map<string, Channel>>();
    for (const { channel } of sought) {
      const ofMetric = ofDevice.get(channel.metric) ?? new Map<string, Channel>();
      ofDevice.set(channel.metric, ofMetric.set(channel.deviceId, channel));
    }
    if (sought.length === 0) return known;
    await someAtOnce(lookupsFor(sought), async (lookup) => {
      for (const { deviceId, key, value } of await this.#reader.stored(lookup)) {
        const ofChannel = known.get(ofDevice.get(lookup.metric)!.get(deviceId)!)!;
        if (!ofChannel.has(key)) ofChannel.set(key, { value, sequence: this.#recent === null ? key % 1_000 : null });
      }
    });
    await this.#checkStillTheSame();
    return known;
  }

  /** Rejects when no request is under way any more. */
  async #store(lines: Lines, notSent: readonly RefusedReading[]): Promise<RefusedReading[]> {
    const { readings, series, fresh } = lines;
    const refused = [...notSent];
    const oneByOne = { left: MOST_REFUSED_ONE_BY_ONE };
    for (const at of fresh) {
      const { channel } = series[at]!;
      channel.coming = Math.max(channel.coming, this.#keyOf(readings, at));
    }
    this.#coming.add(lines);
    let from = 0;
    const write = async (): Promise<void> => {
      while (from < fresh.length) {
        const some = fresh.slice(from, (from += LINES_AT_ONCE));
        try {
          refused.push(...(await this.#write(lines, some, oneByOne)));
        } catch (error) {
          from = fresh.length;
          throw error;
        }
      }
    };
    const written = await Promise.allSettled(Array.from({ length: WRITES_AT_ONCE }, write));
    this.#coming.delete(lines);
    for (const at of fresh) series[at]!.channel.coming = -Infinity;
    for (const outcome of written) if (outcome.status === 'rejected') throw outcome.reason;
    return refused;
  }

  /**
   * Writes the lines of the readings at these places and gives back those that the server will never take. It names no line, so a batch that
   * it refuses is halved until it takes what is good; what it took already it takes again, to no effect. In the order of metric and time
   * the lines of one cause (a field of another type, before the retention) lie together, and are known by the number that it says it dropped.
   */
  async #write(lines: Lines, places: readonly number[], oneByOne: { left: number }): Promise<RefusedReading[]> {
    if (places.length === 0) return [];
    const { readings, series } = lines;
    const body = this.#writer.lines(readings, series, places);
    const { lineCount } = this.#writer;
    const answer = await this.#http.write(this.#writePath, body);
    if (tookAll(answer)) {
      this.#took(lines, places);
      return [];
    }
    if (!isAboutLines(answer)) throw this.#http.failure(answer);

    const said = errorIn(answer.text);
    // Of what is too old it drops the lines, too, that say when it was received.
    const all = said.includes('beyond retention policy') ? lineCount : places.length;
    if (Number(/dropped=(\d+)/.exec(said)?.[1]) === all) return refusedAll(places, answer.status, said);
    if (places.length === 1) {
      oneByOne.left -= 1;
      if (oneByOne.left < 0) throw this.#tooManyRefused(said);
      return refusedAll(places, answer.status, said);
    }
    const ordered = places.toSorted((a, b) => byMetricAndTime(readings.at(a), readings.at(b)));
    const middle = Math.ceil(ordered.length / 2);
    const first = await this.#write(lines, ordered.slice(0, middle), oneByOne);
    return [...first, ...(await this.#write(lines, ordered.slice(middle), oneByOne))];
  }

  #took({ readings, series }: Lines, places: readonly number[]): void {
    const stroke = this.#recent === null ? null : new Stroke(places.length);
    for (const at of places) {
      const { channel } = series[at]!;
      const key = this.#keyOf(readings, at);
      if (channel.newest === null || key > channel.newest) channel.newest = key;
      stroke?.add(channel, key, readings.sequence[at]!, readings.value[at]!);
    }
    if (stroke !== null) this.#recent!.note(stroke, performance.now());
  }

  /** By which readings of one channel are the same: their time in µs, with the sequence in its last three digits where the server keeps it. */
  #keyOf({ measuredAt, sequence }: ReadingColumns, at: number): number {
    return measuredAt[at]! * 1_000 + (this.#version === 'victoria' ? 0 : sequence[at]!);
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

function refusedAll(places: readonly number[], status: number, said: string): RefusedReading[] {
  return places.map((at) => ({ at, answer: `${status}: ${said}` }));
}

function byMetricAndTime(a: FlaggedReading, b: FlaggedReading): number {
  if (a.metric !== b.metric) return a.metric < b.metric ? -1 : 1;
  return a.measuredAt - b.measuredAt || a.sequence - b.sequence;
}

function whyNoValue(value: number): string | null {
  return Number.isFinite(value) ? null : `its value ${value} is not a finite number`;
}

/** What VictoriaMetrics would spoil. */
function whyNotThere(value: number): string | null {
  return Math.abs(value) < VICTORIA_BELOW
    ? null
    : `its value ${value} is too large: VictoriaMetrics would lose the values beside it`;
}

/** Whether VictoriaMetrics could have made the second of the first: it rounds. */
function isKeptAs(value: number, stored: number): boolean {
  return Math.abs(value - stored) <= Math.max(VICTORIA_KEEPS, Math.abs(value) * VICTORIA_DIGITS);
}
