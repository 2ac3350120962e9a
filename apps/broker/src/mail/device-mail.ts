import { join, resolve } from 'node:path';
import { Gauge, type Registry } from 'prom-client';
import { SessionStore } from '@canh/adapters/mqtt-sessions/session-store';
import type { RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { SqlCommandQueue } from '@canh/adapters/records-sql/sql-device-commands';
import { SqlDeviceStanding } from '@canh/adapters/records-sql/sql-device-standing';
import { type Clock, DAY_MS, HOUR_MS } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import type { BrokerSettings } from '../broker.settings.js';
import { DeviceCommands } from './device-commands.js';
import { DeviceMailbox } from './device-mailbox.js';
import { mayFollow, RECEIVED } from '../mqtt/device-topics.js';
import { DroppedMail } from './dropped-mail.js';
import type { Intake } from '../intake/intake.js';
import { publishLeftWills } from './left-wills.js';

const AGE_EVERY_MS = HOUR_MS;

export type MailSettings = Pick<
  BrokerSettings,
  'dataDir' | 'mqttQueueMessages' | 'mqttQueueKb' | 'mqttSessionsPerDevice' | 'mqttSessionDays' | 'mqttRetainedTopics'
>;

/** Everything that is kept for devices: their sessions, their wills, and the commands to them. */
export class DeviceMail {
  readonly dropped: DroppedMail;
  readonly store: SessionStore;
  readonly mailbox: DeviceMailbox;
  private readonly standing: SqlDeviceStanding;
  private readonly commands: DeviceCommands;
  private agedAt = performance.now();

  private constructor(
    settings: MailSettings,
    records: RecordsDatabase,
    clock: Clock,
    private readonly log: Log,
  ) {
    this.dropped = new DroppedMail(log, () => performance.now());
    this.standing = new SqlDeviceStanding(records);
    this.store = SessionStore.open({
      file: join(resolve(settings.dataDir), 'sessions.sqlite'),
      limits: {
        queueMessages: settings.mqttQueueMessages,
        queueBytes: settings.mqttQueueKb * 1_024,
        sessionsPerDevice: settings.mqttSessionsPerDevice,
        idleMs: settings.mqttSessionDays * DAY_MS,
        retainedTopics: settings.mqttRetainedTopics,
      },
      clock,
      standingOf: (deviceId) => this.standing.of(deviceId),
      keeps: mayFollow,
      unkeptTopic: RECEIVED,
      dropped: (reason, count, sessionId) => this.dropped.add(reason, count, sessionId),
    });
    this.mailbox = new DeviceMailbox(this.store);
    const room = { messages: settings.mqttQueueMessages, bytes: settings.mqttQueueKb * 1_024 };
    this.commands = new DeviceCommands(new SqlCommandQueue(records), this.mailbox, this.store, room, clock, log);
    const { damaged } = this.store;
    if (damaged !== null) log.error({ event: 'mqtt.sessions-damaged', damaged }, this.warnings[0]);
  }

  /** Throws CanhError `SESSIONS_UNOPENABLE`, `SESSIONS_NEWER`. */
  static open(settings: MailSettings, records: RecordsDatabase, clock: Clock, log: Log): DeviceMail {
    return new DeviceMail(settings, records, clock, log);
  }

  get warnings(): string[] {
    const { damaged } = this.store;
    const lost =
      damaged === null
        ? []
        : [`The sessions of MQTT clients could not be read and are in ${damaged}; devices begin new ones.`];
    return [...lost, ...this.dropped.warnings];
  }

  /** Before anybody connects. */
  publishLeftWills(intake: Intake): Promise<void> {
    return publishLeftWills(this.store, intake, (deviceId) => this.standing.of(deviceId), this.log);
  }

  /** Brings new commands to their devices, and lets sessions grow older. Never rejects. */
  async look(): Promise<void> {
    await this.commands.look();
    const elapsedMs = performance.now() - this.agedAt;
    if (elapsedMs < AGE_EVERY_MS) return;
    this.agedAt += elapsedMs;
    await this.store.age(elapsedMs).catch((error: Error) => this.failed('mqtt.sessions-not-aged', error));
  }

  /** After somebody was revoked or removed. Never rejects. */
  dropRevoked(): Promise<void> {
    return this.store.dropRevoked().catch((error: Error) => this.failed('mqtt.sessions-kept', error));
  }

  /** Keeps what a device answered to its command, or a gateway to one for a device behind it. Rejects where that could not be kept. */
  async answer(senderId: string, topic: string, payload: Buffer): Promise<void> {
    const expected = await this.commands.answer(senderId, topic, payload);
    if (!expected) this.dropped.add('unknown-command', 1, senderId);
  }

  addTo(registry: Registry): void {
    const { store } = this;
    this.dropped.countIn(registry);
    const gauge = (name: string, help: string, value: () => number): void => {
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(value());
        },
      });
    };
    gauge('canh_mqtt_sessions', 'MQTT sessions that outlive their connections.', () => store.sessions);
    gauge(
      'canh_mqtt_queued_messages',
      'Messages that wait for a device, or for its acknowledgement.',
      () => store.waiting,
    );
  }

  /** After the doors are closed and what came in is on disk: `told` says that the wills of all connections are, too. */
  async close(told: boolean): Promise<void> {
    await this.commands.close();
    if (told) await this.store.forgetWills().catch((error: Error) => this.failed('mqtt.wills-kept', error));
    await this.store.destroy();
  }

  private failed(event: string, error: Error): void {
    this.log.error({ event, error: error.message }, error.message);
  }
}
