import { join } from 'node:path';
import type { Client } from 'aedes';
import { SessionStore } from '@canh/adapters/mqtt-sessions/session-store';
import { DAY_MS } from '@canh/core/time/instant';
import { systemClock } from '@canh/runtime/system-clock';
import { DeviceMailbox } from '../../apps/broker/src/mail/device-mailbox.js';
import { RECEIVED } from '../../apps/broker/src/mqtt/device-topics.js';
import type { DoorAccess } from '../../apps/broker/src/mqtt/door-access.js';
import type { DoorMail } from '../../apps/broker/src/mqtt/mqtt-door.js';
import { doorSettings } from '../broker/door-settings.js';

const ANYBODY = { deviceId: 'anybody', credential: '', until: null };

/** An MQTT server as any other: whoever comes is let in with the session and client id that they ask for, and hears what others publish. */
export const OPEN_TO_ALL: DoorAccess = {
  login: () => ({ ok: true, identity: ANYBODY, certificate: null }),
  standing: (login) => login,
  keepsSessions: true,
  clientId: (_deviceId, asked) => asked,
  becomesOf: (topic) => (topic.startsWith('$SYS/') ? undefined : 'forwarded'),
  mayFollow: () => true,
};

/** The sessions as they are kept for devices, with what devices never get: the messages of others. */
export function mailForAll(folder: string): DoorMail {
  const settings = doorSettings();
  const store = SessionStore.open({
    file: join(folder, 'sessions.sqlite'),
    limits: {
      queueMessages: settings.mqttQueueMessages,
      queueBytes: settings.mqttQueueKb * 1_024,
      sessionsPerDevice: settings.mqttSessionsPerDevice,
      idleMs: settings.mqttSessionDays * DAY_MS,
      retainedTopics: settings.mqttRetainedTopics,
    },
    clock: systemClock,
    standingOf: () => '',
    keeps: () => true,
    unkeptTopic: RECEIVED,
    dropped: () => undefined,
  });
  return { store, mailbox: new ForwardingMailbox(store), answer: () => Promise.resolve() };
}

class ForwardingMailbox extends DeviceMailbox {
  override forward<P>(_client: Client, _deviceId: string, packet: P): P {
    return packet;
  }
}
