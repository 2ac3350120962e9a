import { connect } from 'node:net';
import { ProcessorLink } from '@canh/adapters/processor-link/processor-link';
import type { JournalEntry } from '@canh/core/readings/journal';
import type { Refusal } from '@canh/core/readings/message';
import { createHttpAdapter } from '@canh/runtime/http';
import { systemClock } from '@canh/runtime/system-clock';
import type { BrokerSettings } from '../../apps/broker/src/broker.settings.js';
import { openHttpDoor } from '../../apps/broker/src/http/http-door.js';
import type { Intake } from '../../apps/broker/src/intake/intake.js';
import { FaultyFolder } from '../faults/journal/journal.parts.js';
import { DoorOnDisk } from './door-on-disk.js';
import { doorSettings } from './door-settings.js';
import { RawDevice } from './raw-device.js';

export interface DoorsWish {
  readonly settings?: Partial<BrokerSettings>;
  readonly longestWaitMs?: number;
  /** Waited for by every sync of the journal. */
  readonly syncing?: () => Promise<void> | undefined;
}

/** The doors for MQTT and HTTP on a journal, with as many devices as are asked for, and no processor: a test says where the judge is. */
export class Doors {
  readonly devices: RawDevice[] = [];
  /** Answers of `busy` that were counted. */
  busy = 0;
  private readonly http = createHttpAdapter().getInstance();
  private httpUrl = '';

  private constructor(
    private readonly mqtt: DoorOnDisk,
    private readonly link: ProcessorLink,
  ) {}

  static async open(devices: number, { settings = {}, longestWaitMs, syncing }: DoorsWish = {}): Promise<Doors> {
    let link!: ProcessorLink;
    const mqtt = await DoorOnDisk.open({
      devices: Array.from({ length: devices }, (_, n) => `d${n}`),
      settings,
      longestWaitMs,
      askPlace: (folder) => {
        link = new ProcessorLink(folder);
        return () => link.place(5_000);
      },
      files: (real) =>
        new FaultyFolder(real, (file) => ({
          sync: async () => {
            await syncing?.();
            await file.sync();
          },
        })),
    });
    const doors = new Doors(mqtt, link);
    openHttpDoor(doors.http, {
      intake: mqtt.intake,
      credentials: mqtt.credentials,
      certificates: null,
      messageMaxBytes: doorSettings(settings).messageMaxBytes,
      clock: systemClock,
      toldBusy: () => (doors.busy += 1),
    });
    doors.httpUrl = await doors.http.listen({ host: '127.0.0.1', port: 0 });
    return doors;
  }

  get folder(): string {
    return this.mqtt.folder;
  }

  get journal(): { readonly appended: number } {
    return this.mqtt.journal;
  }

  get intake(): Intake {
    return this.mqtt.intake;
  }

  get refusals(): readonly Refusal[] {
    return this.mqtt.refusals;
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
    const connected = await RawDevice.connect(this.mqtt.port, this.mqtt.tokens[device]!);
    this.devices.push(connected);
    return connected;
  }

  private pathOf(device: number): string {
    return `/api/v1/${this.mqtt.tokens[device]}/telemetry`;
  }

  /** Everything in the journal, in its order, without what it says of refusals. */
  async journaled(): Promise<JournalEntry[]> {
    return (await this.mqtt.journaled()).filter(({ message }) => message.kind !== 'refused');
  }

  async close(): Promise<void> {
    for (const device of this.devices) device.close();
    await this.mqtt.door.close();
    await this.mqtt.intake.close();
    await this.http.close();
    this.link.close();
    await this.mqtt.close();
  }
}
