import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ProcessorLink } from '@canh/adapters/processor-link/processor-link';
import { openRecords } from '@canh/adapters/records-sql/open-records';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlCredentialDesk } from '@canh/adapters/records-sql/sql-credential-desk';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { SqlOutbox } from '@canh/adapters/records-sql/sql-outbox';
import { cpuSeconds, start } from './processes.js';

const PROGRAM = fileURLToPath(new URL('../../dist/apps/canh/src/main.js', import.meta.url));
const DEVICES = fileURLToPath(new URL('./devices', import.meta.url));
const LOOK_EVERY_MS = 50;
const STUCK_AFTER_MS = 20_000;
/** What mqtt-load.c sends in one message. */
export const READINGS_PER_MESSAGE = 6;

/** The inventory that every round starts from. */
export interface Inventory {
  readonly dataDir: string;
  /** A token a line, one for each connection. */
  readonly tokensFile: string;
}

/** As many devices as connections, each at a station of its own with limits of its own. */
export async function prepareInventory(folder: string, devices: number): Promise<Inventory> {
  const dataDir = join(folder, 'inventory');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const records = await openRecords(join(dataDir, 'records.sqlite'));
  const inventory = new SqlInventoryDesk(records);
  const credentials = new SqlCredentialDesk(records, await loadServerKey(dataDir));
  const always = { validFrom: null, validTo: null };
  const limit = { ...always, metric: 'level_m', document: 'tests/bench' };
  const tokens: string[] = [];
  try {
    await inventory.putArea({ id: 'bench', names: { vi: 'Đo tải', en: 'Bench' }, parentId: null, ...always });
    for (let number = 0; number < devices; number += 1) {
      const id = `bench-${number}`;
      await inventory.putStation({
        id,
        names: { vi: `Trạm ${number}`, en: `Station ${number}` },
        areaId: 'bench',
        ownerUnit: 'tests/bench',
        position: { latitude: 16.8, longitude: 107.1 },
        profileId: 'bench-station',
        limits: [
          { ...limit, name: 'alarm_1', value: 2 },
          { ...limit, name: 'alarm_2', value: 3.5 },
        ],
      });
      await inventory.putDevice({ id, name: id, stationId: id, profileId: 'bench-station', gatewayId: null });
      tokens.push(await credentials.issue(id));
    }
  } finally {
    await records.destroy();
  }
  const tokensFile = join(folder, 'tokens.txt');
  await writeFile(tokensFile, tokens.join('\n'));
  return { dataDir, tokensFile };
}

/** What Canh says that it has done with the messages it acknowledged. */
export interface Kept {
  readonly onDisk: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly quarantined: number;
  readonly evaluated: number;
  readonly alertsOpen: number;
  readonly lag: number;
  readonly loopDelayP99Ms: number;
}

export interface CanhUnderTest {
  readonly pid: number;
  readonly port: number;
  /** Waits until it is decided who is told of each alert. */
  noticesPlanned(): Promise<void>;
  /** Waits until all readings of the acknowledged messages are judged and stored; how long that took, and the CPU meanwhile. */
  drain(readings: number): Promise<{ seconds: number; cpuSeconds: number }>;
  kept(): Promise<Kept>;
  stop(): Promise<void>;
}

/** Canh as a user runs it, on a data folder of its own that starts with the inventory. */
export async function startCanh(
  { dataDir: inventory }: Inventory,
  dataDir: string,
  nodeOptions: readonly string[],
): Promise<CanhUnderTest> {
  await cp(inventory, dataDir, { recursive: true });
  const server = start(process.execPath, ['--enable-source-maps', ...nodeOptions, PROGRAM, 'start'], {
    CANH_DATA_DIR: dataDir,
    CANH_DEVICES_DIR: DEVICES,
    CANH_MQTT_PORT: '0',
    CANH_HTTP_PORT: '0',
    CANH_WS_PORT: '0',
    CANH_LOG_LEVEL: 'warn',
  });
  const [, page = ''] = await server.line(/is running: (http:\S+)/);
  const [, port] = await server.line(/mqtt:\/\/[^:]+:(\d+)/);
  const ready = await fetch(`${page}/health/ready`);
  if (ready.status !== 200) throw new Error(`Canh is not ready: ${await ready.text()}`);
  const processor = new ProcessorLink(dataDir);

  return {
    pid: server.pid,
    port: Number(port),
    noticesPlanned: async () => {
      const records = await openRecords(join(dataDir, 'records.sqlite'));
      const outbox = new SqlOutbox(records);
      while ((await outbox.unplanned(1)).length > 0) await pause(LOOK_EVERY_MS);
      await records.destroy();
    },
    drain: async (readings) => {
      const from = performance.now();
      const cpuFrom = cpuSeconds(server.pid);
      for (let most = 0, since = from; ;) {
        const { readingsStored, readingsDuplicate, judgeBehindBytes, problems } = await processor.status();
        const now = performance.now();
        if (problems.length > 0) throw new Error(`Canh has a problem: ${problems.join('; ')}`);
        const done = readingsStored + readingsDuplicate;
        if (done >= readings && judgeBehindBytes === 0)
          return { seconds: (now - from) / 1000, cpuSeconds: cpuSeconds(server.pid) - cpuFrom };
        if (done > most) [most, since] = [done, now];
        // Then it never will: what is missing shows in what was kept.
        if (now - since > STUCK_AFTER_MS)
          return { seconds: (since - from) / 1000, cpuSeconds: cpuSeconds(server.pid) - cpuFrom };
        await pause(LOOK_EVERY_MS);
      }
    },
    kept: async () => {
      const metrics = await (await fetch(`${page}/metrics`)).text();
      const total = (name: string): number => {
        let sum = 0;
        for (const [, value] of metrics.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm')))
          sum += Number(value);
        return sum;
      };
      return {
        onDisk: total('canh_messages_received_total'),
        stored: total('canh_readings_stored_total'),
        duplicate: total('canh_readings_duplicate_total'),
        quarantined: total('canh_readings_quarantined_total'),
        evaluated: total('canh_rule_evaluations_total'),
        alertsOpen: total('canh_alerts_open'),
        lag: total('canh_journal_lag_messages'),
        loopDelayP99Ms: total('nodejs_eventloop_lag_p99_seconds') * 1000,
      };
    },
    stop: () => {
      processor.close();
      return server.stop();
    },
  };
}
