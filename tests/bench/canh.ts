import { cp } from 'node:fs/promises';
import { get as getOverTls } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ProcessorLink } from '@canh/adapters/processor-link/processor-link';
import { openRecords } from '@canh/adapters/records-sql/open-records';
import { SqlOutbox } from '@canh/adapters/records-sql/sql-outbox';
import type { PathStatus } from '@canh/core/series/live-series';
import type { Inventory } from './inventory.js';
import { loopDelayP99Ms, scrape } from './metrics.js';
import { cpuSeconds, start, type Started } from './processes.js';

const HERE = fileURLToPath(new URL('../..', import.meta.url));
const DEVICES = fileURLToPath(new URL('./devices', import.meta.url));
const LOOK_EVERY_MS = 50;
const STUCK_AFTER_MS = 20_000;
/** What mqtt-load.c sends in one message. */
export const READINGS_PER_MESSAGE = 6;
export const ADMIN_PASSWORD = 'mat-khau-do-tai';

/** Canh's broker as a process of its own, without a processor: the journal takes everything. */
export interface BrokerUnderTest {
  readonly pid: number;
  readonly port: number;
  /** Messages in the journal. */
  onDisk(): Promise<number>;
  /** Of the MQTT thread, since it was asked last. */
  loopDelayP99Ms(): Promise<number>;
  stop(): Promise<void>;
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
}

export interface CanhUnderTest extends BrokerUnderTest {
  readonly pageUrl: string;
  status(): Promise<PathStatus>;
  /** Waits until it is decided who is told of each alert. */
  noticesPlanned(): Promise<void>;
  /** Waits until all readings of the acknowledged messages are judged and stored; how long that took, and the CPU meanwhile. */
  drain(readings: number): Promise<{ seconds: number; cpuSeconds: number }>;
  kept(): Promise<Kept>;
}

export interface CanhOptions {
  readonly nodeOptions?: readonly string[];
  /** Another checkout that is built. */
  readonly root?: string;
  /** Settings beside those of every round, such as another store than the embedded one. */
  readonly settings?: Readonly<Record<string, string>>;
}

async function launch(
  app: string,
  args: readonly string[],
  { dataDir: inventory }: Inventory,
  dataDir: string,
  { nodeOptions = [], root = HERE, settings = {} }: CanhOptions,
  ports: Readonly<Record<string, string>>,
): Promise<Started> {
  await cp(inventory, dataDir, { recursive: true });
  const program = join(root, `dist/apps/${app}/src/main.js`);
  return start(process.execPath, ['--enable-source-maps', ...nodeOptions, program, ...args], {
    CANH_DATA_DIR: dataDir,
    CANH_DEVICES_DIR: DEVICES,
    CANH_WS_PORT: '0',
    CANH_LOG_LEVEL: 'warn',
    // Its own reports would count as messages.
    CANH_SELF_REPORT_SECONDS: '0',
    ...settings,
    ...ports,
  });
}

export async function startBroker(
  inventory: Inventory,
  dataDir: string,
  options: CanhOptions = {},
): Promise<BrokerUnderTest> {
  const [mqttPort, httpPort] = [await freePort(), await freePort()];
  const ports = { CANH_MQTT_PORT: `${mqttPort}`, CANH_HTTP_PORT: `${httpPort}` };
  const server = await launch('broker', [], inventory, dataDir, options, ports);
  const url = `http://127.0.0.1:${httpPort}`;
  const overTls = options.settings?.['CANH_TLS_CERT_FILE'] !== undefined;
  for (;;) {
    if (await (overTls ? isReadyOverTls(httpPort) : isReady(url))) break;
    await Promise.race([pause(LOOK_EVERY_MS), server.ended]);
  }
  return {
    pid: server.pid,
    port: mqttPort,
    onDisk: async () => (await scrape(url))('canh_messages_received_total'),
    loopDelayP99Ms: () => loopDelayP99Ms(url),
    stop: () => server.stop(),
  };
}

const isReady = async (url: string): Promise<boolean> =>
  (await fetch(`${url}/health/ready`).catch(() => null))?.status === 200;

const isReadyOverTls = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const to = { host: '127.0.0.1', port, path: '/health/ready', rejectUnauthorized: false };
    getOverTls(to, (response) => resolve(response.resume().statusCode === 200)).on('error', () => resolve(false));
  });

/** Canh as a user runs it, on a data folder of its own that starts with the inventory. */
export async function startCanh(
  inventory: Inventory,
  dataDir: string,
  options: CanhOptions = {},
): Promise<CanhUnderTest> {
  const ports = { CANH_MQTT_PORT: '0', CANH_HTTP_PORT: '0', CANH_ADMIN_PASSWORD: ADMIN_PASSWORD };
  const server = await launch('canh', ['start'], inventory, dataDir, options, ports);
  const [, pageUrl = ''] = await server.line(/is running: (http:\S+)/);
  const [, port] = await server.line(/mqtt:\/\/[^:]+:(\d+)/);
  const ready = await fetch(`${pageUrl}/health/ready`);
  if (ready.status !== 200) throw new Error(`Canh is not ready: ${await ready.text()}`);
  const processor = new ProcessorLink(dataDir);

  return {
    pid: server.pid,
    port: Number(port),
    pageUrl,
    status: () => processor.status(),
    onDisk: async () => (await scrape(pageUrl))('canh_messages_received_total'),
    loopDelayP99Ms: () => loopDelayP99Ms(pageUrl),
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
        const { readingsStored, readingsDuplicate, judgeBehindBytes, storeBehindBytes, problems } =
          await processor.status();
        const now = performance.now();
        if (problems.length > 0) throw new Error(`Canh has a problem: ${problems.join('; ')}`);
        const done = readingsStored + readingsDuplicate;
        // A reading is counted as stored before the store has answered; what is behind is not.
        if (done >= readings && judgeBehindBytes === 0 && storeBehindBytes === 0)
          return { seconds: (now - from) / 1000, cpuSeconds: cpuSeconds(server.pid) - cpuFrom };
        if (done > most) [most, since] = [done, now];
        // Then it never will: what is missing shows in what was kept.
        if (now - since > STUCK_AFTER_MS)
          return { seconds: (since - from) / 1000, cpuSeconds: cpuSeconds(server.pid) - cpuFrom };
        await pause(LOOK_EVERY_MS);
      }
    },
    kept: async () => {
      const total = await scrape(pageUrl);
      return {
        onDisk: total('canh_messages_received_total'),
        stored: total('canh_readings_stored_total'),
        duplicate: total('canh_readings_duplicate_total'),
        quarantined: total('canh_readings_quarantined_total'),
        evaluated: total('canh_rule_evaluations_total'),
        alertsOpen: total('canh_alerts_open'),
        lag: total('canh_journal_lag_messages'),
      };
    },
    stop: () => {
      processor.close();
      return server.stop();
    },
  };
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
