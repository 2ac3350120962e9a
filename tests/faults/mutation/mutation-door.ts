import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlCredentialDesk } from '@canh/adapters/records-sql/sql-credential-desk';
import { SqlCredentials } from '@canh/adapters/records-sql/sql-credentials';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { START, type JournalWriter } from '@canh/core/readings/journal';
import type { Message } from '@canh/core/readings/message';
import { openLog } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import { DeviceMail } from '../../../apps/broker/src/mail/device-mail.js';
import { Intake } from '../../../apps/broker/src/intake/intake.js';
import { MqttDoor } from '../../../apps/broker/src/mqtt/mqtt-door.js';
import type { MqttTls } from '../../../apps/broker/src/mqtt/mqtt-listeners.js';
import { doorSettings } from '../../broker/door-settings.js';

const text = { vi: 'x', en: 'x' };
const log = openLog('broker', { logLevel: 'silent' });

/** The MQTT door as it is started, on a journal of its own, with many devices and room for more connections in a second than there would be. */
export class MutationDoor {
  /** Messages that are on their way to the disk. */
  underWay = 0;
  refused = 0;
  private readTo = START;
  private door!: MqttDoor;
  private intake!: Intake;
  private mail!: DeviceMail;
  private journal!: FileJournalWriter;

  private constructor(
    private readonly folder: string,
    private readonly records: RecordsDatabase,
    readonly tokens: readonly string[],
  ) {}

  static async open(devices: number, mqttLane: boolean, tls: MqttTls | null = null): Promise<MutationDoor> {
    const folder = await mkdtemp(join(tmpdir(), 'canh-mutation-'));
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
    const key = await loadServerKey(folder);
    const desk = new SqlCredentialDesk(records, key);
    const tokens: string[] = [];
    for (let n = 0; n < devices; n += 1) {
      await inventory.putDevice({ id: `d${n}`, name: `d${n}`, stationId: 's', profileId: 'gauge', gatewayId: null });
      tokens.push(await desk.issue(`d${n}`));
    }
    const opened = new MutationDoor(folder, records, tokens);
    const journal = await FileJournalWriter.open(join(folder, 'journal'));
    opened.journal = journal;
    opened.intake = new Intake(opened.counting(journal), systemClock, log, () => (opened.refused += 1));
    const settings = doorSettings({
      dataDir: folder,
      mqttLane,
      mqttConnectsPerSecond: 100_000,
      deviceMessagesPerSecond: 100_000,
    });
    opened.mail = DeviceMail.open(settings, records, systemClock, log);
    const credentials = new SqlCredentials(records, key, systemClock);
    opened.door = await MqttDoor.open(opened.intake, credentials, settings, log, opened.mail, tls);
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

  /** Calls `each` with what came into the journal since this was called last, in its order, without the refusals. */
  async journaled(each: (message: Message) => void): Promise<void> {
    const reader = new FileJournalReader(join(this.folder, 'journal'));
    for (;;) {
      const { entries, next } = await reader.read(this.readTo, 2 ** 22);
      if (next === this.readTo) break;
      for (const { message } of entries) if (message.kind !== 'refused') each(message);
      this.readTo = next;
    }
    await reader.close();
  }

  async close(): Promise<void> {
    await this.door.close();
    await this.intake.close();
    await this.mail.close(true);
    await this.journal.close();
    await this.records.destroy();
    await rm(this.folder, { recursive: true, force: true });
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
