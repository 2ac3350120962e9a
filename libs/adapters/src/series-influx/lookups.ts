import { HOUR_MS, type Instant } from '@canh/core/time/instant';
import type { Channel } from './line-protocol.js';
import type { Lookup } from './series-reader.js';

/** Characters of device ids in one question: VictoriaMetrics takes 16 KB, and a character is up to four bytes. */
const MOST_ID_CHARACTERS = 3_000;
/** Devices times span of one question, so that its answer fits into memory: at one reading a second, 21,600 of them. */
const MOST_DEVICE_MS = 6 * HOUR_MS;

/** One reading that may be stored, by channel and key. */
export interface Sought {
  readonly channel: Channel;
  readonly key: number;
}

/** Channels by metric, as many devices at a time as one question can name. */
export function byMetric(channels: Iterable<Channel>): Pick<Lookup, 'metric' | 'deviceIds'>[] {
  const open = new Map<string, { metric: string; deviceIds: string[]; characters: number }>();
  const full: Pick<Lookup, 'metric' | 'deviceIds'>[] = [];
  for (const { metric, deviceId } of channels) {
    const before = open.get(metric);
    if (before !== undefined && before.characters + deviceId.length <= MOST_ID_CHARACTERS) {
      before.deviceIds.push(deviceId);
      before.characters += deviceId.length;
    } else {
      if (before !== undefined) full.push(before);
      open.set(metric, { metric, deviceIds: [deviceId], characters: deviceId.length });
    }
  }
  return [...full, ...open.values()];
}

/** As few questions as their bounds allow: by metric, and then in the order of time. */
export function lookupsFor(sought: readonly Sought[]): Lookup[] {
  const ordered = sought.toSorted((a, b) =>
    a.channel.metric === b.channel.metric ? a.key - b.key : a.channel.metric < b.channel.metric ? -1 : 1,
  );
  const lookups: OpenLookup[] = [];
  let open: OpenLookup | null = null;
  for (const { channel, key } of ordered) {
    const at = Math.floor(key / 1_000);
    if (open === null || !open.takes(channel, at)) lookups.push((open = new OpenLookup(channel.metric, at)));
    open.add(channel, at);
  }
  return lookups.map((lookup) => lookup.asked);
}

class OpenLookup {
  private readonly devices = new Set<string>();
  private characters = 0;
  private to: Instant;

  constructor(
    private readonly metric: string,
    private readonly from: Instant,
  ) {
    this.to = from;
  }

  takes({ metric, deviceId }: Channel, at: Instant): boolean {
    const more = this.devices.has(deviceId) ? 0 : 1;
    return (
      metric === this.metric &&
      this.characters + more * deviceId.length <= MOST_ID_CHARACTERS &&
      (this.devices.size + more) * (at - this.from) <= MOST_DEVICE_MS
    );
  }

  add({ deviceId }: Channel, at: Instant): void {
    if (!this.devices.has(deviceId)) this.characters += deviceId.length;
    this.devices.add(deviceId);
    this.to = at;
  }

  get asked(): Lookup {
    const { metric, devices, from, to } = this;
    return { metric, deviceIds: [...devices], from, to };
  }
}
