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
  /** Measurement, tags and the name of the first field: what stands before the value. */
  head: Uint8Array;
  /** Why no reading of it can be written, or null: what cannot be escaped must not reach the server. */
  whyNot: string | null;
  /** The key (see `keyOf`) of the newest reading that is stored, -Infinity before the first; null until the store was asked. */
  newest: number | null;
  /** The newest key of what is being stored, -Infinity where there is none. */
  coming: number;
  /** The newest key in one `sift`, and which sift that was. */
  ahead: number;
  sift: number;
}

/** Readings as line protocol: measurement = metric, tags device and station, fields value, flag and received_at, all floats. */
export class LineProtocol {
  readonly #known = new Map<string, Map<string, Channel>>();
  #held = 0;
  /** The device of the reading before: a message holds several. */
  #device = '';
  #ofDevice: Map<string, Channel> | undefined;

  get isFull(): boolean {
    return this.#held >= MOST_CHANNELS;
  }

  /** The same object for every reading of a device and metric, until `forget`. */
  channel(reading: FlaggedReading): Channel {
    const { deviceId, metric } = reading;
    let ofDevice = deviceId === this.#device ? this.#ofDevice : this.#known.get(deviceId);
    if (ofDevice === undefined) this.#known.set(deviceId, (ofDevice = new Map()));
    [this.#device, this.#ofDevice] = [deviceId, ofDevice];
    let channel = ofDevice.get(metric);
    if (channel === undefined) {
      channel = { deviceId, metric, newest: null, coming: -Infinity, ahead: 0, sift: 0, ...atStation(reading) };
      ofDevice.set(metric, channel);
      this.#held += 1;
    } else standAt(channel, reading);
    return channel;
  }

  /** Lets go of all channels. */
  forget(): void {
    this.#known.clear();
    this.#held = 0;
    this.#ofDevice = undefined;
  }
}

/** A device that was moved writes to another station, and what it measured before to the one before. */
export function standAt(channel: Channel, reading: FlaggedReading): void {
  if (channel.stationId !== reading.stationId) Object.assign(channel, atStation(reading));
}

function atStation({ deviceId, stationId, metric }: FlaggedReading): Pick<Channel, 'stationId' | 'head' | 'whyNot'> {
  const head = `${escape.measurement(metric)},device=${escape.tag(deviceId)},station=${escape.tag(stationId)}`;
  const whyNot =
    whyNoId('device id', deviceId) ??
    whyNoId('station id', stationId) ??
    whyNoId('metric', metric) ??
    whyNoMetric(metric);
  return { stationId, head: Buffer.from(`${head} value=`), whyNot };
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
