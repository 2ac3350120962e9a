import type { Instant } from '../time/instant.js';

/** What devices say of themselves: firmware, serial number, whether they are behind a gateway right now. */
export abstract class DeviceAttributes {
  /** Sets the named attributes and leaves the others; an older `at` than the one kept for an attribute changes nothing. */
  abstract merge(deviceId: string, values: Readonly<Record<string, unknown>>, at: Instant): Promise<void>;
  abstract of(deviceId: string): Promise<Readonly<Record<string, unknown>>>;
}
