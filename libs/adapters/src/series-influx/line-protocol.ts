import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import { escape } from '@influxdata/influxdb-client';

/** Heads of lines kept at hand: as many as there are series in a province, and bounded all the same. */
const MOST_HEADS = 100_000;

/** Control characters, backslash and half a surrogate pair: line protocol cannot escape them, and one of them spoils its whole batch. */
const CANNOT_BE_KEPT = /[\p{Cc}\p{Cs}\\]/u;

/** Writes readings as line protocol: measurement = metric, tags device and station, fields value, flag and received_at, all floats. */
export class LineProtocol {
  readonly #heads = new Map<string, Map<string, { stationId: string; head: string }>>();
  #held = 0;

  /** The line with its time in microseconds, whose last three digits are the sequence. */
  line(reading: FlaggedReading): string {
    const { value, flag, receivedAt, measuredAt, sequence } = reading;
    return `${this.head(reading)} flag=${flag},received_at=${receivedAt},value=${value} ${measuredAt * 1_000 + sequence}`;
  }

  /** Measurement and tags: one string for each series. */
  head({ deviceId, stationId, metric }: FlaggedReading): string {
    const known = this.#heads.get(deviceId)?.get(metric);
    if (known?.stationId === stationId) return known.head;
    if (this.#held >= MOST_HEADS) {
      this.#heads.clear();
      this.#held = 0;
    }
    const head = `${escape.measurement(metric)},device=${escape.tag(deviceId)},station=${escape.tag(stationId)}`;
    const ofDevice = this.#heads.get(deviceId) ?? new Map<string, { stationId: string; head: string }>();
    this.#heads.set(deviceId, ofDevice.set(metric, { stationId, head }));
    this.#held += 1;
    return head;
  }
}

/** Why a reading cannot be written as a line, or null: what cannot be escaped must not reach the server. */
export function whyNoLine({ deviceId, stationId, metric, value }: FlaggedReading): string | null {
  for (const [what, id] of [
    ['device id', deviceId],
    ['station id', stationId],
    ['metric', metric],
  ] as const) {
    if (id === '') return `its ${what} is empty`;
    if (CANNOT_BE_KEPT.test(id))
      return `its ${what} ${JSON.stringify(id)} has a backslash or a control character, which InfluxDB cannot keep`;
  }
  if (metric.startsWith('#'))
    return `its metric ${JSON.stringify(metric)} starts with #, which InfluxDB takes for a comment`;
  if (!Number.isFinite(value)) return `its value ${value} is not a finite number`;
  return null;
}
