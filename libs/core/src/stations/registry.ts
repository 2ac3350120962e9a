import type { Area, Device, FormerDevice, Station } from './station.js';

/** Stations and devices at one moment. */
export interface Inventory {
  readonly areas: readonly Area[];
  readonly stations: readonly Station[];
  readonly devices: readonly Device[];
  /** What devices were before, of each the oldest first: what was received then is read by it, whenever it is read again. */
  readonly former?: readonly FormerDevice[];
}

/** The inventory of stations and devices, as those who judge and show readings need it. */
export abstract class Registry {
  /** Goes up with every change of a station, a limit or a device, whoever made it and in whichever process. */
  abstract version(): Promise<number>;
  abstract inventory(): Promise<Inventory>;
}

/** Changes of the inventory, by the command line and by set-up. Each call is one transaction and raises the version. */
export abstract class InventoryDesk {
  /** Adds it, or replaces what has the same id; its parent comes first. Rejects with CanhError `UNKNOWN_AREA` or `AREA_CYCLE`. */
  abstract putArea(area: Area): Promise<void>;
  /** Adds it with its limits, or replaces what has the same id. Rejects with CanhError `UNKNOWN_AREA`. */
  abstract putStation(station: Station): Promise<void>;
  /**
   * Adds it, or replaces what has the same id; its token stays. What it was is kept, as having held until now. Rejects with CanhError `UNKNOWN_STATION`, or `UNKNOWN_DEVICE` for its
   * gateway.
   */
  abstract putDevice(device: Device): Promise<void>;
}
