import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { Registry } from 'prom-client';
import { expect } from 'vitest';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlCommandDesk } from '@canh/adapters/records-sql/sql-device-commands';
import { SqlCredentialDesk } from '@canh/adapters/records-sql/sql-credential-desk';
import { SqlCredentials } from '@canh/adapters/records-sql/sql-credentials';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { START } from '@canh/core/readings/journal';
import type { DeviceCommand } from '@canh/core/stations/device-commands';
import { HOUR_MS } from '@canh/core/time/instant';
import { openLog } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import type { BrokerSettings } from '../../apps/broker/src/broker.settings.js';
import { DeviceMail } from '../../apps/broker/src/mail/device-mail.js';
import { Intake } from '../../apps/broker/src/intake/intake.js';
import { MqttDoor } from '../../apps/broker/src/mqtt/mqtt-door.js';
import { eventually } from '../support/eventually.js';
import { doorSettings } from './door-settings.js';

export const REQUESTS = 'v1/devices/me/rpc/request/+';
const text = { vi: 'x', en: 'x' };
const log = openLog('broker', { logLevel: 'silent' });

/** A client, and what it heard. */
export interface Heard {
  readonly device: 'a' | 'b';
  readonly client: MqttClient;
  readonly packets: IPublishPacket[];
  readonly sessionPresent: boolean;
}

/** The MQTT door with the mail of two devices, a and b, on a folder that outlives both. */
export class MailDoor {
  mail!: DeviceMail;
  /** Added to the time of day. */
  laterMs = 0;
  desk!: SqlCommandDesk;
  private door!: MqttDoor;
  private journal!: FileJournalWriter;
  private intake!: Intake;
  private registry!: Registry;
  private readonly clients: MqttClient[] = [];
  private readonly clock = { now: () => systemClock.now() + this.laterMs };

  private constructor(
    readonly folder: string,
    readonly records: RecordsDatabase,
    readonly tokens: Record<'a' | 'b', string>,
    private readonly changed: Partial<BrokerSettings>,
  ) {
    this.desk = new SqlCommandDesk(records);
  }

  static async open(changed: Partial<BrokerSettings> = {}): Promise<MailDoor> {
    const folder = await mkdtemp(join(tmpdir(), 'canh-mail-'));
    const records = await openRecords(join(folder, 'records.sqlite'));
    const inventory = new SqlInventoryDesk(records);
    await inventory.putArea({ id: 'x', names: text, parentId: null, validFrom: null, validTo: null });
    await inventory.putStation({
      id: 's',
      names: text,
      areaId: 'x',
      ownerUnit: 'x',
      position: { latitude: 16, longitude: 107 },
      profileId: 'gauge',
      limits: [],
    });
    const credentials = new SqlCredentialDesk(records, await loadServerKey(folder));
    const issue = async (id: string): Promise<string> => {
      await inventory.putDevice({ id, name: id, stationId: 's', profileId: 'gauge', gatewayId: null });
      return credentials.issue(id);
    };
    const door = new MailDoor(folder, records, { a: await issue('a'), b: await issue('b') }, changed);
    await door.start();
    return door;
  }

  get port(): number {
    return this.door.mqttPort;
  }

  /** Clients that the door counts, and that Aedes holds in memory. */
  get remembered(): { counted: number; held: number } {
    const { aedes } = this.door as unknown as { readonly aedes: { readonly clients: object } };
    return { counted: this.door.connections, held: Object.keys(aedes.clients).length };
  }

  async start(): Promise<void> {
    this.journal = await FileJournalWriter.open(join(this.folder, 'journal'));
    this.intake = new Intake(this.journal, this.clock, log, () => undefined);
    const settings = doorSettings({ dataDir: this.folder, ...this.changed });
    const credentials = new SqlCredentials(this.records, await loadServerKey(this.folder), this.clock);
    this.mail = DeviceMail.open(settings, this.records, this.clock, log);
    this.registry = new Registry();
    this.mail.addTo(this.registry);
    await this.mail.publishLeftWills(this.intake);
    this.door = await MqttDoor.open(this.intake, credentials, settings, log, this.mail);
  }

  /** As the process stops them. */
  async stop(): Promise<void> {
    await this.door.close();
    await this.intake.close();
    await this.mail.close(true);
    await this.journal.close();
  }

  async connect(device: 'a' | 'b', options: IClientOptions = {}): Promise<Heard> {
    const packets: IPublishPacket[] = [];
    const opened = connect(`mqtt://127.0.0.1:${this.door.mqttPort}`, {
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
    return this.door.dropRevoked();
  }

  revoke(device: 'a' | 'b'): Promise<void> {
    return loadServerKey(this.folder).then((key) =>
      new SqlCredentialDesk(this.records, key).revoke(device, this.clock.now()),
    );
  }

  async dropped(): Promise<Record<string, number>> {
    const { values } = await this.registry.getSingleMetric('canh_mqtt_dropped_total')!.get();
    return Object.fromEntries(values.map(({ labels, value }) => [labels['reason'], value]));
  }

  async journaled(): Promise<string[]> {
    const reader = new FileJournalReader(join(this.folder, 'journal'));
    const all: string[] = [];
    for (let from = START; ;) {
      const { entries, next } = await reader.read(from, 2 ** 20);
      if (next === from) break;
      for (const { message } of entries)
        all.push(`${message.kind} ${message.deviceId} ${Buffer.from(message.payload).toString()}`);
      from = next;
    }
    await reader.close();
    return all;
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.end(true);
    await this.stop();
    await this.records.destroy();
    await rm(this.folder, { recursive: true, force: true });
  }
}
