import type { SessionStore } from '@canh/adapters/mqtt-sessions/session-store';
import { deviceOfSession } from '@canh/adapters/mqtt-sessions/session-id';
import type { CommandQueue, DeviceCommand } from '@canh/core/stations/device-commands';
import type { Clock } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import type { DeviceMailbox } from './device-mailbox.js';
import { commandOfRequest, requestTopic } from '../mqtt/device-topics.js';

const MOST_A_LOOK = 1_000;

/**
 * Brings commands to their devices: looks for new ones, hands them to the mailbox, and notes what became of them. What a device has
 * acknowledged stands in the sessions until it is noted here, so a crash between the two forgets nothing.
 */
export class DeviceCommands {
  private looking: Promise<void> | null = null;
  private problem: string | null = null;
  private after = 0;

  constructor(
    private readonly queue: CommandQueue,
    private readonly mailbox: DeviceMailbox,
    private readonly store: SessionStore,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** Never rejects: what fails is tried at the next look. */
  look(): Promise<void> {
    this.looking ??= this.work().finally(() => (this.looking = null));
    return this.looking;
  }

  /** Resolves when no look is under way. */
  async close(): Promise<void> {
    await this.looking;
  }

  /** Keeps what a device answered; whether it was asked for. Rejects where it could not be kept. */
  async answer(deviceId: string, id: number, payload: Buffer): Promise<boolean> {
    if (!(await this.queue.expectsAnswer(deviceId, id))) return false;
    await this.queue.answered(deviceId, id, payload.toString(), this.clock.now());
    await this.mailbox.withdraw(deviceId, requestTopic(id));
    return true;
  }

  private async work(): Promise<void> {
    try {
      await this.noteAcknowledged();
      const open = await this.queue.open(this.after, MOST_A_LOOK);
      // In turns, where there are so many: those that wait for a device that is away hold up none of the others for long.
      this.after = open.length < MOST_A_LOOK ? 0 : open.at(-1)!.id;
      for (const command of open) await this.bring(command);
      this.problem = null;
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.problem) this.log.error({ event: 'commands.waiting', error: message }, message);
      this.problem = message;
    }
  }

  private async noteAcknowledged(): Promise<void> {
    const topics = this.store.acknowledged(MOST_A_LOOK);
    for (const topic of topics) {
      const deviceId = deviceOfSession(topic);
      const id = commandOfRequest(topic.slice(deviceId.length + 1));
      if (id === null) continue;
      await this.queue.became(id, 'delivered', this.clock.now());
      // A device has a command once, however many sessions it left.
      await this.mailbox.withdraw(deviceId, requestTopic(id));
    }
    await this.store.forgetAcknowledged(topics);
  }

  private async bring({ id, deviceId, method, params, state, expiresAt }: DeviceCommand): Promise<void> {
    const now = this.clock.now();
    const topic = requestTopic(id);
    if (expiresAt <= now) {
      await this.mailbox.withdraw(deviceId, topic);
      return this.queue.became(id, 'expired', now);
    }
    if (state === 'sent') {
      // What was acknowledged since the beginning of this look is noted at the next.
      if (this.mailbox.holds(deviceId, topic) || this.store.hasAcknowledged(`${deviceId}/${topic}`)) return;
      return this.queue.became(id, 'dropped', now);
    }
    const payload = Buffer.from(`{"method":${JSON.stringify(method)},"params":${params}}`);
    const sent = await this.mailbox.send(deviceId, { topic, payload, expiresAt });
    if (sent === 'sent' || sent === 'unconfirmed') await this.queue.became(id, sent, now);
  }
}
