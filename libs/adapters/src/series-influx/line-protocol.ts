import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import { escape } from '@influxdata/influxdb-client';

/** As many as there are in a large province, and bounded all the same. */
const MOST_CHANNELS = 250_000;

/** Control characters, backslash and half a surrogate pair: line protocol cannot escape them, and one of them spoils its whole batch. */
const CANNOT_BE_KEPT = /[\p{Cc}\p{Cs}\\]/u;

/** One metric of one device: what its lines have in common, and how far the store has it. */
export interface Channel {
  readonly deviceId: string;
  readonly metric: string;
  stationId: string;
  /** Measurement and tags. */
  head: string;
  /** Why no reading of it can be written, or null: what cannot be escaped must not reach the server. */
  whyNot: string | null;
  /** The key (see `keyOf`) of the newest reading that is stored, -Infinity before the first; null until the store was asked. */
  newest: number | null;
  /** The newest key in one `sift`, and which sift that was. */
  ahead: number;
  sift: number;
}

/** Writes readings as line protocol: measurement = metric, tags device and station, fields value, flag and received_at, all floats. */
export class LineProtocol {
  readonly #known = new Map<string, Map<string, Channel>>();
  #held = 0;

  /** The same object for every reading of a device and metric, until `forgetIfFull`. */
  channel(reading: FlaggedReading): Channel {
    const { deviceId, metric, stationId } = reading;
    let ofDevice = this.#known.get(deviceId);
    if (ofDevice === undefined) this.#known.set(deviceId, (ofDevice = new Map()));
    let channel = ofDevice.get(metric);
    if (channel === undefined) {
      channel = { deviceId, metric, newest: null, ahead: 0, sift: 0, ...atStation(reading) };
      ofDevice.set(metric, channel);
      this.#held += 1;
    } else if (channel.stationId !== stationId) Object.assign(channel, atStation(reading));
    return channel;
  }

  /** Lets go of all channels when they are too many; false while they are not. */
  forgetIfFull(): boolean {
    if (this.#held < MOST_CHANNELS) return false;
    this.#known.clear();
    this.#held = 0;
    return true;
  }
}

/** The line with its time in microseconds, whose last three digits are the sequence. */
export function line({ head }: Channel, { value, flag, receivedAt, measuredAt, sequence }: FlaggedReading): string {
  return `${head} flag=${flag},received_at=${receivedAt},value=${value} ${measuredAt * 1_000 + sequence}`;
}

function atStation({ deviceId, stationId, metric }: FlaggedReading): Pick<Channel, 'stationId' | 'head' | 'whyNot'> {
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
