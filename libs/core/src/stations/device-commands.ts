import type { Instant } from '../time/instant.js';

/**
 * `waiting` nobody has taken it yet · `sent` on its way, or kept for a session that is away · `delivered` the device has acknowledged it
 * · `unconfirmed` sent to a subscription of QoS 0, which acknowledges nothing · `answered` · `expired` not acknowledged in time, and withdrawn
 * · `dropped` the session that it was kept for has ended.
 */
export type CommandState = 'waiting' | 'sent' | 'delivered' | 'unconfirmed' | 'answered' | 'expired' | 'dropped';

/** What a device is asked to do: a remote procedure call of its MQTT interface. */
export interface DeviceCommand {
  /** A whole number above 0; the device gets it as part of the topic. */
  readonly id: number;
  readonly deviceId: string;
  readonly method: string;
  /** JSON. */
  readonly params: string;
  /** Who asked for it. */
  readonly by: string;
  readonly createdAt: Instant;
  /** Not delivered any more from then on. */
  readonly expiresAt: Instant;
  readonly state: CommandState;
  readonly sentAt: Instant | null;
  readonly deliveredAt: Instant | null;
  readonly answeredAt: Instant | null;
  /** What the device answered, as it came. */
  readonly answer: string | null;
}

export interface NewCommand {
  readonly deviceId: string;
  readonly method: string;
  /** JSON. */
  readonly params: string;
  readonly by: string;
  readonly expiresAt: Instant;
}

/** For those who ask a device to do something. */
export abstract class CommandDesk {
  /**
   * Hands the command in, and gives its id; a broker sends it within about a second. Rejects with CanhError `UNKNOWN_DEVICE`,
   * `BAD_COMMAND` for what no device could be sent, and `TOO_MANY_COMMANDS` while too many wait for the device.
   */
  abstract send(command: NewCommand, now: Instant): Promise<number>;
  /** The newest first, at most `limit`. Rejects with CanhError `UNKNOWN_DEVICE`. */
  abstract of(deviceId: string, limit: number): Promise<DeviceCommand[]>;
}

/** For the broker, which brings the commands to the devices. */
export abstract class CommandQueue {
  /** Commands behind `after` that wait or are on their way, oldest first. */
  abstract open(after: number, limit: number): Promise<DeviceCommand[]>;
  /** Notes what became of an open command; one that was answered meanwhile stays so. */
  abstract became(id: number, state: Exclude<CommandState, 'waiting' | 'answered'>, at: Instant): Promise<void>;
  /** Whether the device was sent this command and has not answered it. */
  abstract expectsAnswer(deviceId: string, id: number): Promise<boolean>;
  /** Keeps the first answer of the device to its command. */
  abstract answered(deviceId: string, id: number, answer: string, at: Instant): Promise<void>;
}
