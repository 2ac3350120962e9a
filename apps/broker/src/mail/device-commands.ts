import type { SessionStore } from '@canh/adapters/mqtt-sessions/session-store';
import { deviceOfSession } from '@canh/adapters/mqtt-sessions/session-id';
import type { CommandQueue, OpenCommand } from '@canh/core/stations/device-commands';
import type { Clock } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import type { DeviceMailbox } from './device-mailbox.js';
import { commandOfRequest, commandOfResponse, gatewayRequestTopic, requestTopic } from '../mqtt/device-topics.js';
import { gatewayAnswer } from './gateway-answer.js';

const MOST_A_LOOK = 1_000;

/** What a session of a device may have waiting. */
export interface SessionRoom {
  readonly messages: number;
  readonly bytes: number;
}

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
    private readonly room: SessionRoom,
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

  /**
   * Keeps what was answered, on a topic that a device or a gateway answers on; whether it was asked for. Rejects where it could not be kept.
   */
  async answer(senderId: string, topic: string, payload: Buffer): Promise<boolean> {
    const id = commandOfResponse(topic);
    if (id !== null) return this.keep(senderId, id, payload.toString());
    const given = gatewayAnswer(payload.toString());
    if (given === null) return false;
    const deviceId = await this.queue.deviceBehind(senderId, given.deviceName, given.id);
    return deviceId !== null && this.keep(deviceId, given.id, given.answer, senderId);
  }

  private async keep(deviceId: string, id: number, answer: string, through = deviceId): Promise<boolean> {
    if (!(await this.queue.expectsAnswer(deviceId, id))) return false;
    await this.queue.answered(deviceId, id, answer, this.clock.now());
    await this.mailbox.withdraw(through, through === deviceId ? requestTopic(id) : gatewayRequestTopic(id));
    return true;
  }

  private async work(): Promise<void> {
    try {
      await this.noteAcknowledged();
      const open = await this.queue.open(this.after, MOST_A_LOOK);
      // In turns, where there are so many: those that wait for a device that is away hold up none of the others for long.
      this.after = open.length < MOST_A_LOOK ? 0 : open.at(-1)!.id;
      const underWay = new UnderWay(this.room);
      const commands = open.map((command) => ({ ...command, ways: waysTo(command) }));
      for (const { state, sentThrough, ways } of commands)
        if (state === 'sent') ways.filter(({ to }) => to === sentThrough).forEach((way) => underWay.add(way));
      for (const command of commands) await this.bring(command, underWay);
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
      const request = topic.slice(deviceId.length + 1);
      const id = commandOfRequest(request);
      if (id === null) continue;
      await this.queue.became(id, 'delivered', this.clock.now());
      // A device has a command once, however many sessions it left.
      await this.mailbox.withdraw(deviceId, request);
    }
    await this.store.forgetAcknowledged(topics);
  }

  private async bring(command: OpenCommand & { readonly ways: readonly Way[] }, underWay: UnderWay): Promise<void> {
    const { id, expiresAt, state, sentThrough, ways } = command;
    const now = this.clock.now();
    const ends = async (how: 'expired' | 'dropped'): Promise<void> => {
      for (const { to, topic } of ways) await this.mailbox.withdraw(to, topic);
      if (sentThrough !== null) await this.mailbox.withdraw(sentThrough, gatewayRequestTopic(id));
      await this.queue.became(id, how, now);
    };
    if (expiresAt <= now) return ends('expired');
    const under = ways.find((way) => this.isUnderWay(way));
    // Also where the device stands behind another gateway since: the one that has the command does not speak for it any more.
    if (state === 'sent') return under === undefined ? ends('dropped') : undefined;
    // Handed over before a crash, and not noted any more.
    if (under !== undefined) return this.queue.sent(id, 'sent', under.to, now);
    // Who listens now before who has a session only: it may be one that the device left long ago.
    const heard = ways.filter(({ to, topic }) => this.mailbox.isHeard(to, topic));
    for (const way of [...heard, ...ways.filter((other) => !heard.includes(other))]) {
      // One more would push the oldest out of the session.
      if (!underWay.hasRoomFor(way)) return;
      const sent = await this.mailbox.send(way.to, { topic: way.topic, payload: way.payload, expiresAt });
      if (sent === 'arriving') return;
      if (sent === 'nobody') continue;
      underWay.add(way);
      return this.queue.sent(id, sent, way.to, now);
    }
  }

  /** Waits for a connection or a session, or was acknowledged since the beginning of this look, which is noted at the next. */
  private isUnderWay({ to, topic }: Way): boolean {
    return this.mailbox.holds(to, topic) || this.store.hasAcknowledged(`${to}/${topic}`);
  }
}

/** Whose connections and sessions may take a command, and as what. */
interface Way {
  readonly to: string;
  readonly topic: string;
  readonly payload: Buffer;
}

/** What was given to each device and is not acknowledged. */
class UnderWay {
  private readonly of = new Map<string, { messages: number; bytes: number }>();

  constructor(private readonly room: SessionRoom) {}

  hasRoomFor(way: Way): boolean {
    const given = this.of.get(way.to);
    return (
      given === undefined || (given.messages < this.room.messages && given.bytes + bytesOf(way) <= this.room.bytes)
    );
  }

  add(way: Way): void {
    const given = this.of.get(way.to) ?? { messages: 0, bytes: 0 };
    this.of.set(way.to, { messages: given.messages + 1, bytes: given.bytes + bytesOf(way) });
  }
}

/** As a session counts it. */
const bytesOf = ({ to, topic, payload }: Way): number => payload.length + Buffer.byteLength(`${to}/${topic}`);

/** To the device itself, and through its gateway where it has one. */
function waysTo({ id, deviceId, method, params, gateway }: OpenCommand): Way[] {
  const asked = `"method":${JSON.stringify(method)},"params":${params}`;
  const itself = { to: deviceId, topic: requestTopic(id), payload: Buffer.from(`{${asked}}`) };
  if (gateway === null) return [itself];
  const through = `{"device":${JSON.stringify(gateway.deviceName)},"data":{"id":${id},${asked}}}`;
  return [itself, { to: gateway.id, topic: gatewayRequestTopic(id), payload: Buffer.from(through) }];
}
