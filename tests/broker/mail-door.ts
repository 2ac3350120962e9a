import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { expect } from 'vitest';
import type { RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { SqlCommandDesk } from '@canh/adapters/records-sql/sql-device-commands';
import type { DeviceCommand } from '@canh/core/stations/device-commands';
import { HOUR_MS } from '@canh/core/time/instant';
import { systemClock } from '@canh/runtime/system-clock';
import type { BrokerSettings } from '../../apps/broker/src/broker.settings.js';
import type { DeviceMail } from '../../apps/broker/src/mail/device-mail.js';
import { eventually } from '../support/eventually.js';
import { DoorOnDisk } from './door-on-disk.js';

export const REQUESTS = 'v1/devices/me/rpc/request/+';

class LaterClock {
  laterMs = 0;

  now(): number {
    return systemClock.now() + this.laterMs;
  }
}

/** A client, and what it heard. */
export interface Heard {
  readonly device: 'a' | 'b';
  readonly client: MqttClient;
  readonly packets: IPublishPacket[];
  readonly sessionPresent: boolean;
}

/** The MQTT door with the mail of two devices, a and b, on a folder that outlives both. */
export class MailDoor {
  readonly desk: SqlCommandDesk;
  readonly tokens: Record<'a' | 'b', string>;
  private readonly clients: MqttClient[] = [];

  private constructor(
    private readonly door: DoorOnDisk,
    private readonly clock: LaterClock,
  ) {
    const [a = '', b = ''] = door.tokens;
    this.tokens = { a, b };
    this.desk = new SqlCommandDesk(door.records);
  }

  static async open(settings: Partial<BrokerSettings> = {}): Promise<MailDoor> {
    const clock = new LaterClock();
    return new MailDoor(await DoorOnDisk.open({ devices: ['a', 'b'], mail: true, clock, settings }), clock);
  }

  get mail(): DeviceMail {
    return this.door.mail!;
  }

  get folder(): string {
    return this.door.folder;
  }

  get records(): RecordsDatabase {
    return this.door.records;
  }

  get port(): number {
    return this.door.port;
  }

  /** Added to the time of day. */
  get laterMs(): number {
    return this.clock.laterMs;
  }

  set laterMs(laterMs: number) {
    this.clock.laterMs = laterMs;
  }

  /** Clients that the door counts, and that Aedes holds in memory. */
  get remembered(): { counted: number; held: number } {
    const { aedes } = this.door.door as unknown as { readonly aedes: { readonly clients: object } };
    return { counted: this.door.connections, held: Object.keys(aedes.clients).length };
  }

  start(): Promise<void> {
    return this.door.start();
  }

  /** As the process stops them. */
  stop(): Promise<void> {
    return this.door.stop();
  }

  async connect(device: 'a' | 'b', options: IClientOptions = {}): Promise<Heard> {
    const packets: IPublishPacket[] = [];
    const opened = connect(`mqtt://127.0.0.1:${this.door.port}`, {
      username: this.tokens[device],
      reconnectPeriod: 0,
      clientId: 'unit',
      clean: false,
      ...options,
    });
    this.clients.push(opened);
    opened.on('message', (_topic, _payload, packet) => packets.push(packet));
    const sessionPresent = await new Promise<boolean>((resolve, reject) => {
      opened.once('connect', (connack) => resolve(connack.sessionPresent));
      opened.once('error', reject);
    });
    opened.on('error', () => undefined);
    return { device, client: opened, packets, sessionPresent };
  }

  /** A session of the device that follows its commands, and is away. */
  async leaveSession(device: 'a' | 'b', clientId = 'unit', qos: 0 | 1 = 1): Promise<void> {
    const { client } = await this.connect(device, { clientId });
    await client.subscribeAsync(REQUESTS, { qos });
    await client.endAsync();
    await this.settled();
  }

  async send(device: 'a' | 'b', method: string, expiresInMs = HOUR_MS): Promise<number> {
    const now = this.clock.now();
    return this.desk.send(
      { deviceId: device, method, params: '{"gate":2}', by: 'trực ban', expiresAt: now + expiresInMs },
      now,
    );
  }

  async commands(device: 'a' | 'b'): Promise<DeviceCommand[]> {
    return this.desk.of(device, 100);
  }

  async states(device: 'a' | 'b'): Promise<string[]> {
    await this.mail.look();
    return (await this.commands(device)).map(({ state }) => state);
  }

  /** Nobody is connected any more, as the door sees it. */
  async settled(): Promise<void> {
    await eventually(() => expect(this.door.connections).toBe(0));
  }

  /** As the broker looks once a second. */
  dropRevoked(): Promise<void> {
    return this.door.door.dropRevoked();
  }

  revoke(device: 'a' | 'b'): Promise<void> {
    return this.door.desk.revoke(device, this.clock.now());
  }

  async dropped(): Promise<Record<string, number>> {
    const { values } = await this.door.registry.getSingleMetric('canh_mqtt_dropped_total')!.get();
    return Object.fromEntries(values.map(({ labels, value }) => [labels['reason'], value]));
  }

  journaled(): Promise<string[]> {
    return this.door.lines();
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.end(true);
    await this.door.close();
  }
}
