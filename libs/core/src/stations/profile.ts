import type { LocalText } from './local-text.js';
import type { Conversion } from './units.js';

/** The families of devices, and the folders of `devices/`; `system` is Canh watching itself. */
export type DeviceKind = 'environmental' | 'traffic-camera' | 'water' | 'system';

/** Both ends belong to the range. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

export interface Metric {
  /** As in the payload, with its unit last: `level_m`, `pm25_ugm3`. */
  readonly name: string;
  readonly names: LocalText;
  /** UCUM code: `m`, `ug/m3`, `Cel`. */
  readonly unit: string;
  /** To `unit` from what the device sends in; absent where that is the same. */
  readonly fromSent?: Conversion;
  /** What the sensor can measure at all; a value outside fails (QARTOD gross range, flag 4). */
  readonly plausible: Range;
  /** What is believable at such a place; outside is suspect (flag 3). */
  readonly expected?: Range;
  /** Digits after the decimal mark when shown. */
  readonly decimals: number;
}

/** What a model of device is, as data: one folder in `devices/`. */
export interface Profile {
  readonly id: string;
  readonly kind: DeviceKind;
  readonly names: LocalText;
  /** How often a healthy device reports. */
  readonly intervalMs: number;
  readonly metrics: readonly Metric[];
}
