import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { ProcessorLink } from '@canh/adapters/processor-link/processor-link';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlCredentialDesk } from '@canh/adapters/records-sql/sql-credential-desk';
import { SqlCredentials } from '@canh/adapters/records-sql/sql-credentials';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { START, type JournalEntry } from '@canh/core/readings/journal';
import type { Refusal } from '@canh/core/readings/message';
import { openLog } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import { Intake } from '../../apps/broker/src/intake.js';
import { MqttDoor } from '../../apps/broker/src/mqtt-door.js';
import { RawDevice } from './raw-device.js';

const text = { vi: 'x', en: 'x' };
const log = openLog('broker', { logLevel: 'silent' });

/** The MQTT door on a journal, with as many devices as are asked for, and no processor: a test says where the judge is. */
export class Doors {
  readonly refusals: Refusal[] = [];
  readonly devices: RawDevice[] = [];
  intake!: Intake;
  private door!: MqttDoor;
  private link!: ProcessorLink;

  private constructor(
    readonly folder: string,
    readonly journal: FileJournalWriter,
    private readonly records: RecordsDatabase,
    private readonly tokens: readonly string[],
  ) {}

  static async open(devices: number, longestWaitMs?: number): Promise<Doors> {
    const folder = await mkdtemp(join(tmpdir(), 'canh-doors-'));
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
    const journal = await FileJournalWriter.open(join(folder, 'journal'));
    const doors = new Doors(folder, journal, records, tokens);
    doors.link = new ProcessorLink(folder);
    doors.intake = new Intake(
      journal,
      systemClock,
      log,
      (refusal) => doors.refusals.push(refusal),
      () => doors.link.place(5_000),
      longestWaitMs,
    );
    const settings = { host: '127.0.0.1', mqttPort: 0, wsPort: 0, messageMaxBytes: 262_144 };
    doors.door = await MqttDoor.open(doors.intake, new SqlCredentials(records, key), settings, log);
    return doors;
  }

  async connect(device: number): Promise<RawDevice> {
    const connected = await RawDevice.connect(this.door.mqttPort, this.tokens[device]!);
    this.devices.push(connected);
    return connected;
  }

  /** Everything in the journal, in its order, without what it says of refusals. */
  async journaled(): Promise<JournalEntry[]> {
    const reader = new FileJournalReader(join(this.folder, 'journal'));
    const all: JournalEntry[] = [];
    for (let from = START; ;) {
      const { entries, next } = await reader.read(from, 2 ** 22);
      if (next === from) break;
      for (const entry of entries) if (entry.message.kind !== 'refused') all.push(entry);
      from = next;
    }
    await reader.close();
    return all;
  }

  async close(): Promise<void> {
    for (const device of this.devices) device.close();
    await this.door.close();
    await this.intake.close();
    this.link.close();
    await this.journal.close();
    await this.records.destroy();
    await rm(this.folder, { recursive: true, force: true });
  }
}
