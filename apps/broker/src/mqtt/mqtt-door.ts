import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Aedes, type AuthenticateError, type Client } from 'aedes';
import type { Refusal } from '@canh/core/readings/message';
import type { Credentials } from '@canh/core/stations/credentials';
import { type Instant, SECOND_MS } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import type { BrokerSettings } from '../broker.settings.js';
import { clientCertificate, DeviceCertificates } from '../logins/device-certificates.js';
import { DeviceLogins, type LoggedIn, type Login } from '../logins/device-logins.js';
import { DevicePaces } from './device-pace.js';
import type { DeviceMail } from '../mail/device-mail.js';
import { commandOfResponse, RECEIVED } from './device-topics.js';
import { deviceAccess, type DoorAccess } from './door-access.js';
import type { Intake } from '../intake/intake.js';
import { MqttListeners, type MqttTls, type TurnedAway } from './mqtt-listeners.js';
import { boundFilters } from './filter-bound.js';
import { keepPacketRules } from './packet-rules.js';
import { paceReading } from './paced-reading.js';
import { PubAcks } from './pub-acks.js';
import { LANE_TOPICS, TelemetryLane } from './telemetry-lane.js';

/** A subscriber that has not read for so long is cut off; by default it would hold up everybody for a minute. */
const DRAIN_WITHIN_MS = 5_000;
const LONGEST_CLIENT_ID = 256;
/** QoS 2 messages of one client that it has not released yet: more than clients send at once. Of each, some hundred bytes are held. */
const MOST_HALF_DONE = 10_000;
const NOTHING = Buffer.alloc(0);
/** Topic, ids and the like around a payload. */
const MOST_BYTES_AROUND = 65_536;
/** MQTT 3.1.1, 3.2.2.3. */
const CONNACK = { identifierRejected: 2, serverUnavailable: 3, badUserNameOrPassword: 4, notAuthorized: 5 } as const;
/** As CONNECT gives the version of the protocol; 4 is MQTT 3.1.1. */
const MQTT_3_1 = 3;
/** Four of these still fit into a timer. */
const NEVER_MS = 500_000_000;
const FORBIDDEN_TOPIC = 'forbidden topic';
const TOO_LARGE = 'payload too large';
/** Aedes' own words. */
const CLOSED = 'connection closed';
/** Of what a device answers to a command; it is kept in the records. */
const MOST_BYTES_OF_ANSWER = 65_536;

/** Of a CONNECT packet, what is looked at and changed. */
interface Connect {
  readonly username?: string | undefined;
  readonly password?: Buffer | undefined;
  /** Seconds; 0 for none. */
  readonly keepalive?: number | undefined;
  clientId: string;
  clean: boolean;
  readonly protocolVersion?: number | undefined;
  readonly will?: { readonly topic: string } | undefined;
}

type Verdict =
  | { readonly admitted: true; readonly deviceId: string; readonly login: LoggedIn }
  | {
      readonly admitted: false;
      readonly reason: Refusal['reason'];
      readonly detail: string;
      readonly returnCode: number;
    };

const turnedAway = (reason: Refusal['reason'], detail: string, returnCode: number): Verdict => ({
  admitted: false,
  reason,
  detail,
  returnCode,
});

export type MqttDoorSettings = Pick<
  BrokerSettings,
  | 'host'
  | 'mqttPort'
  | 'wsPort'
  | 'messageMaxBytes'
  | 'mqttLane'
  | 'deviceMessagesPerSecond'
  | 'mqttConnections'
  | 'mqttConnectionsPerAddress'
  | 'mqttConnectsPerSecond'
  | 'mqttConnectSeconds'
  | 'mqttConnectMaxBytes'
  | 'mqttKeepaliveMaxSeconds'
  | 'mqttFiltersMax'
>;

/** What is kept for those who are away, and sent to those who are there. */
export type DoorMail = Pick<DeviceMail, 'store' | 'mailbox' | 'answer'>;

/**
 * MQTT over TCP and WebSocket, through Aedes. The journal stands in `authorizePublish`: that is the one hook which Aedes runs before
 * the PUBACK, so the device is told "received" after the fdatasync and never before.
 */
export class MqttDoor {
  private readonly verdicts = new WeakMap<Client, Verdict>();
  private readonly connected = new Set<Client>();
  private readonly lanes = new WeakMap<Client, TelemetryLane>();
  private readonly acks = new PubAcks();
  private readonly paces: DevicePaces;
  /** How often a device was not read from because it sent more than it may. */
  slowed = 0;
  /** Whose password is being looked at, and how their connection is read from again. */
  private readonly lookedAt = new WeakMap<Client, () => void>();

  private constructor(
    private readonly intake: Intake,
    private readonly access: DoorAccess,
    private readonly settings: MqttDoorSettings,
    private readonly log: Log,
    private readonly mail: DoorMail | null,
  ) {
    this.paces = new DevicePaces(settings.deviceMessagesPerSecond, () => performance.now());
  }

  private aedes!: Aedes;
  private listeners!: MqttListeners;

  /** Opens both ports. Throws CanhError `PORT_NOT_OPEN` with the setting that chooses another. */
  static open(
    intake: Intake,
    credentials: Credentials,
    settings: MqttDoorSettings,
    log: Log,
    mail: DoorMail | null = null,
    tls: MqttTls | null = null,
  ): Promise<MqttDoor> {
    const certificates = tls === null ? null : new DeviceCertificates(tls.tls, credentials, systemClock);
    const access = deviceAccess(new DeviceLogins(credentials, certificates), mail !== null);
    return MqttDoor.openTo(access, intake, settings, log, mail, tls);
  }

  /** The same for others than devices. */
  static async openTo(
    access: DoorAccess,
    intake: Intake,
    settings: MqttDoorSettings,
    log: Log,
    mail: DoorMail | null = null,
    tls: MqttTls | null = null,
  ): Promise<MqttDoor> {
    const door = new MqttDoor(intake, access, settings, log, mail);
    door.aedes = await Aedes.createBroker({
      // Without a limit of its own, one subscriber cannot use up the emitter's places and stall all others.
      concurrency: 0,
      connectTimeout: settings.mqttConnectSeconds * SECOND_MS,
      drainTimeout: DRAIN_WITHIN_MS,
      maxInflightInbound: MOST_HALF_DONE,
      // Its heart would tell it, whenever the clock is set forward, that it is dead, and publish the wills of all who are connected.
      heartbeatInterval: NEVER_MS,
      // MQTT 3.1 knows 23 characters, which the device's id in front would exceed; how long one may be is checked before.
      maxClientsIdLength: 4 * LONGEST_CLIENT_ID,
      preConnect: (client, packet, done) => door.identify(client, packet as Connect, done),
      authenticate: (client, _username, _password, done) => door.admit(client, done),
      authorizePublish: (client, packet, done) => door.take(client, packet, done),
      authorizeSubscribe: (client, subscription, done) =>
        done(null, door.mayFollow(client, subscription.topic) ? subscription : null),
      // A second lock behind the filters: nothing that a device published leaves by any way, and what is for a device leaves to it alone.
      authorizeForward: (client, packet) => {
        if (mail === null) return packet.topic === RECEIVED ? null : packet;
        return mail.mailbox.forward(client, door.admitted(client)?.deviceId ?? '', packet);
      },
      ...(mail === null ? {} : { persistence: mail.store }),
    });
    onlyUnregisterItself(door.aedes);
    door.aedes.on('clientReady', (client: Client) => {
      if (client.conn.destroyed) return;
      door.connected.add(client);
      client.conn.once('close', () => door.connected.delete(client));
      mail?.mailbox.isReady(client);
      // It may have been withdrawn between the look and this moment.
      door.dropIfRevoked(client);
    });
    // Not in its types, and without a listener the end of the process.
    (door.aedes as EventEmitter).on('error', (error: Error) =>
      log.error({ event: 'mqtt.broker', error: error.message }, error.message),
    );
    door.aedes.on('connectionError', (client: Client, error: Error) => door.protocolError(client, error));
    door.aedes.on('clientError', (client: Client, error: Error) => door.protocolError(client, error));
    const { host, mqttPort, wsPort, messageMaxBytes } = settings;
    const limits = {
      connections: settings.mqttConnections,
      connectionsPerAddress: settings.mqttConnectionsPerAddress,
      connectsPerSecond: settings.mqttConnectsPerSecond,
    };
    const ports = {
      host,
      mqttPort,
      wsPort,
      mostBytes: messageMaxBytes + MOST_BYTES_AROUND,
      limits,
      tls,
    };
    const turnedAway = ({ door: at, address, why }: TurnedAway): void =>
      intake.refuse('', { door: at, reason: 'too-many-connections', detail: why, address });
    try {
      door.listeners = await MqttListeners.open(
        ports,
        (stream, request) => door.handle(stream, request),
        turnedAway,
        log,
      );
    } catch (error) {
      await new Promise<void>((resolve) => door.aedes.close(resolve));
      throw error;
    }
    return door;
  }

  get connections(): number {
    return this.connected.size;
  }

  get mqttPort(): number {
    return this.listeners.mqttPort;
  }

  /** 0 where MQTT is not spoken over TLS. */
  get mqttsPort(): number {
    return this.listeners.mqttsPort;
  }

  get wsPort(): number {
    return this.listeners.wsPort;
  }

  /** Hangs up on every client whose token, password or certificate was withdrawn since it connected. */
  dropRevoked(): void {
    for (const client of this.connected) this.dropIfRevoked(client);
  }

  /** Hangs up on every client whose credential has run out by itself. */
  dropEnded(now: Instant): void {
    for (const client of this.connected) {
      const until = this.admitted(client)?.login.identity.until ?? null;
      if (until !== null && until <= now) this.dropIfRevoked(client);
    }
  }

  private dropIfRevoked(client: Client): void {
    const admitted = this.admitted(client);
    if (admitted === null) return;
    const login = this.access.standing(admitted.login);
    if (login !== null) return void this.verdicts.set(client, { ...admitted, login });
    this.refuse(client, 'unknown-credential', 'its credential was withdrawn or has run out');
    // Nor does its will count, which Aedes asks about when it closes.
    this.verdicts.set(client, turnedAway('unknown-credential', 'withdrawn', CONNACK.notAuthorized));
    client.close();
  }

  /** Takes nothing new, and lets go of everybody. What was accepted is in the journal's hands. */
  async close(): Promise<void> {
    this.listeners.close();
    await new Promise<void>((resolve) => this.aedes.close(resolve));
  }

  private handle(stream: Duplex, request?: IncomingMessage): void {
    const client = this.aedes.handle(stream, request);
    const most = (): number =>
      // What came in one piece with a CONNECT whose password is looked at may be of somebody who is let in; nothing more is read until then.
      this.admitted(client) !== null || this.lookedAt.has(client)
        ? this.settings.messageMaxBytes + MOST_BYTES_AROUND
        : this.settings.mqttConnectMaxBytes;
    const lane = TelemetryLane.before({
      client,
      acks: this.acks,
      topics: this.settings.mqttLane ? LANE_TOPICS : [],
      mostBytes: most,
      exceeded: (bytes) => {
        this.refuse(client, 'too-large', `a packet of ${bytes} bytes, at most ${most()}`);
        client.conn.destroy();
      },
      mostPayloadBytes: this.settings.messageMaxBytes,
      deviceId: () => this.admitted(client)?.deviceId,
      pace: () => {
        const admitted = this.admitted(client);
        return admitted === null ? null : this.paces.of(admitted.deviceId);
      },
      slowed: () => (this.slowed += 1),
      take: (kind, deviceId, payload, told) => this.intake.take(kind, deviceId, payload, told),
    });
    this.lanes.set(client, lane);
    keepPacketRules(client);
    boundFilters(client, this.settings.mqttFiltersMax, (filters) => {
      this.refuse(
        client,
        'too-many-filters',
        `${filters} filters in one packet, at most ${this.settings.mqttFiltersMax}`,
      );
      client.conn.destroy();
    });
    paceReading(
      client,
      (again) =>
        this.mayReadOn(client, again) &&
        lane.mayRead(again) &&
        this.intake.mayRead(this.admitted(client)?.deviceId ?? '', again),
    );
  }

  /**
   * Who is it? Told before Aedes takes up the client id, since that id is made part of the credential's: two clients of one device may
   * use any ids they like, and no id of another device can be taken over.
   */
  private identify(client: Client, packet: Connect, done: (error: Error | null, success: boolean) => void): void {
    if (!this.access.keepsSessions) packet.clean = true;
    const found = (login: Login): void => {
      if (client.conn.destroyed) return;
      const verdict = this.verdictOn(login, packet);
      this.verdicts.set(client, verdict);
      if (verdict.admitted) packet.clientId = this.access.clientId(verdict.deviceId, packet.clientId || randomUUID());
      done(null, true);
    };
    const failed = (error: Error): void => {
      if (client.conn.destroyed) return;
      this.log.error({ event: 'mqtt.unidentified', error: error.message }, error.message);
      done(error, false);
    };
    const { username, password } = packet;
    const gone = (): boolean => client.conn.destroyed;
    const certificate = clientCertificate(client.req?.socket ?? client.conn);
    let login: Login | Promise<Login>;
    try {
      login = this.access.login({ username, password, certificate, address: addressOf(client), gone });
    } catch (error) {
      return failed(error as Error);
    }
    if (!(login instanceof Promise)) return found(login);
    this.lookedAt.set(client, () => undefined);
    const readOn = (): void => {
      const again = this.lookedAt.get(client);
      this.lookedAt.delete(client);
      again?.();
    };
    // Before that turn of the loop is over, Aedes has paused it until it is connected.
    void login.then(found, failed).finally(() => setImmediate(readOn));
  }

  /** While its password is looked at, nothing more is taken into memory of somebody who may be anybody. */
  private mayReadOn(client: Client, again: () => void): boolean {
    if (!this.lookedAt.has(client)) return true;
    this.lookedAt.set(client, again);
    return false;
  }

  private verdictOn(login: Login, packet: Connect): Verdict {
    const { clientId, will, keepalive = 0 } = packet;
    if (!login.ok) {
      const returnCode = login.comeAgain ? CONNACK.serverUnavailable : CONNACK.badUserNameOrPassword;
      return turnedAway('unknown-credential', login.detail, returnCode);
    }
    if (clientId.length > LONGEST_CLIENT_ID) {
      const detail = `a client id of ${clientId.length} characters, at most ${LONGEST_CLIENT_ID}`;
      return turnedAway('bad-client-id', detail, CONNACK.identifierRejected);
    }
    if (clientId === '' && (!packet.clean || packet.protocolVersion === MQTT_3_1)) {
      const detail = 'an empty client id, for which MQTT 3.1 has no place and MQTT 3.1.1 keeps no session';
      return turnedAway('bad-client-id', detail, CONNACK.identifierRejected);
    }
    const longest = this.settings.mqttKeepaliveMaxSeconds;
    if (longest > 0 && (keepalive === 0 || keepalive > longest)) {
      const detail = `a keep-alive of ${keepalive} seconds, at least 1 and at most ${longest} (CANH_MQTT_KEEPALIVE_MAX_SECONDS)`;
      return turnedAway('bad-keep-alive', detail, CONNACK.notAuthorized);
    }
    if (will !== undefined && this.access.becomesOf(will.topic) === undefined)
      return turnedAway('forbidden-topic', `a will on ${will.topic.slice(0, 200)}`, CONNACK.notAuthorized);
    return { admitted: true, deviceId: login.identity.deviceId, login };
  }

  private admitted(client: Client): (Verdict & { admitted: true }) | null {
    const verdict = this.verdicts.get(client);
    return verdict?.admitted === true ? verdict : null;
  }

  private admit(client: Client, done: (error: AuthenticateError | null, success: boolean | null) => void): void {
    // Who has gone meanwhile, or was let go of because the door closes, is nobody's any more.
    if (client.conn.destroyed) return;
    const verdict = this.verdicts.get(client);
    if (verdict?.admitted === true) this.mail?.mailbox.arrives(client, verdict.deviceId);
    if (verdict?.admitted !== false) return done(null, verdict !== undefined);
    const { reason, detail, returnCode } = verdict;
    this.refuse(client, reason, detail);
    done(Object.assign(new Error(reason), { returnCode }) as AuthenticateError, false);
  }

  private take(
    client: Client | null,
    packet: { topic: string; payload: Buffer | string; retain: boolean },
    done: (error?: Error | null) => void,
  ): void {
    const deviceId = client === null ? undefined : this.admitted(client)?.deviceId;
    // Without a client it is a will that Aedes found left over; those are published before the door opens (left-wills.ts).
    if (client === null || deviceId === undefined) return done(new Error(FORBIDDEN_TOPIC));
    const commandId = this.mail === null ? null : commandOfResponse(packet.topic);
    if (commandId !== null) return this.takeAnswer(client, { deviceId, commandId }, packet, done);
    const kind = this.access.becomesOf(packet.topic);
    if (kind === undefined) {
      this.refuse(client, 'forbidden-topic', `published to ${packet.topic.slice(0, 200)}`);
      return done(new Error(FORBIDDEN_TOPIC));
    }
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    if (payload.length > this.settings.messageMaxBytes) {
      this.refuse(
        client,
        'too-large',
        `a payload of ${payload.length} bytes, at most ${this.settings.messageMaxBytes}`,
      );
      return done(new Error(TOO_LARGE));
    }
    if (kind === 'forwarded') return done(null);
    packet.topic = RECEIVED;
    packet.retain = false;
    // It is forwarded to nobody; at QoS 2 Aedes would hold it until the client releases it.
    packet.payload = NOTHING;
    this.intake.take(kind, deviceId, payload, (error) => this.told(client, error, done));
  }

  private takeAnswer(
    client: Client,
    { deviceId, commandId }: { readonly deviceId: string; readonly commandId: number },
    packet: { topic: string; payload: Buffer | string; retain: boolean },
    done: (error?: Error | null) => void,
  ): void {
    const payload = Buffer.from(packet.payload);
    if (payload.length > MOST_BYTES_OF_ANSWER) {
      this.refuse(client, 'too-large', `an answer of ${payload.length} bytes, at most ${MOST_BYTES_OF_ANSWER}`);
      return done(new Error(TOO_LARGE));
    }
    packet.topic = RECEIVED;
    packet.retain = false;
    const told = (error: Error | null): void => this.told(client, error, done);
    this.mail!.answer(deviceId, commandId, payload).then(() => told(null), told);
  }

  /** What becomes of a message is known. */
  private told(client: Client, error: Error | null, done: (error?: Error | null) => void): void {
    // What came before it is acknowledged before it.
    this.lanes.get(client)?.flush();
    // Nobody is there to be told: at QoS 2 Aedes would remember it for a session that has ended, for ever.
    done(error ?? (client.conn.destroyed ? new Error(CLOSED) : null));
  }

  private mayFollow(client: Client, filter: string): boolean {
    const allowed = this.access.mayFollow(filter);
    if (!allowed) this.refuse(client, 'forbidden-filter', `subscribed to ${filter.slice(0, 200)}`);
    return allowed;
  }

  /** What came was not the MQTT that is spoken here. Lines that broke, and what was refused above, are reported here by Aedes, too. */
  private protocolError(client: Client, error: Error & { code?: string; errorCode?: number }): void {
    const { message } = error;
    if (error.errorCode === UNACCEPTABLE_PROTOCOL)
      this.refuse(client, 'protocol', 'asked for a version of MQTT other than 3.1 and 3.1.1');
    else if (error.code === undefined && error.errorCode === undefined && !OF_EVERY_DAY.has(message))
      this.refuse(client, 'protocol', message);
    else this.log.debug({ event: 'mqtt.closed', deviceId: this.admitted(client)?.deviceId, error: message }, message);
  }

  private refuse(client: Client, reason: Refusal['reason'], detail: string): void {
    const door = client.req === undefined ? 'mqtt' : 'ws';
    this.intake.refuse(this.admitted(client)?.deviceId ?? '', { door, reason, detail, address: addressOf(client) });
  }
}

const REGISTER = '_finishRegisterClient';

/** Of Aedes 1, and none of its types. */
interface Registering {
  readonly clients: Readonly<Record<string, Client | undefined>>;
  unregisterClient(client: Client): void;
  [REGISTER](client: Client): void;
}

/**
 * A client that comes back while its last connection is still being closed is registered before that one is unregistered, and by the same
 * id: Aedes then forgets the new one, which is there.
 */
function onlyUnregisterItself(aedes: Aedes): void {
  const broker = aedes as unknown as Registering;
  const unregister = broker.unregisterClient.bind(broker);
  broker.unregisterClient = (client) => {
    if (broker.clients[client.id] === client) unregister(client);
  };
  // One that hung up while it was let in has ended before it is registered, and nobody would ever unregister it.
  const register = broker[REGISTER].bind(broker);
  broker[REGISTER] = (client) => {
    if (!client.closed) register(client);
  };
}

function addressOf({ conn, req }: Client): string {
  return (conn as { remoteAddress?: string }).remoteAddress ?? req?.socket.remoteAddress ?? '';
}

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
