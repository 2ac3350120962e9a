import type { Instant } from '../time/instant.js';
import type { LocalText } from './local-text.js';
import type { Limit } from './limit.js';

/** A province or a commune with the dates between which it existed: districts went, and provinces merged, on 1/7/2025. */
export interface Area {
  readonly id: string;
  readonly names: LocalText;
  readonly parentId: string | null;
  readonly validFrom: Instant | null;
  readonly validTo: Instant | null;
}

/** A place where something is measured. */
export interface Station {
  readonly id: string;
  readonly names: LocalText;
  readonly areaId: string;
  /** The unit or person answerable for it. */
  readonly ownerUnit: string;
  /** Degrees, WGS 84. */
  readonly position: { readonly latitude: number; readonly longitude: number };
  readonly profileId: string;
  readonly limits: readonly Limit[];
}

/** What publishes: a logger, a camera, a gateway. The credential belongs to it, the readings belong to its station. */
export interface Device {
  readonly id: string;
  readonly name: string;
  readonly stationId: string;
  readonly profileId: string;
  /** The gateway that may publish for this device, or null when it publishes for itself only. */
  readonly gatewayId: string | null;
}

/** A device as it was before somebody moved it or changed it otherwise. */
export interface FormerDevice {
  readonly device: Device;
  /** First moment of which this no longer holds. */
  readonly until: Instant;
}
