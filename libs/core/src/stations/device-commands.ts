import { DAY_MS, type Instant } from '../time/instant.js';

/** In characters. */
export const LONGEST_METHOD = 100;
/** As UTF-8. */
export const MOST_BYTES_OF_PARAMS = 16_384;
/** A command is not kept longer than that for a device that is away. */
export const LONGEST_KEPT_MS = 30 * DAY_MS;

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
  /** Who asked for it: an operator's id, or the login at the command line. */
  readonly by: string;
  readonly createdAt: Instant;
  /** Not delivered any more from then on. */
  readonly expiresAt: Instant;
  readonly state: CommandState;
  readonly sentAt: Instant | null;
  readonly deliveredAt: Instant | null;
  readonly answeredAt: Instant | null;
  /** Whose connection or session it was given to: the device's own, or that of its gateway. Null before it is sent. */
  readonly sentThrough: string | null;
  /** What the device answered, as it came. */
  readonly answer: string | null;
}

/** A command that waits or is on its way, with the way there is through a gateway. */
export interface OpenCommand extends DeviceCommand {
  /** The gateway that speaks for the device, and how it calls it; null where the device speaks for itself only. */
  readonly gateway: { readonly id: string; readonly deviceName: string } | null;
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
  /** Null where the device has no such command. Rejects with CanhError `UNKNOWN_DEVICE`. */
  abstract one(deviceId: string, id: number): Promise<DeviceCommand | null>;
  /** Of each device that has any, the newest first, at most `each`. */
  abstract newest(deviceIds: readonly string[], each: number): Promise<ReadonlyMap<string, readonly DeviceCommand[]>>;
}

/** For the broker, which brings the commands to the devices. */
export abstract class CommandQueue {
  /** Commands behind `after` that wait or are on their way, oldest first. */
  abstract open(after: number, limit: number): Promise<OpenCommand[]>;
  /** Notes that it was given to the connections and sessions of `through`; one that was answered meanwhile stays so. */
  abstract sent(id: number, state: 'sent' | 'unconfirmed', through: string, at: Instant): Promise<void>;
  /** Notes what became of an open command; one that was answered meanwhile stays so. */
  abstract became(id: number, state: 'delivered' | 'expired' | 'dropped', at: Instant): Promise<void>;
  /** Whether the device was sent this command and has not answered it. */
  abstract expectsAnswer(deviceId: string, id: number): Promise<boolean>;
  /** Of a command to a device that the gateway calls so, that device; null where the gateway does not speak for it. */
  abstract deviceBehind(gatewayId: string, deviceName: string, commandId: number): Promise<string | null>;
  /** Keeps the first answer of the device to its command. */
  abstract answered(deviceId: string, id: number, answer: string, at: Instant): Promise<void>;
}
