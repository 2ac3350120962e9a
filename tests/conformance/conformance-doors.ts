import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { openLog } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import { Intake } from '../../apps/broker/src/intake/intake.js';
import { MqttDoor } from '../../apps/broker/src/mqtt/mqtt-door.js';
import { doorSettings } from '../broker/door-settings.js';
import { mailForAll, OPEN_TO_ALL } from './open-to-all.js';

const log = openLog('broker', { logLevel: 'silent' });

/** Opens a door for each `open <port>` that it is sent, answers `ready`, and closes the door when that line is hung up. */
export class ConformanceDoors {
  private readonly closing = new Set<Promise<void>>();

  private constructor(
    private readonly server: Server,
    private readonly mqttLane: boolean,
  ) {
    server.on('connection', (line) => {
      const served = this.serve(line)
        .catch((error: Error) => void line.destroy(error))
        .finally(() => this.closing.delete(served));
      this.closing.add(served);
    });
  }

  static async open(mqttLane: boolean): Promise<ConformanceDoors> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    const doors = new ConformanceDoors(server, mqttLane);
    await once(server, 'listening');
    return doors;
  }

  get controlPort(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.server.close();
    await Promise.all(this.closing);
  }

  private async serve(line: Socket): Promise<void> {
    line.on('error', () => undefined);
    const hungUp = once(line, 'end');
    const [asked] = (await once(line, 'data')) as [Buffer];
    const mqttPort = Number(/^open (\d+)\n$/.exec(asked.toString())?.[1]);
    const folder = await mkdtemp(join(tmpdir(), 'canh-conformance-'));
    const journal = await FileJournalWriter.open(join(folder, 'journal'));
    const intake = new Intake(journal, systemClock, log, () => undefined);
    const settings = doorSettings({ mqttPort, mqttLane: this.mqttLane });
    const mail = mailForAll(folder);
    const door = await MqttDoor.openTo(OPEN_TO_ALL, intake, settings, log, mail);
    line.write('ready\n');
    await hungUp;
    await door.close();
    await intake.close();
    await mail.store.destroy();
    await journal.close();
    await rm(folder, { recursive: true, force: true });
    line.end();
  }
}
