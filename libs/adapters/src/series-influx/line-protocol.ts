import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import { escape } from '@influxdata/influxdb-client';

/** As many as there are series in a province, and bounded all the same. */
const MOST_SERIES = 100_000;

/** Control characters, backslash and half a surrogate pair: line protocol cannot escape them, and one of them spoils its whole batch. */
const CANNOT_BE_KEPT = /[\p{Cc}\p{Cs}\\]/u;

/** What the lines of one series have in common. */
export interface LineSeries {
  readonly stationId: string;
  /** Measurement and tags. */
  readonly head: string;
  /** Why no reading of it can be written, or null: what cannot be escaped must not reach the server. */
  readonly whyNot: string | null;
}

/** Writes readings as line protocol: measurement = metric, tags device and station, fields value, flag and received_at, all floats. */
export class LineProtocol {
  readonly #known = new Map<string, Map<string, LineSeries>>();
  #held = 0;

  /** The same object for every reading of a series, as long as it is held. */
  series(reading: FlaggedReading): LineSeries {
    const { deviceId, metric, stationId } = reading;
    const known = this.#known.get(deviceId)?.get(metric);
    if (known?.stationId === stationId) return known;
    if (this.#held >= MOST_SERIES) {
      this.#known.clear();
      this.#held = 0;
    }
    const series = newSeries(reading);
    const ofDevice = this.#known.get(deviceId) ?? new Map<string, LineSeries>();
    this.#known.set(deviceId, ofDevice.set(metric, series));
    this.#held += 1;
    return series;
  }
}

/** The line with its time in microseconds, whose last three digits are the sequence. */
export function line({ head }: LineSeries, { value, flag, receivedAt, measuredAt, sequence }: FlaggedReading): string {
  return `${head} flag=${flag},received_at=${receivedAt},value=${value} ${measuredAt * 1_000 + sequence}`;
}

function newSeries({ deviceId, stationId, metric }: FlaggedReading): LineSeries {
  const head = `${escape.measurement(metric)},device=${escape.tag(deviceId)},station=${escape.tag(stationId)}`;
  const whyNot =
    whyNoId('device id', deviceId) ??
    whyNoId('station id', stationId) ??
    whyNoId('metric', metric) ??
    whyNoMetric(metric);
  return { stationId, head, whyNot };
}

function whyNoId(what: string, id: string): string | null {
  if (id === '') return `its ${what} is empty`;
  if (!CANNOT_BE_KEPT.test(id)) return null;
  return `its ${what} ${JSON.stringify(id)} has a backslash or a control character, which InfluxDB cannot keep`;
}

function whyNoMetric(metric: string): string | null {
  return metric.startsWith('#')
    ? `its metric ${JSON.stringify(metric)} starts with #, which InfluxDB takes for a comment`
    : null;
}
