import { escape } from '@influxdata/influxdb-client';
import { Flag } from '@canh/core/quality/flag';
import type { Series } from '@canh/core/stations/series';
import { FIELD_OF, RECEIVED } from './fields.js';

/** As many as there are in a large province, and bounded all the same. */
const MOST_CHANNELS = 250_000;

/** Control characters, backslash and half a surrogate pair: line protocol cannot escape them, and one of them spoils its whole batch. */
const CANNOT_BE_KEPT = /[\p{Cc}\p{Cs}\\]/u;

/** One metric of one device, wherever it stands: how far the store has it. */
export interface Channel {
  readonly deviceId: string;
  readonly metric: string;
  /** The key (see `keyOf`) of the newest reading that is stored, -Infinity before the first; null until the store was asked. */
  newest: number | null;
  /** The newest key of what is being stored, -Infinity where there is none. */
  coming: number;
  /** The newest key in one `sift`, and which sift that was. */
  ahead: number;
  sift: number;
}

/** What the lines of one series have in common. */
export interface LineSeries {
  readonly channel: Channel;
  /** Measurement, tags and the name of the field of a good reading; and without that name. */
  readonly good: Uint8Array;
  readonly head: Uint8Array;
  /** What its readings' time of receiving begins with: the same object for all metrics of a device at a station. */
  readonly received: Uint8Array;
  /** Why no reading of it can be written, or null: what cannot be escaped must not reach the server. */
  readonly whyNot: string | null;
}

/** What one device has. */
interface Known {
  readonly channels: Map<string, Channel>;
  readonly received: Map<string, Uint8Array>;
}

/** Readings as line protocol: measurement = metric, tags device and station, one field of a float (`fields.ts`). */
export class LineProtocol {
  #known = new WeakMap<Series, LineSeries>();
  readonly #devices = new Map<string, Known>();
  #held = 0;

  get isFull(): boolean {
    return this.#held >= MOST_CHANNELS;
  }

  /** With the same channel for every series of a device and metric, until `forget`. */
  of(series: Series): LineSeries {
    const known = this.#known.get(series);
    if (known !== undefined) return known;
    const { deviceId, stationId, metric } = series;
    const device = this.#device(deviceId);
    const tags = `device=${escape.tag(deviceId)},station=${escape.tag(stationId)}`;
    const head = `${escape.measurement(metric)},${tags} `;
    let received = device.received.get(stationId);
    if (received === undefined)
      device.received.set(stationId, (received = Buffer.from(`${RECEIVED.measurement},${tags} ${RECEIVED.field}=`)));
    const made = {
      channel: this.#channel(device, deviceId, metric),
      good: Buffer.from(`${head}${FIELD_OF[Flag.good]}=`),
      head: Buffer.from(head),
      received,
      whyNot: whyNot(series),
    };
    this.#known.set(series, made);
    return made;
  }

  /** Lets go of all channels. */
  forget(): void {
    this.#known = new WeakMap();
    this.#devices.clear();
    this.#held = 0;
  }

  #device(deviceId: string): Known {
    let device = this.#devices.get(deviceId);
    if (device === undefined) this.#devices.set(deviceId, (device = { channels: new Map(), received: new Map() }));
    return device;
  }

  #channel({ channels }: Known, deviceId: string, metric: string): Channel {
    let channel = channels.get(metric);
    if (channel === undefined) {
      channel = { deviceId, metric, newest: null, coming: -Infinity, ahead: 0, sift: 0 };
      channels.set(metric, channel);
      this.#held += 1;
    }
    return channel;
  }
}

function whyNot({ deviceId, stationId, metric }: Series): string | null {
  return (
    whyNoId('device id', deviceId) ??
    whyNoId('station id', stationId) ??
    whyNoId('metric', metric) ??
    whyNoMetric(metric)
  );
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
