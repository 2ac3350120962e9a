import type { Refusal } from '@canh/core/readings/message';
import type { LoggedIn, Login } from '../logins/device-logins.js';
import type { DoorAccess } from './door-access.js';

const LONGEST_CLIENT_ID = 256;
/** MQTT 3.1 knows 23 characters, which the device's id in front would exceed; how long one may be is checked before. */
export const LONGEST_SESSION_ID = 4 * LONGEST_CLIENT_ID;
/** MQTT 3.1.1, 3.2.2.3. */
const CONNACK = { identifierRejected: 2, serverUnavailable: 3, badUserNameOrPassword: 4, notAuthorized: 5 } as const;
/** As CONNECT gives the version of the protocol; 4 is MQTT 3.1.1. */
const MQTT_3_1 = 3;

/** Of a CONNECT packet, what is looked at and changed. */
export interface Connect {
  readonly username?: string | undefined;
  readonly password?: Buffer | undefined;
  /** Seconds; 0 for none. */
  readonly keepalive?: number | undefined;
  clientId: string;
  clean: boolean;
  readonly protocolVersion?: number | undefined;
  readonly will?: { readonly topic: string } | undefined;
}

export interface Admitted {
  readonly admitted: true;
  readonly deviceId: string;
  readonly login: LoggedIn;
}

interface TurnedAway {
  readonly admitted: false;
  readonly reason: Refusal['reason'];
  readonly detail: string;
  /** Of CONNACK. */
  readonly returnCode: number;
}

export type Verdict = Admitted | TurnedAway;

const turnedAway = (reason: Refusal['reason'], detail: string, returnCode: number): TurnedAway => ({
  admitted: false,
  reason,
  detail,
  returnCode,
});

/** On who was let in and may not stay. */
export const WITHDRAWN: Verdict = turnedAway('unknown-credential', 'withdrawn', CONNACK.notAuthorized);

/** Whether who logged in so may connect with what they ask for. `longestKeepalive` in seconds, 0 for any. */
export function verdictOn(
  login: Login,
  { clientId, clean, protocolVersion, will, keepalive = 0 }: Connect,
  access: Pick<DoorAccess, 'becomesOf'>,
  longestKeepalive: number,
): Verdict {
  if (!login.ok) {
    const returnCode = login.comeAgain ? CONNACK.serverUnavailable : CONNACK.badUserNameOrPassword;
    return turnedAway('unknown-credential', login.detail, returnCode);
  }
  if (clientId.length > LONGEST_CLIENT_ID) {
    const detail = `a client id of ${clientId.length} characters, at most ${LONGEST_CLIENT_ID}`;
    return turnedAway('bad-client-id', detail, CONNACK.identifierRejected);
  }
  if (clientId === '' && (!clean || protocolVersion === MQTT_3_1)) {
    const detail = 'an empty client id, for which MQTT 3.1 has no place and MQTT 3.1.1 keeps no session';
    return turnedAway('bad-client-id', detail, CONNACK.identifierRejected);
  }
  if (longestKeepalive > 0 && (keepalive === 0 || keepalive > longestKeepalive)) {
    const detail = `a keep-alive of ${keepalive} seconds, at least 1 and at most ${longestKeepalive} (CANH_MQTT_KEEPALIVE_MAX_SECONDS)`;
    return turnedAway('bad-keep-alive', detail, CONNACK.notAuthorized);
  }
  if (will !== undefined && access.becomesOf(will.topic) === undefined)
    return turnedAway('forbidden-topic', `a will on ${will.topic.slice(0, 200)}`, CONNACK.notAuthorized);
  return { admitted: true, deviceId: login.identity.deviceId, login };
}
