import type { Area, Device, Station } from './station.js';

/** Stations and devices at one moment. */
export interface Inventory {
  readonly areas: readonly Area[];
  readonly stations: readonly Station[];
  readonly devices: readonly Device[];
}

/** The inventory of stations and devices, as those who judge and show readings need it. */
export abstract class Registry {
  /** Goes up with every change of a station, a limit or a device, whoever made it and in whichever process. */
  abstract version(): Promise<number>;
  abstract inventory(): Promise<Inventory>;
}
