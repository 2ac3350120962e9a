export const FORBIDDEN_TOPIC = 'forbidden topic';
export const TOO_LARGE = 'payload too large';
/** Aedes' own words. */
export const CLOSED = 'connection closed';
/** MQTT 3.1.1, 3.2.2.3: the version that was asked for is not supported. */
const UNACCEPTABLE_PROTOCOL = 1;
/** How connections end without anybody having spoken wrongly, or having been told so already; Aedes' own words and ours. */
const OF_EVERY_DAY: ReadonlySet<string> = new Set([
  'keep alive timeout',
  'drain timeout',
  CLOSED,
  'connect did not arrive in time',
  FORBIDDEN_TOPIC,
  TOO_LARGE,
]);

/** An error that Aedes reports of a connection. */
export interface Ending extends Error {
  readonly code?: string;
  readonly errorCode?: number;
}

/** What of it was not the MQTT that is spoken here; null where a line broke, or where it was refused and told before. */
export function protocolErrorIn({ message, code, errorCode }: Ending): string | null {
  if (errorCode === UNACCEPTABLE_PROTOCOL) return 'asked for a version of MQTT other than 3.1 and 3.1.1';
  return code === undefined && errorCode === undefined && !OF_EVERY_DAY.has(message) ? message : null;
}
