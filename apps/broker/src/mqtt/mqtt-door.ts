import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Aedes, type Client } from 'aedes';
import type { Credentials } from '@canh/core/stations/credentials';
import { type Instant, SECOND_MS } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import type { BrokerSettings } from '../broker.settings.js';
import type { Intake } from '../intake/intake.js';
import { DeviceCertificates } from '../logins/device-certificates.js';
import { DeviceLogins } from '../logins/device-logins.js';
import type { DeviceMail } from '../mail/device-mail.js';
import { onlyUnregisterItself } from './aedes-registration.js';
import { ClientVerdicts } from './client-verdicts.js';
import { type Connect, LONGEST_SESSION_ID } from './connect-verdict.js';
import { ConnectedClients } from './connected-clients.js';
import { Connects } from './connects.js';
import { DevicePaces } from './device-pace.js';
import { RECEIVED } from './device-topics.js';
import { deviceAccess, type DoorAccess } from './door-access.js';
import { type Ending, protocolErrorIn } from './endings.js';
import { boundFilters } from './filter-bound.js';
import { MqttListeners, type MqttTls } from './mqtt-listeners.js';
import { paceReading } from './paced-reading.js';
import { keepPacketRules } from './packet-rules.js';
import { PubAcks } from './pub-acks.js';
import { Publishes } from './publishes.js';
import { LANE_TOPICS, TelemetryLane } from './telemetry-lane.js';

/** A subscriber that has not read for so long is cut off; by default it would hold up everybody for a minute. */
const DRAIN_WITHIN_MS = 5_000;
/** QoS 2 messages of one client that it has not released yet: more than clients send at once. Of each, some hundred bytes are held. */
const MOST_HALF_DONE = 10_000;
/** Topic, ids and the like around a payload. */
const MOST_BYTES_AROUND = 65_536;
/** Four of these still fit into a timer. */
const NEVER_MS = 500_000_000;

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
  private readonly verdicts: ClientVerdicts;
  private readonly clients: ConnectedClients;
  private readonly connects: Connects;
  private readonly publishes: Publishes;
  private readonly lanes = new WeakMap<Client, TelemetryLane>();
  private readonly acks = new PubAcks();
  private readonly paces: DevicePaces;
  /** How often a device was not read from because it sent more than it may. */
  slowed = 0;
  private aedes!: Aedes;
  private listeners!: MqttListeners;

  private constructor(
    private readonly intake: Intake,
    private readonly access: DoorAccess,
    private readonly settings: MqttDoorSettings,
    private readonly log: Log,
    private readonly mail: DoorMail | null,
  ) {
    this.verdicts = new ClientVerdicts(intake);
    this.clients = new ConnectedClients(this.verdicts, access);
    this.connects = new Connects(this.verdicts, access, mail?.mailbox ?? null, settings.mqttKeepaliveMaxSeconds, log);
    this.publishes = new Publishes(intake, this.verdicts, access, mail, settings.messageMaxBytes, (client) =>
      this.lanes.get(client)?.flush(),
    );
    this.paces = new DevicePaces(settings.deviceMessagesPerSecond, () => performance.now());
  }

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
    door.aedes = await door.openAedes();
    try {
      door.listeners = await door.listen(tls);
    } catch (error) {
      await new Promise<void>((resolve) => door.aedes.close(resolve));
      throw error;
    }
    return door;
  }

  get connections(): number {
    return this.clients.count;
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

  /**
   * Hangs up on every client whose token, password or certificate was withdrawn since it connected. Resolves when all were looked at;
   * rejects where the records cannot be asked.
   */
  dropRevoked(): Promise<void> {
    return this.clients.dropRevoked();
  }

  /** Hangs up on every client whose credential has run out by itself; resolves and rejects as `dropRevoked`. */
  dropEnded(now: Instant): Promise<void> {
    return this.clients.dropEnded(now);
  }

  /** Takes nothing new, and lets go of everybody. What was accepted is in the journal's hands. */
  async close(): Promise<void> {
    this.listeners.close();
    await new Promise<void>((resolve) => this.aedes.close(resolve));
  }

  private async openAedes(): Promise<Aedes> {
    const { settings, mail } = this;
    const aedes = await Aedes.createBroker({
      // Without a limit of its own, one subscriber cannot use up the emitter's places and stall all others.
      concurrency: 0,
      connectTimeout: settings.mqttConnectSeconds * SECOND_MS,
      drainTimeout: DRAIN_WITHIN_MS,
      maxInflightInbound: MOST_HALF_DONE,
      // Its heart would tell it, whenever the clock is set forward, that it is dead, and publish the wills of all who are connected.
      heartbeatInterval: NEVER_MS,
      maxClientsIdLength: LONGEST_SESSION_ID,
      preConnect: (client, packet, done) => this.connects.identify(client, packet as Connect, done),
      authenticate: (client, _username, _password, done) => this.connects.admit(client, done),
      authorizePublish: (client, packet, done) => this.publishes.take(client, packet, done),
      authorizeSubscribe: (client, subscription, done) =>
        done(null, this.mayFollow(client, subscription.topic) ? subscription : null),
      // A second lock behind the filters: nothing that a device published leaves by any way, and what is for a device leaves to it alone.
      authorizeForward: (client, packet) => {
        if (mail === null) return packet.topic === RECEIVED ? null : packet;
        return mail.mailbox.forward(client, this.verdicts.admitted(client)?.deviceId ?? '', packet);
      },
      ...(mail === null ? {} : { persistence: mail.store }),
    });
    onlyUnregisterItself(aedes);
    aedes.on('clientReady', (client: Client) => {
      if (client.conn.destroyed) return;
      this.clients.add(client);
      mail?.mailbox.isReady(client);
      // It may have been withdrawn between the look and this moment.
      this.clients.dropIfRevoked(client);
    });
    // Not in its types, and without a listener the end of the process.
    (aedes as EventEmitter).on('error', (error: Error) =>
      this.log.error({ event: 'mqtt.broker', error: error.message }, error.message),
    );
    aedes.on('connectionError', (client: Client, error: Error) => this.ended(client, error));
    aedes.on('clientError', (client: Client, error: Error) => this.ended(client, error));
    return aedes;
  }

  private listen(tls: MqttTls | null): Promise<MqttListeners> {
    const { settings, intake } = this;
    const { host, mqttPort, wsPort } = settings;
    const limits = {
      connections: settings.mqttConnections,
      connectionsPerAddress: settings.mqttConnectionsPerAddress,
      connectsPerSecond: settings.mqttConnectsPerSecond,
    };
    return MqttListeners.open(
      { host, mqttPort, wsPort, mostBytes: this.mostPacketBytes, limits, tls },
      (stream, request) => this.handle(stream, request),
      ({ door, address, why }) => intake.refuse('', { door, reason: 'too-many-connections', detail: why, address }),
      this.log,
    );
  }

  /** Of who was let in. */
  private get mostPacketBytes(): number {
    return this.settings.messageMaxBytes + MOST_BYTES_AROUND;
  }

  private handle(stream: Duplex, request?: IncomingMessage): void {
    const client = this.aedes.handle(stream, request);
    const { settings, intake, verdicts, connects } = this;
    const most = (): number =>
      // What came in one piece with a CONNECT whose password is looked at may be of somebody who is let in; nothing more is read until then.
      verdicts.admitted(client) !== null || connects.isLookedAt(client)
        ? this.mostPacketBytes
        : settings.mqttConnectMaxBytes;
    const lane = TelemetryLane.before({
      client,
      acks: this.acks,
      topics: settings.mqttLane ? LANE_TOPICS : [],
      mostBytes: most,
      exceeded: (bytes) => {
        verdicts.refuse(client, 'too-large', `a packet of ${bytes} bytes, at most ${most()}`);
        client.conn.destroy();
      },
      mostPayloadBytes: settings.messageMaxBytes,
      deviceId: () => verdicts.admitted(client)?.deviceId,
      pace: () => {
        const admitted = verdicts.admitted(client);
        return admitted === null ? null : this.paces.of(admitted.deviceId);
      },
      slowed: () => (this.slowed += 1),
      take: (kind, deviceId, payload, told) => intake.take(kind, deviceId, payload, told),
    });
    this.lanes.set(client, lane);
    keepPacketRules(client);
    boundFilters(client, settings.mqttFiltersMax, (filters) => {
      const detail = `${filters} filters in one packet, at most ${settings.mqttFiltersMax}`;
      verdicts.refuse(client, 'too-many-filters', detail);
      client.conn.destroy();
    });
    paceReading(
      client,
      (again) =>
        connects.mayReadOn(client, again) &&
        lane.mayRead(again) &&
        intake.mayRead(verdicts.admitted(client)?.deviceId ?? '', again),
    );
  }

  private mayFollow(client: Client, filter: string): boolean {
    const allowed = this.access.mayFollow(filter);
    if (!allowed) this.verdicts.refuse(client, 'forbidden-filter', `subscribed to ${filter.slice(0, 200)}`);
    return allowed;
  }

  private ended(client: Client, error: Ending): void {
    // Who was in the middle of something when this closes did nothing wrong.
    const wrong = this.aedes.closed ? null : protocolErrorIn(error);
    if (wrong !== null) return this.verdicts.refuse(client, 'protocol', wrong);
    const { message } = error;
    const deviceId = this.verdicts.admitted(client)?.deviceId;
    this.log.debug({ event: 'mqtt.closed', deviceId, error: message }, message);
  }
}
