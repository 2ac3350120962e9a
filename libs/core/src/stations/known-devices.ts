import type { Metric, Profile } from './profile.js';
import type { Inventory } from './registry.js';
import type { Device } from './station.js';

/** A device with everything that reading its messages needs. */
export interface KnownDevice {
  readonly device: Device;
  readonly metrics: ReadonlyMap<string, Metric>;
}

/** The devices of an inventory, ready to be looked up once for each message. */
export class KnownDevices {
  private readonly byId = new Map<string, KnownDevice>();
  private readonly behindGateway = new Map<string, Map<string, KnownDevice>>();

  /** Devices whose station or profile is not there are left out, and named in `incomplete`. */
  readonly incomplete: string[] = [];

  constructor(inventory: Inventory, profiles: ReadonlyMap<string, Profile>) {
    const stations = new Set(inventory.stations.map(({ id }) => id));
    const metricsOf = new Map(
      [...profiles].map(([id, { metrics }]) => [id, new Map(metrics.map((metric) => [metric.name, metric]))]),
    );
    for (const device of inventory.devices) {
      const placed = stations.has(device.stationId);
      const metrics = metricsOf.get(device.profileId);
      if (!placed || metrics === undefined) {
        this.incomplete.push(
          `device ${device.id}: ${!placed ? `no station ${device.stationId}` : `no profile ${device.profileId}`}`,
        );
        continue;
      }
      const known = { device, metrics };
      this.byId.set(device.id, known);
      if (device.gatewayId === null) continue;
      const siblings = this.behindGateway.get(device.gatewayId) ?? new Map<string, KnownDevice>();
      this.behindGateway.set(device.gatewayId, siblings.set(device.name, known));
    }
  }

  get(deviceId: string): KnownDevice | undefined {
    return this.byId.get(deviceId);
  }

  /** The device that this gateway may publish for under that name. */
  ofGateway(gatewayId: string, deviceName: string): KnownDevice | undefined {
    return this.behindGateway.get(gatewayId)?.get(deviceName);
  }
}
