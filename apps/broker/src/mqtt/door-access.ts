import { sessionIdOf } from '@canh/adapters/mqtt-sessions/session-id';
import type { MessageKind } from '@canh/core/readings/message';
import type { DeviceLogins } from '../logins/device-logins.js';
import { kindOfTopic, mayFollow } from './device-topics.js';

/** What becomes of a message: kept in the journal and forwarded to nobody, or forwarded to who follows its topic, as any MQTT server does. */
export type Becomes = MessageKind | 'forwarded';

/** What decides at the MQTT door: who is let in, and what they may publish and follow. Everything else there is the same for all. */
export interface DoorAccess extends Pick<DeviceLogins, 'login' | 'standing'> {
  /** Where not, every session is a clean one. */
  readonly keepsSessions: boolean;
  /** By what a client is known here that asks for this id; `asked` is never empty. */
  clientId(deviceId: string, asked: string): string;
  /** Undefined where nobody may publish to it. */
  becomesOf(topic: string): Becomes | undefined;
  mayFollow(filter: string): boolean;
}

/** Devices, by their credentials: each has its own client ids, and publishes to the journal alone. */
export function deviceAccess(logins: DeviceLogins, keepsSessions: boolean): DoorAccess {
  return {
    login: (shown) => logins.login(shown),
    standing: (login) => logins.standing(login),
    keepsSessions,
    clientId: sessionIdOf,
    becomesOf: kindOfTopic,
    mayFollow,
  };
}
