import type { Series } from './series.js';
import type { Instant } from '../time/instant.js';
import type { Metric, Profile } from './profile.js';
import type { Inventory } from './registry.js';
import type { Device, FormerDevice } from './station.js';

/** A device with everything that reading its messages needs. */
export interface KnownDevice {
  readonly device: Device;
  readonly metrics: ReadonlyMap<string, KnownMetric>;
  /** By the places of the metrics; each is made for its first reading (`seriesOf`). */
  readonly series: (Series | undefined)[];
  /** What it was before somebody changed it, the oldest first; null: it was never changed. */
  readonly former: readonly Former[] | null;
}

export interface KnownMetric extends Metric {
  /** Among the metrics of its profile, from 0. */
  readonly place: number;
}

/** The same object for all readings of this metric, so that it can be told by itself. */
export function seriesOf({ device: { id, stationId }, series }: KnownDevice, { name, place }: KnownMetric): Series {
  return (series[place] ??= { deviceId: id, stationId, metric: name });
}

interface Former {
  readonly known: KnownDevice;
  readonly until: Instant;
}

/** The devices of an inventory, ready to be looked up once for each message. */
export class KnownDevices {
  private readonly byId = new Map<string, KnownDevice>();
  /** By gateway and name: whoever is called so, or was. */
  private readonly behindGateway = new Map<string, Map<string, KnownDevice[]>>();

  /** Devices whose station or profile is not there are left out, and named here, as are those that were changed by a clock that stood ahead. */
  readonly incomplete: string[] = [];

  /** `now`: what was changed later than that was changed by a clock that stood ahead, and counts as what it is. */
  constructor(inventory: Inventory, profiles: ReadonlyMap<string, Profile>, now: Instant = Infinity) {
    const stations = new Set(inventory.stations.map(({ id }) => id));
    const metricsOf = new Map(
      [...profiles].map(([id, { metrics }]) => [
        id,
        new Map(metrics.map((metric, place) => [metric.name, { ...metric, place }])),
      ]),
    );
    const formerOf = new Map<string, FormerDevice[]>();
    for (const former of inventory.former ?? [])
      if (former.until > now)
        this.incomplete.push(
          `device ${former.device.id}: changed by a clock that stood ahead of today. Save it once more, so that it is known until when it was what it was`,
        );
      else formerOf.set(former.device.id, [...(formerOf.get(former.device.id) ?? []), former]);
    for (const device of inventory.devices) {
      const placed = stations.has(device.stationId);
      const metrics = metricsOf.get(device.profileId);
      if (!placed || metrics === undefined) {
        this.incomplete.push(
          `device ${device.id}: ${!placed ? `no station ${device.stationId}` : `no profile ${device.profileId}`}`,
        );
        continue;
      }
      const former = formerOf.get(device.id)?.map((then) => ({
        // A model that is in no folder any more: what it sent is decoded as what it is now.
        known: {
          device: then.device,
          metrics: metricsOf.get(then.device.profileId) ?? metrics,
          series: [],
          former: null,
        },
        until: then.until,
      }));
      const known: KnownDevice = { device, metrics, series: [], former: former ?? null };
      this.byId.set(device.id, known);
      this.name(known, device);
    }
    // Before those that are called so today, since these are found by the time.
    for (const { device } of inventory.former ?? []) {
      const known = this.byId.get(device.id);
      if (known !== undefined) this.name(known, device);
    }
  }

  /** The device as it is now. */
  get(deviceId: string): KnownDevice | undefined {
    return this.byId.get(deviceId);
  }

  /**
   * The device as it was when a message of it was handed in, at the station where it stood when that message was received: the two times differ
   * only for what is read once more after somebody mended the device.
   */
  at(deviceId: string, receivedAt: Instant, handedInAt: Instant): KnownDevice | undefined {
    const known = this.byId.get(deviceId);
    return known === undefined || known.former === null ? known : standing(known, receivedAt, handedInAt);
  }

  /** The device that this gateway could publish for under that name when the message was handed in, as `at` gives it. */
  ofGateway(gatewayId: string, deviceName: string, receivedAt: Instant, handedInAt: Instant): KnownDevice | undefined {
    for (const known of this.behindGateway.get(gatewayId)?.get(deviceName) ?? []) {
      if (known.former === null) return known;
      const { device } = asOf(known, handedInAt);
      if (device.gatewayId === gatewayId && device.name === deviceName) return standing(known, receivedAt, handedInAt);
    }
    return undefined;
  }

  private name(known: KnownDevice, { gatewayId, name }: Device): void {
    if (gatewayId === null) return;
    const siblings = this.behindGateway.get(gatewayId) ?? new Map<string, KnownDevice[]>();
    const others = (siblings.get(name) ?? []).filter((other) => other !== known);
    this.behindGateway.set(gatewayId, siblings.set(name, [known, ...others]));
  }
}

function asOf(known: KnownDevice, at: Instant): KnownDevice {
  return known.former?.find(({ until }) => at < until)?.known ?? known;
}

function standing(known: KnownDevice, receivedAt: Instant, handedInAt: Instant): KnownDevice {
  const then = asOf(known, handedInAt);
  const { stationId } = asOf(known, receivedAt).device;
  return stationId === then.device.stationId ? then : { ...then, device: { ...then.device, stationId }, series: [] };
}
