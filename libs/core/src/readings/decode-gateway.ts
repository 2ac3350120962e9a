import type { Instant } from '../time/instant.js';
import { decodePoints, namesRead, parseJson, type Decoded, type Fault } from './decode-telemetry.js';
import { repeatedNames } from './repeated-names.js';

const MAX_DEVICES = 1_000;

export interface GatewayDecoded {
  /** What each named device sent, in the order of the payload. */
  readonly devices: readonly (Decoded & { readonly deviceName: string })[];
  /** Faults of the message as a whole. */
  readonly faults: readonly Fault[];
}

/** A gateway's payload: `{"device name":[{"ts":…,"values":{…}}]}`; each name holds what that device would have sent by itself. */
export function decodeGatewayTelemetry(text: string, receivedAt: Instant): GatewayDecoded {
  const { value, fault } = parseJson(text);
  if (fault !== null) return { devices: [], faults: [fault] };
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { devices: [], faults: [{ reason: 'wrong-shape', detail: 'expected an object of device name: readings' }] };
  const named = Object.entries(value);
  if (named.length > MAX_DEVICES)
    return {
      devices: [],
      faults: [{ reason: 'too-many-values', detail: `${named.length} devices in one message, at most ${MAX_DEVICES}` }],
    };
  let read = named.length;
  const devices = named.map(([deviceName, payload]) => {
    const { points, faults } = decodePoints(payload, receivedAt);
    read += namesRead(payload, points);
    return { deviceName, points, faults };
  });
  return { devices, faults: repeatedNames(text, value, read) };
}

/** `{"device":"device name"}` of `v1/gateway/connect` and `…/disconnect`. */
export function decodeGatewayDevice(text: string): { deviceName: string } | { fault: Fault } {
  const { value, fault } = parseJson(text);
  if (fault !== null) return { fault };
  const name = (value as { device?: unknown } | null)?.device;
  return typeof name === 'string' && name.length > 0 && name.length <= 255
    ? { deviceName: name }
    : { fault: { reason: 'wrong-shape', detail: 'expected {"device": "its name"}' } };
}
