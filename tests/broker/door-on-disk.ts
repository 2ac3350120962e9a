import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { NodeSegmentFolder } from '@canh/adapters/journal-files/node-segment-folder';
import type { SegmentFolder } from '@canh/adapters/journal-files/segment-folder';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { loadServerKey, type ServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlCredentialDesk } from '@canh/adapters/records-sql/sql-credential-desk';
import { SqlCredentials } from '@canh/adapters/records-sql/sql-credentials';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { START, type JournalEntry, type JournalOffset, type JournalWriter } from '@canh/core/readings/journal';
import type { Message, Refusal } from '@canh/core/readings/message';
import type { Clock } from '@canh/core/time/instant';
import { openLog } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import type { BrokerSettings } from '../../apps/broker/src/broker.settings.js';
import { DeviceMail } from '../../apps/broker/src/mail/device-mail.js';
import { Intake, type AskPlace } from '../../apps/broker/src/intake/intake.js';
import { MqttDoor } from '../../apps/broker/src/mqtt/mqtt-door.js';
import type { MqttTls } from '../../apps/broker/src/mqtt/mqtt-listeners.js';
import { doorSettings } from './door-settings.js';

const text = { vi: 'x', en: 'x' };
const log = openLog('broker', { logLevel: 'silent' });

export interface DoorWish {
  /** A device by its id, or with the station, and its unit, that it is of. */
  readonly devices: readonly (string | { readonly id: string; readonly station: string })[];
  readonly settings?: Partial<BrokerSettings>;
  readonly clock?: Clock;
  /** With commands to devices, and sessions and wills that outlive it. */
  readonly mail?: boolean;
  readonly tls?: (folder: string) => MqttTls | Promise<MqttTls>;
  /** Where the judge is; without it nobody waits for one. */
  readonly askPlace?: (folder: string) => AskPlace;
  readonly longestWaitMs?: number | undefined;
  /** Stands in front of the journal's files. */
  readonly files?: ((files: SegmentFolder) => SegmentFolder) | undefined;
}

/** The MQTT door as the broker starts it, with devices, their tokens, journal and mail in a folder that outlives a stop. */
export class DoorOnDisk {
  readonly refusals: Refusal[] = [];
  /** Messages that are on their way to the disk. */
  underWay = 0;
  journal!: FileJournalWriter;
  intake!: Intake;
  door!: MqttDoor;
  mail: DeviceMail | null = null;
  registry!: Registry;
  private tls: MqttTls | null = null;
  private readTo = START;

  private constructor(
    readonly folder: string,
    readonly records: RecordsDatabase,
    readonly inventory: SqlInventoryDesk,
    readonly desk: SqlCredentialDesk,
    readonly credentials: SqlCredentials,
    /** In the order of the devices that were wished for. */
    readonly tokens: readonly string[],
    private readonly clock: Clock,
    private readonly wish: DoorWish,
  ) {}

  static async open(wish: DoorWish): Promise<DoorOnDisk> {
    const folder = await mkdtemp(join(tmpdir(), 'canh-door-'));
    const records = await openRecords(join(folder, 'records.sqlite'));
    const key: ServerKey = await loadServerKey(folder);
    const inventory = new SqlInventoryDesk(records);
    const desk = new SqlCredentialDesk(records, key);
    const devices = wish.devices.map((device) => (typeof device === 'string' ? { id: device, station: 's' } : device));
    await inventory.putArea({ id: 'x', names: text, parentId: null, validFrom: null, validTo: null });
    for (const station of new Set(devices.map((device) => device.station)))
      await inventory.putStation({
        id: station,
        names: text,
        areaId: 'x',
        ownerUnit: station,
        position: { latitude: 16, longitude: 107 },
        profileId: 'gauge',
        limits: [],
      });
    const tokens: string[] = [];
    for (const { id, station } of devices) {
      await inventory.putDevice({ id, name: id, stationId: station, profileId: 'gauge', gatewayId: null });
      tokens.push(await desk.issue(id));
    }
    const clock = wish.clock ?? systemClock;
    const credentials = new SqlCredentials(records, key, clock);
    const opened = new DoorOnDisk(folder, records, inventory, desk, credentials, tokens, clock, wish);
    opened.tls = (await wish.tls?.(folder)) ?? null;
    await opened.start();
    return opened;
  }

  get port(): number {
    return this.door.mqttPort;
  }

  get wsPort(): number {
    return this.door.wsPort;
  }

  get mqttsPort(): number {
    return this.door.mqttsPort;
  }

  get connections(): number {
    return this.door.connections;
  }

  /** `changed`: settings that are others from now on. */
  async start(changed: Partial<BrokerSettings> = {}): Promise<void> {
    const { mail, settings, askPlace, longestWaitMs, files } = this.wish;
    const path = join(this.folder, 'journal');
    this.journal = await FileJournalWriter.open(files?.(await NodeSegmentFolder.make(path)) ?? path);
    this.intake = new Intake(
      this.counting(this.journal),
      this.clock,
      log,
      (refusal) => this.refusals.push(refusal),
      askPlace?.(this.folder),
      longestWaitMs,
    );
    this.registry = new Registry();
    if (mail === true) {
      this.mail = DeviceMail.open(doorSettings({ dataDir: this.folder, ...settings }), this.records, this.clock, log);
      this.mail.addTo(this.registry);
      await this.mail.publishLeftWills(this.intake);
    }
    this.door = await this.openDoor(changed);
  }

  /** One more on the same journal. */
  openDoor(changed: Partial<BrokerSettings> = {}): Promise<MqttDoor> {
    const settings = doorSettings({ dataDir: this.folder, ...this.wish.settings, ...changed });
    return MqttDoor.open(this.intake, this.credentials, settings, log, this.mail, this.tls);
  }

  /** As the process stops them. */
  async stop(): Promise<void> {
    await this.door.close();
    await this.intake.close();
    await this.mail?.close(true);
    await this.journal.close();
  }

  /** Everything in the journal, in its order. */
  async journaled(): Promise<JournalEntry[]> {
    const all: JournalEntry[] = [];
    await this.readFrom(START, (entry) => all.push(entry));
    return all;
  }

  /** The same as a kind, a device and a payload each. */
  async lines(): Promise<string[]> {
    return (await this.journaled()).map(
      ({ message }) => `${message.kind} ${message.deviceId} ${Buffer.from(message.payload).toString()}`,
    );
  }

  /** Calls `each` with what came into the journal since this was called last, in its order, without the refusals. */
  async readOn(each: (message: Message) => void): Promise<void> {
    this.readTo = await this.readFrom(this.readTo, ({ message }) => {
      if (message.kind !== 'refused') each(message);
    });
  }

  async close(): Promise<void> {
    await this.stop();
    await this.records.destroy();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async readFrom(from: JournalOffset, each: (entry: JournalEntry) => void): Promise<JournalOffset> {
    const reader = new FileJournalReader(join(this.folder, 'journal'));
    try {
      for (;;) {
        const { entries, next } = await reader.read(from, 2 ** 22);
        if (next === from) return from;
        for (const entry of entries) each(entry);
        from = next;
      }
    } finally {
      await reader.close();
    }
  }

  /** The journal, and how much of it is not on disk yet. */
  private counting(journal: FileJournalWriter): JournalWriter {
    const settled = (): void => void (this.underWay -= 1);
    return {
      append: (message) => {
        this.underWay += 1;
        const durable = journal.append(message);
        durable.then(settled, settled);
        return durable;
      },
    } as JournalWriter;
  }
}
