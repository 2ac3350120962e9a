import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { NodeSegmentFolder } from '@canh/adapters/journal-files/node-segment-folder';
import { ProcessorLink } from '@canh/adapters/processor-link/processor-link';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlCredentialDesk } from '@canh/adapters/records-sql/sql-credential-desk';
import { SqlCredentials } from '@canh/adapters/records-sql/sql-credentials';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { START, type JournalEntry } from '@canh/core/readings/journal';
import type { Refusal } from '@canh/core/readings/message';
import { createHttpAdapter } from '@canh/runtime/http';
import { openLog } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import type { BrokerSettings } from '../../apps/broker/src/broker.settings.js';
import { openHttpDoor } from '../../apps/broker/src/http/http-door.js';
import { Intake } from '../../apps/broker/src/intake/intake.js';
import { MqttDoor } from '../../apps/broker/src/mqtt/mqtt-door.js';
import { FaultyFolder } from '../faults/journal/journal.parts.js';
import { doorSettings } from './door-settings.js';
import { RawDevice } from './raw-device.js';

const text = { vi: 'x', en: 'x' };
const log = openLog('broker', { logLevel: 'silent' });

/** The doors for MQTT and HTTP on a journal, with as many devices as are asked for, and no processor: a test says where the judge is. */
export class Doors {
  readonly refusals: Refusal[] = [];
  readonly devices: RawDevice[] = [];
  /** Answers of `busy` that were counted. */
  busy = 0;
  intake!: Intake;
  private door!: MqttDoor;
  private link!: ProcessorLink;
  private readonly http = createHttpAdapter().getInstance();
  private httpUrl = '';

  private constructor(
    readonly folder: string,
    readonly journal: FileJournalWriter,
    private readonly records: RecordsDatabase,
    private readonly tokens: readonly string[],
  ) {}

  /** `syncing` is waited for by every sync of the journal. */
  static async open(
    devices: number,
    longestWaitMs?: number,
    syncing?: () => Promise<void>,
    mqttLane = true,
    changed: Partial<BrokerSettings> = {},
  ): Promise<Doors> {
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
    const files = await NodeSegmentFolder.make(join(folder, 'journal'));
    const slow = new FaultyFolder(files, (file) => ({
      sync: async () => {
        await syncing?.();
        await file.sync();
      },
    }));
    const journal = await FileJournalWriter.open(slow);
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
    const settings = doorSettings({ mqttLane, ...changed });
    const credentials = new SqlCredentials(records, key, systemClock);
    doors.door = await MqttDoor.open(doors.intake, credentials, settings, log);
    openHttpDoor(doors.http, {
      intake: doors.intake,
      credentials,
      certificates: null,
      messageMaxBytes: settings.messageMaxBytes,
      clock: systemClock,
      toldBusy: () => (doors.busy += 1),
    });
    doors.httpUrl = await doors.http.listen({ host: '127.0.0.1', port: 0 });
    return doors;
  }

  post(device: number, body: string): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    return fetch(`${this.httpUrl}${this.pathOf(device)}`, { method: 'POST', headers, body });
  }

  /** Announces a body of so many bytes, sends one of them and hangs up. */
  async postHalf(device: number, bytes: number): Promise<void> {
    const socket = connect(Number(new URL(this.httpUrl).port), '127.0.0.1');
    const head = `POST ${this.pathOf(device)} HTTP/1.1\r\nHost: canh\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n`;
    await new Promise((resolve) => socket.write(`${head}{`, resolve));
    socket.destroy();
  }

  async connect(device: number): Promise<RawDevice> {
    const connected = await RawDevice.connect(this.door.mqttPort, this.tokens[device]!);
    this.devices.push(connected);
    return connected;
  }

  private pathOf(device: number): string {
    return `/api/v1/${this.tokens[device]}/telemetry`;
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
    await this.http.close();
    this.link.close();
    await this.journal.close();
    await this.records.destroy();
    await rm(this.folder, { recursive: true, force: true });
  }
}
