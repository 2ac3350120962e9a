import type { SessionStore } from '@canh/adapters/mqtt-sessions/session-store';
import type { Log } from '@canh/runtime/log';
import { kindOfTopic } from '../mqtt/device-topics.js';
import type { Intake } from '../intake/intake.js';

const MOST_AT_ONCE = 200;

/**
 * Publishes the wills of connections that ended with an earlier broker, which was killed: their devices were heard for the last time then. Who
 * was revoked since has no will. One that cannot be kept stays for the next start.
 */
export async function publishLeftWills(
  store: SessionStore,
  intake: Intake,
  standingOf: (deviceId: string) => string | null,
  log: Log,
): Promise<void> {
  for (let after = ''; ;) {
    const wills = store.leftWills(MOST_AT_ONCE, after);
    if (wills.length === 0) return;
    after = wills.at(-1)!.sessionId;
    const outcomes = await Promise.allSettled(
      wills.map(async (will) => {
        const kind = kindOfTopic(will.topic);
        if (kind !== undefined && standingOf(will.deviceId) === will.standing)
          await intake.accept(kind, will.deviceId, will.payload);
        await store.forgetLeftWill(will);
      }),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed === undefined) continue;
    const { message } = failed.reason as Error;
    return log.error({ event: 'mqtt.wills-left', error: message }, message);
  }
}
