import type { Instant } from '../time/instant.js';

/** Attributes that a device set at one moment. */
export interface AttributeChange {
  readonly deviceId: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly at: Instant;
}

/** What devices say of themselves: firmware, serial number, whether they are behind a gateway right now. */
export abstract class DeviceAttributes {
  /**
   * Sets the named attributes and leaves the others, all changes in one step; an older `at` than the one kept for an attribute changes
   * nothing.
   */
  abstract merge(changes: readonly AttributeChange[]): Promise<void>;
  abstract of(deviceId: string): Promise<Readonly<Record<string, unknown>>>;
}
