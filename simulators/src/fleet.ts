import { connect, type MqttClient } from 'mqtt';
import { auditTime, map, startWith, Subject, type Observable } from 'rxjs';
import { CanhError } from '@canh/core/canh-error';
import { uniform } from './random.js';

export const TELEMETRY_TOPIC = 'v1/devices/me/telemetry';

/** One device as it goes out to the field: who it is and the token it was issued. */
export interface FleetDevice {
  readonly deviceId: string;
  readonly token: string;
}

export interface FleetOptions {
  /** `mqtt://`, `mqtts://`, `ws://…/mqtt` or `wss://…/mqtt`. */
  readonly url: string;
  readonly devices: readonly FleetDevice[];
  /** PUBLISHes a device has on the way at once (default 20); the rest wait in the device. */
  readonly inFlightPerDevice?: number;
  /** Messages that may wait in one device (default 10 000); more are refused with `FLEET_QUEUE_FULL`. */
  readonly waitingPerDevice?: number;
  /** Connections being made at once (default 50). */
  readonly connectingAtOnce?: number;
  /** How long `start` tries to reach the server (default 15 s). */
  readonly connectWithinMs?: number;
  /** Without any PUBACK for so long a device drops its connection and sends again (default 30 s). */
  readonly ackWithinMs?: number;
}

export interface FleetProgress {
  readonly devices: number;
  readonly connected: number;
  /** Messages handed over by the caller. */
  readonly accepted: number;
  /** PUBLISH packets written, resends included. */
  readonly sent: number;
  readonly resent: number;
  readonly acknowledged: number;
  /** Messages that will never be acknowledged: the device was refused or the fleet stopped. */
  readonly failed: number;
  readonly waiting: number;
}

/** What sends readings for devices; a story, a replay and a test need no more of a fleet than this. */
export interface Publisher {
  /**
   * Resolves when the server has acknowledged (PUBACK, QoS 1); sends again as often as that takes.
   * An object is sent as JSON, a string or bytes as they are. Messages of one device go out in the order of the calls.
   */
  publish(deviceId: string, payload: unknown, topic?: string): Promise<void>;
}

interface Counters {
  accepted: number;
  sent: number;
  resent: number;
  acknowledged: number;
  failed: number;
}

interface Parcel {
  readonly topic: string;
  readonly bytes: Buffer;
  readonly settle: (error: CanhError | null) => void;
  tries: number;
}

const KEEPALIVE_S = 30;
const CONNACK_WITHIN_MS = 10_000;
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 5_000;
/** CONNACK codes that no second try will change: protocol, client id, user or password, not authorised. */
const REFUSED_FOR_GOOD = new Set([1, 2, 4, 5]);

/** Lets so many in at once; the others wait their turn. */
class Turnstile {
  private readonly queue: (() => void)[] = [];
  constructor(private free: number) {}

  async enter(): Promise<void> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.queue.push(resolve));
  }

  leave(): void {
    const next = this.queue.shift();
    if (next === undefined) this.free += 1;
    else next();
  }
}

/**
 * One device: a FIFO of its own over one MQTT connection at a time. The client library's own resending is not used, because it loses the
 * order of messages around a reconnect and fails those that wait; here what has no PUBACK is simply sent again, first.
 */
class DeviceLink {
  readonly ready: Promise<void>;
  connected = false;
  private client: MqttClient | null = null;
  private waiting: Parcel[] = [];
  private readonly inFlight = new Set<Parcel>();
  private over: CanhError | null = null;
  private attempts = 0;
  private lastTrouble = 'no answer';
  private retryTimer: NodeJS.Timeout | undefined;
  private ackTimer: NodeJS.Timeout | undefined;
  private settleReady: (error: CanhError | null) => void = () => {};

  constructor(
    readonly device: FleetDevice,
    private readonly options: Required<FleetOptions>,
    private readonly turnstile: Turnstile,
    private readonly counters: Counters,
    private readonly changed: () => void,
  ) {
    this.ready = new Promise((resolve, reject) => {
      this.settleReady = (error) => (error === null ? resolve() : reject(error));
    });
    this.ready.catch(() => {});
  }

  get backlog(): number {
    return this.waiting.length + this.inFlight.size;
  }

  get trouble(): string {
    return this.lastTrouble;
  }

  async connect(): Promise<void> {
    await this.turnstile.enter();
    if (this.over !== null) return this.turnstile.leave();
    let left = false;
    const leave = (): void => {
      if (!left) this.turnstile.leave();
      left = true;
    };
    const client = connect(this.options.url, {
      protocolVersion: 4,
      clientId: this.device.deviceId,
      username: this.device.token,
      clean: true,
      keepalive: KEEPALIVE_S,
      connectTimeout: CONNACK_WITHIN_MS,
      reconnectPeriod: 0,
      resubscribe: false,
    });
    this.client = client;
    client.on('connect', () => {
      leave();
      if (this.client !== client) return;
      this.connected = true;
      this.attempts = 0;
      this.settleReady(null);
      this.changed();
      this.pump();
    });
    client.on('error', (error: Error & { code?: string | number }) => {
      this.lastTrouble = error.message !== '' ? error.message : String(error.code ?? error.name);
      if (typeof error.code === 'number' && REFUSED_FOR_GOOD.has(error.code))
        this.end(
          new CanhError(
            'DEVICE_REFUSED',
            `The server refused device ${this.device.deviceId}: ${error.message}. Its token may be wrong or revoked; issue a new one with 'canh device rotate'.`,
          ),
        );
    });
    client.on('close', () => {
      leave();
      if (this.client === client) this.lost();
    });
  }

  publish(topic: string, bytes: Buffer): Promise<void> {
    this.counters.accepted += 1;
    const refusal =
      this.over ??
      (this.waiting.length >= this.options.waitingPerDevice
        ? new CanhError(
            'FLEET_QUEUE_FULL',
            `${this.waiting.length} messages already wait for device ${this.device.deviceId}. Await the earlier ones before publishing more.`,
          )
        : null);
    if (refusal !== null) {
      this.counters.failed += 1;
      return Promise.reject(refusal);
    }
    return new Promise((resolve, reject) => {
      const settle = (error: CanhError | null): void => (error === null ? resolve() : reject(error));
      this.waiting.push({ topic, bytes, settle, tries: 0 });
      this.pump();
    });
  }

  /** No more connections, and what was not acknowledged fails with `reason`. */
  end(reason: CanhError): void {
    if (this.over !== null) return;
    this.over = reason;
    clearTimeout(this.retryTimer);
    clearTimeout(this.ackTimer);
    this.connected = false;
    const unanswered = [...this.inFlight, ...this.waiting];
    this.inFlight.clear();
    this.waiting = [];
    this.counters.failed += unanswered.length;
    for (const parcel of unanswered) parcel.settle(reason);
    this.settleReady(reason);
    this.changed();
  }

  /** Resolves when the connection is closed. */
  async close(reason: CanhError): Promise<void> {
    const idle = this.inFlight.size === 0;
    this.end(reason);
    const client = this.client;
    if (client === null) return;
    // An orderly end of this client waits for every PUBACK, so it is for a device that has nothing on the way.
    await new Promise<void>((resolve) => client.end(!idle || !client.connected, {}, () => resolve()));
  }

  private pump(): void {
    const { client } = this;
    if (!this.connected || client === null) return;
    let taken = 0;
    while (this.inFlight.size < this.options.inFlightPerDevice && taken < this.waiting.length) {
      const parcel = this.waiting[taken] as Parcel;
      taken += 1;
      this.inFlight.add(parcel);
      this.counters.sent += 1;
      if (parcel.tries > 0) this.counters.resent += 1;
      parcel.tries += 1;
      client.publish(parcel.topic, parcel.bytes, { qos: 1 }, (error) => {
        // An error here means that the connection went; then the parcel is already back in the queue.
        if (!error && this.inFlight.delete(parcel)) this.acknowledged(parcel);
      });
    }
    if (taken > 0) {
      this.waiting.splice(0, taken);
      this.watchAcks();
      this.changed();
    }
  }

  private acknowledged(parcel: Parcel): void {
    this.counters.acknowledged += 1;
    parcel.settle(null);
    this.watchAcks();
    this.changed();
    this.pump();
  }

  private watchAcks(): void {
    if (this.inFlight.size === 0) {
      clearTimeout(this.ackTimer);
      this.ackTimer = undefined;
    } else if (this.ackTimer === undefined) {
      this.ackTimer = setTimeout(() => {
        this.ackTimer = undefined;
        this.lastTrouble = `no PUBACK for ${this.options.ackWithinMs} ms`;
        this.client?.stream.destroy();
      }, this.options.ackWithinMs);
    } else this.ackTimer.refresh();
  }

  private lost(): void {
    this.connected = false;
    clearTimeout(this.ackTimer);
    this.ackTimer = undefined;
    const client = this.client;
    this.client = null;
    client?.removeAllListeners();
    client?.on('error', () => {});
    client?.end(true);
    this.waiting = [...this.inFlight, ...this.waiting];
    this.inFlight.clear();
    this.changed();
    if (this.over !== null) return;
    const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.attempts, 10));
    this.attempts += 1;
    // Spread, so that a whole province does not come back in the same millisecond.
    const spread = 0.5 + uniform(0, this.device.deviceId, this.attempts);
    this.retryTimer = setTimeout(() => void this.connect(), wait * spread);
  }
}

/** Many devices over real MQTT: MQTT 3.1.1, QoS 1, the token as user name. */
export class Fleet implements Publisher {
  private readonly links = new Map<string, DeviceLink>();
  private readonly counters: Counters = { accepted: 0, sent: 0, resent: 0, acknowledged: 0, failed: 0 };
  private readonly changes = new Subject<void>();
  /** The counters, soon after subscribing and after they changed, ten times a second at most. Completes with `stop`. */
  readonly progress: Observable<FleetProgress> = this.changes.pipe(
    startWith(undefined),
    auditTime(100),
    map(() => this.counts()),
  );

  private constructor(options: Required<FleetOptions>) {
    const turnstile = new Turnstile(options.connectingAtOnce);
    const changed = (): void => this.changes.next();
    for (const device of options.devices)
      this.links.set(device.deviceId, new DeviceLink(device, options, turnstile, this.counters, changed));
  }

  /**
   * Connects every device; resolves when each has been accepted. Rejects with CanhError `DEVICE_REFUSED` when the server turns one away,
   * `FLEET_CANNOT_CONNECT` when it cannot be reached in time; nothing stays open then. Later losses of the connection are mended quietly.
   */
  static async start(options: FleetOptions): Promise<Fleet> {
    const full: Required<FleetOptions> = {
      inFlightPerDevice: 20,
      waitingPerDevice: 10_000,
      connectingAtOnce: 50,
      connectWithinMs: 15_000,
      ackWithinMs: 30_000,
      ...options,
    };
    if (!/^(mqtts?|tcp|ssl|wss?):\/\/[^/]+/.test(full.url))
      throw new CanhError(
        'BAD_URL',
        `'${full.url}' is not the address of an MQTT server. Write mqtt://host:1883 or ws://host:8080/mqtt.`,
      );
    const fleet = new Fleet(full);
    const links = [...fleet.links.values()];
    for (const link of links) void link.connect();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const missing = links.filter((link) => !link.connected);
        reject(
          new CanhError(
            'FLEET_CANNOT_CONNECT',
            `${missing.length} of ${links.length} devices could not connect to ${full.url} within ${full.connectWithinMs} ms` +
              ` (${missing[0]?.trouble ?? 'no answer'}). Is Canh running there, and is it this port?`,
          ),
        );
      }, full.connectWithinMs);
    });
    try {
      await Promise.race([Promise.all(links.map((link) => link.ready)), late]);
    } catch (error) {
      await fleet.stop();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    return fleet;
  }

  publish(deviceId: string, payload: unknown, topic: string = TELEMETRY_TOPIC): Promise<void> {
    const link = this.links.get(deviceId);
    if (link === undefined)
      return Promise.reject(
        new CanhError('UNKNOWN_DEVICE', `Device ${deviceId} is not in this fleet. Start the fleet with it.`),
      );
    return link.publish(topic, toBytes(payload));
  }

  counts(): FleetProgress {
    const links = [...this.links.values()];
    return {
      devices: links.length,
      connected: links.filter((link) => link.connected).length,
      ...this.counters,
      waiting: links.reduce((sum, link) => sum + link.backlog, 0),
    };
  }

  /** Disconnects every device. What has no PUBACK yet fails with CanhError `FLEET_STOPPED`; await it before to be sure. */
  async stop(): Promise<void> {
    const reason = new CanhError(
      'FLEET_STOPPED',
      'The fleet was stopped before the server acknowledged this message. Publish it again.',
    );
    await Promise.all([...this.links.values()].map((link) => link.close(reason)));
    this.changes.complete();
  }
}

function toBytes(payload: unknown): Buffer {
  if (typeof payload === 'string') return Buffer.from(payload);
  if (payload instanceof Uint8Array) return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  return Buffer.from(JSON.stringify(payload));
}
