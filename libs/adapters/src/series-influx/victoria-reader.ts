import type { Flag } from '@canh/core/quality/flag';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { Bucket, SeriesSpan, Summary } from '@canh/core/series/series-store';
import { DAY_MS, HOUR_MS, type Instant } from '@canh/core/time/instant';
import { randomUUID } from 'node:crypto';
import type { InfluxHttp } from './influx-http.js';
import { FIELDS, RECEIVED } from './fields.js';
import { anyOf, literally, type Lookup, type SeriesReader, someAtOnce, type StoredValue } from './series-reader.js';

/** VictoriaMetrics keeps each field as a series of its own, named measurement_field. */
const ANY_FIELD = `_(${FIELDS.map(({ field }) => field).join('|')})$`;
const FLAG_OF = new Map(FIELDS.map(({ field, flag }) => [field, flag]));
const RECEIVED_AT = `${RECEIVED.measurement}_${RECEIVED.field}`;

/** What is read at once, so that a long span does not fill the memory: more where there is little, less where there is much. */
const SHORTEST_WINDOW_MS = HOUR_MS;
const LONGEST_WINDOW_MS = 8 * DAY_MS;
const FEW = 20_000;

/** From here to there every reading lies; to a window that starts on the first day of 1970 it answers nothing. */
const FIRST_MS = DAY_MS;
const FAR_AHEAD_S = 3_000_000_000;
const EVER = `${FAR_AHEAD_S * 1_000 - FIRST_MS}ms`;

const ALL_VALUES = [`__name__=~${quoted(`.+${ANY_FIELD}`)}`, 'device!=""', 'station!=""'];

interface Exported {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (number | null)[];
  readonly timestamps: readonly number[];
}

interface SeriesName {
  readonly deviceId: string;
  readonly stationId: string;
  readonly metric: string;
}

/**
 * Reads from VictoriaMetrics by exporting raw samples and working on them here: its own functions cannot leave out readings by their
 * flag. Samples that were written twice count once.
 */
export class VictoriaReader implements SeriesReader {
  constructor(private readonly http: InfluxHttp) {}

  async readings(span: SeriesSpan, limit: number): Promise<FlaggedReading[]> {
    const found: FlaggedReading[] = [];
    for await (const some of this.#windows(span)) {
      found.push(...some.slice(0, limit - found.length));
      if (found.length >= limit) break;
    }
    return found;
  }

  async buckets(span: SeriesSpan, bucketMs: number): Promise<Bucket[]> {
    const buckets: (Bucket & { sum: number })[] = [];
    for await (const some of this.#windows(span))
      for (const { measuredAt, value, flag } of some) {
        if (flag === 4) continue;
        const at = Math.floor(measuredAt / bucketMs) * bucketMs;
        const before = buckets.at(-1);
        if (before?.at === at) {
          const sum = before.sum + value;
          const count = before.count + 1;
          const [min, max] = [Math.min(before.min, value), Math.max(before.max, value)];
          buckets[buckets.length - 1] = {
            at,
            min,
            max,
            sum,
            count,
            mean: sum / count,
            flag: flag > before.flag ? flag : before.flag,
          };
        } else buckets.push({ at, min: value, max: value, sum: value, count: 1, mean: value, flag });
      }
    return buckets.map(({ at, min, max, mean, count, flag }) => ({ at, min, max, mean, count, flag }));
  }

  async summary(span: SeriesSpan): Promise<Summary> {
    let [count, sum] = [0, 0];
    for await (const some of this.#windows(span))
      for (const { value } of some) {
        count += 1;
        sum += value;
      }
    return { count, sum };
  }

  async latest(): Promise<FlaggedReading[]> {
    const newest = new Map<string, SeriesName & { at: number }>();
    // A day ahead, because clocks of devices run ahead; two days in all, because a longer window makes it read that much.
    const recent = await this.#instant(
      `tlast_over_time(${selecting(...ALL_VALUES)}[2d] offset -1d) keep_metric_names`,
      null,
    );
    const recentOf = new Map<string, Instant>();
    for (const series of recent) recentOf.set(key(series), Math.max(series.at, recentOf.get(key(series)) ?? -Infinity));
    const all = new Map((await this.#series()).map((series) => [key(series), series]));
    await someAtOnce([...all.values()], async (series) => {
      const at = recentOf.get(key(series)) ?? (await this.#lastOf(series));
      const ofStation = JSON.stringify([series.stationId, series.metric]);
      if (at !== null && at > (newest.get(ofStation)?.at ?? -Infinity)) newest.set(ofStation, { ...series, at });
    });
    const readings: FlaggedReading[] = [];
    await someAtOnce([...newest.values()], async ({ stationId, metric, at }) => {
      readings.push(...(await this.#export({ stationId, metric, from: at, to: at + 1 })).slice(0, 1));
    });
    return readings;
  }

  async newest({ metric, deviceIds }: Pick<Lookup, 'metric' | 'deviceIds'>): Promise<ReadonlyMap<string, number>> {
    const newest = new Map<string, number>();
    const note = (found: readonly (SeriesName & { at: number })[]): void => {
      for (const { deviceId, at } of found)
        newest.set(deviceId, Math.max(at * 1_000, newest.get(deviceId) ?? -Infinity));
    };
    // What lies further ahead is little, whatever there is: the clock of this machine, or the server's, was wrong.
    const ahead = Math.ceil(Date.now() / 1_000) + DAY_MS / 1_000;
    note(await this.#newestOf(selected(metric, deviceIds), '2d', ahead));
    note(await this.#newestOf(selected(metric, deviceIds), `${FAR_AHEAD_S - ahead}s`, FAR_AHEAD_S));
    const silent = deviceIds.filter((id) => !newest.has(id));
    if (silent.length > 0) note(await this.#newestOf(selected(metric, silent), EVER, FAR_AHEAD_S));
    return newest;
  }

  async stored({ metric, deviceIds, from, to }: Lookup): Promise<StoredValue[]> {
    const found = await this.#exportOf(metric, `device=~${quoted(anyOf(deviceIds))}`, from, to + 1);
    return found.map(({ deviceId, measuredAt, value }) => ({ deviceId, key: measuredAt * 1_000, value }));
  }

  /** For one that was silent for days: over all time, but only its own samples are read. */
  async #lastOf({ deviceId, stationId, metric }: SeriesName): Promise<number | null> {
    const one = selecting(valuesOf(metric), `device=${quoted(deviceId)}`, `station=${quoted(stationId)}`);
    const [last] = await this.#newestOf(one, EVER, FAR_AHEAD_S);
    return last?.at ?? null;
  }

  /** By device, within so long a span before `time`; of all fields, which without their names would be one series twice. */
  #newestOf(selector: string, span: string, time: number): Promise<(SeriesName & { at: number })[]> {
    return this.#instant(`max(tlast_over_time(${selector}[${span}]) keep_metric_names) by (device)`, time);
  }

  /** The readings of the span in the order of their time, some at a time. */
  async *#windows(span: SeriesSpan): AsyncGenerator<FlaggedReading[]> {
    const found = await this.#ends(span);
    if (found === null) return;
    let windowMs = SHORTEST_WINDOW_MS;
    for (let from = found.first; from <= found.last;) {
      const to = Math.min(from + windowMs, found.last + 1);
      const readings = await this.#export({ ...span, from, to });
      if (readings.length > 0) yield readings;
      windowMs =
        readings.length < FEW ? Math.min(windowMs * 2, LONGEST_WINDOW_MS) : Math.max(windowMs / 2, SHORTEST_WINDOW_MS);
      from = to;
    }
  }

  /** The times of the first and the last sample in the span: what lies outside need not be asked for. */
  async #ends(span: SeriesSpan): Promise<{ first: number; last: number } | null> {
    const from = Math.max(span.from, FIRST_MS);
    const to = Math.min(span.to, FAR_AHEAD_S * 1_000);
    if (to <= from) return null;
    const selected = `${selecting(valuesOf(span.metric), `station=${quoted(span.stationId)}`)}[${to - from}ms]`;
    const time = (to - 1) / 1_000;
    const [first] = await this.#instant(`min(tfirst_over_time(${selected}) keep_metric_names)`, time);
    const [last] = await this.#instant(`max(tlast_over_time(${selected}) keep_metric_names)`, time);
    return first === undefined || last === undefined ? null : { first: first.at, last: last.at };
  }

  #export({ stationId, metric, from, to }: SeriesSpan): Promise<FlaggedReading[]> {
    return this.#exportOf(metric, `station=${quoted(stationId)}`, from, to);
  }

  /** The readings in [from, to) of the metric's series with that label, by time. */
  async #exportOf(metric: string, label: string, from: Instant, to: Instant): Promise<FlaggedReading[]> {
    const form = new URLSearchParams({ start: String(from / 1_000), end: String((to - 1) / 1_000) });
    form.append('match[]', selecting(valuesOf(metric), label));
    form.append('match[]', selecting(`__name__="${RECEIVED_AT}"`, label));
    const answer = await this.http.ask('/api/v1/export', form);
    if (answer.status !== 200) throw this.http.failure(answer);

    const received = new Map<string, Map<Instant, Instant>>();
    const exported: (SeriesName & { flag: Flag; samples: Map<Instant, number> })[] = [];
    for (const line of answer.text.split('\n')) {
      if (line === '') continue;
      const { metric: names, values, timestamps } = JSON.parse(line) as Exported;
      const { __name__: name, device: deviceId, station: stationId } = names;
      if (name === undefined || deviceId === undefined || stationId === undefined) continue;
      const samples = new Map(timestamps.map((at, nth) => [at, values[nth] ?? Number.NaN]));
      if (name === RECEIVED_AT) received.set(placeOf({ deviceId, stationId }), samples);
      else exported.push({ deviceId, stationId, metric, flag: FLAG_OF.get(name.slice(metric.length + 1))!, samples });
    }

    const readings: FlaggedReading[] = [];
    for (const { deviceId, stationId, flag, samples } of exported.toSorted((a, b) => b.flag - a.flag)) {
      const ofPlace = received.get(placeOf({ deviceId, stationId }));
      const others = exported.filter(
        (one) => one.flag > flag && one.deviceId === deviceId && one.stationId === stationId,
      );
      for (const [measuredAt, value] of samples) {
        const receivedAt = ofPlace?.get(measuredAt);
        // A crash of the server can keep a reading and lose when it was received: the journal still has it, and here it is not.
        if (receivedAt === undefined || !Number.isFinite(value)) continue;
        if (measuredAt < from || measuredAt >= to) continue;
        // Of two flags the less trusted.
        if (others.some((one) => one.samples.has(measuredAt))) continue;
        readings.push({ deviceId, stationId, metric, value, measuredAt, sequence: 0, receivedAt, flag });
      }
    }
    return readings.toSorted((a, b) => a.measuredAt - b.measuredAt || (a.deviceId < b.deviceId ? -1 : 1));
  }

  async #series(): Promise<SeriesName[]> {
    const form = new URLSearchParams({ 'match[]': selecting(...ALL_VALUES), start: '1', end: String(FAR_AHEAD_S) });
    const { data } = await this.#json<{ data: readonly Readonly<Record<string, string>>[] }>('/api/v1/series', form);
    return data.map(nameOf);
  }

  /** The time of the newest sample of each series that the query selects. */
  async #instant(query: string, time: number | null): Promise<(SeriesName & { at: number })[]> {
    const form = new URLSearchParams({ query, nocache: '1' });
    if (time !== null) form.set('time', String(time));
    const { data } = await this.#json<{
      data: { result: readonly { metric: Readonly<Record<string, string>>; value: [number, string] }[] };
    }>('/api/v1/query', form);
    return data.result.map(({ metric, value }) => ({ ...nameOf(metric), at: Math.round(Number(value[1]) * 1_000) }));
  }

  async #json<Body>(path: string, form: URLSearchParams): Promise<Body> {
    const answer = await this.http.ask(path, form);
    if (answer.status !== 200) throw this.http.failure(answer);
    return JSON.parse(answer.text) as Body;
  }
}

function nameOf(labels: Readonly<Record<string, string>>): SeriesName {
  return {
    deviceId: labels['device'] ?? '',
    stationId: labels['station'] ?? '',
    metric: (labels['__name__'] ?? '').replace(new RegExp(ANY_FIELD), ''),
  };
}

const placeOf = ({ deviceId, stationId }: Pick<SeriesName, 'deviceId' | 'stationId'>): string =>
  JSON.stringify([deviceId, stationId]);

function key({ deviceId, stationId, metric }: SeriesName): string {
  return JSON.stringify([deviceId, stationId, metric]);
}

/** The values of one metric that these devices have, at any station. */
function selected(metric: string, deviceIds: readonly string[]): string {
  return selecting(valuesOf(metric), `device=~${quoted(anyOf(deviceIds))}`, 'station!=""');
}

function valuesOf(metric: string): string {
  return `__name__=~${quoted(`^${literally(metric)}${ANY_FIELD}`)}`;
}

/**
 * A selector that was never asked for: which series one selects, the server remembers, and for some ten seconds goes on answering "none"
 * where the first has come in meanwhile.
 */
function selecting(...labels: readonly string[]): string {
  return `{${labels.join(',')},device!="${randomUUID()}"}`;
}

function quoted(label: string): string {
  return JSON.stringify(label);
}
