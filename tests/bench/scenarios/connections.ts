import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Authority } from '../../support/authority.js';
import { freePort, startBroker } from '../canh.js';
import { markdown } from '../figures.js';
import { undisturbed, type Measuring } from '../measuring.js';
import { cpuSeconds, machineCpuSeconds, residentKb } from '../processes.js';
import { startPeer } from '../round.js';
import { verdict, type Verdict } from '../verdict.js';
import { connectionsStorm } from './connections-storm.js';

const PLAIN = 10_000;
const OVER_TLS = 2_000;
/** What was needed for a moment only is given back by then. */
const SETTLES_MS = 10_000;
const HELD_MS = 10_000;

interface Held {
  readonly server: string;
  readonly connections: number;
  readonly refused: number;
  readonly perS: number;
  readonly cpuMsEach: number;
  readonly kbEach: number;
  readonly otherCores: number;
}

interface Server {
  readonly pid: number;
  readonly port: number;
  readonly stop: () => Promise<void>;
}

/** Thousands of devices that connect at once and then say nothing: how fast they are let in, and what each costs in memory. */
export async function connections(measuring: Measuring): Promise<{ verdicts: Verdict[]; printed: string }> {
  const { folder, inventory } = measuring;
  const dataDir = join(folder, 'data');
  const authority = await Authority.make('bench');
  const { certFile, keyFile } = await authority.issue('localhost', {
    use: 'serverAuth',
    alternatives: 'DNS:localhost',
  });
  const canh = async (
    port: 'CANH_MQTT_PORT' | 'CANH_MQTTS_PORT',
    settings: Record<string, string>,
  ): Promise<Server> => {
    const mqttsPort = await freePort();
    const unbounded = { CANH_MQTT_CONNECTIONS: '20000', CANH_MQTT_CONNECTS_PER_SECOND: '100000' };
    const broker = await startBroker(inventory, dataDir, {
      settings: { ...unbounded, CANH_MQTTS_PORT: `${mqttsPort}`, ...settings },
    });
    return {
      pid: broker.pid,
      port: port === 'CANH_MQTT_PORT' ? broker.port : mqttsPort,
      stop: async () => {
        await broker.stop();
        await rm(dataDir, { recursive: true });
      },
    };
  };
  const tls = { CANH_TLS_CERT_FILE: certFile, CANH_TLS_KEY_FILE: keyFile };
  const held = [
    await undisturbed(measuring, () => holding('bare Aedes', PLAIN, bareAedes, ''), said),
    await undisturbed(
      measuring,
      () => holding('Canh broker', PLAIN, () => canh('CANH_MQTT_PORT', {}), inventory.tokensFile),
      said,
    ),
    await undisturbed(
      measuring,
      () =>
        holding(
          'Canh broker, TLS',
          OVER_TLS,
          () => canh('CANH_MQTTS_PORT', tls),
          inventory.tokensFile,
          authority.certFile,
        ),
      said,
    ),
  ];
  await authority.remove();
  const storm = await connectionsStorm(measuring);
  const [, plain] = held;
  return {
    verdicts: [
      verdict(
        { what: `memory of one of ${PLAIN} idle connections`, most: 16, said: (kb) => `${kb.toFixed(1)} KB` },
        plain!.kbEach,
        `${plain!.refused} refused`,
      ),
      storm,
    ],
    printed: markdown(
      ['connections that say nothing', 'held', 'refused', 'connects/s', 'CPU ms each', 'KB each'],
      held.map(({ server, connections: count, refused, perS, cpuMsEach, kbEach }) => [
        server,
        `${count}`,
        `${refused}`,
        perS.toFixed(0),
        cpuMsEach.toFixed(2),
        kbEach.toFixed(1),
      ]),
    ),
  };
}

async function holding(
  server: string,
  count: number,
  open: () => Promise<Server>,
  tokensFile: string,
  caFile?: string,
): Promise<Held> {
  const { pid, port, stop } = await open();
  await pause(SETTLES_MS);
  const [memoryBefore, cpuBefore, machineBefore, begun] = [
    residentKb(pid),
    cpuSeconds(pid),
    machineCpuSeconds(),
    performance.now(),
  ];
  const holder = startPeer('holder', [`${port}`, `${count}`, tokensFile, ...(caFile === undefined ? [] : [caFile])]);
  const [line] = await holder.line(/\{"connected".*\}/);
  const { connected, refused, seconds } = JSON.parse(line) as { connected: number; refused: number; seconds: number };
  const cpu = cpuSeconds(pid) - cpuBefore;
  const others = machineCpuSeconds() - machineBefore - cpu - cpuSeconds(holder.pid);
  const otherCores = Math.max(0, others) / ((performance.now() - begun) / 1_000);
  await pause(HELD_MS);
  const kbEach = (residentKb(pid) - memoryBefore) / connected;
  await holder.stop();
  await stop();
  return {
    server,
    connections: connected,
    refused,
    perS: connected / seconds,
    cpuMsEach: (cpu / connected) * 1_000,
    kbEach,
    otherCores,
  };
}

async function bareAedes(): Promise<Server> {
  const server = startPeer('bare-aedes', []);
  const [, port] = await server.line(/listening on (\d+)/);
  return { pid: server.pid, port: Number(port), stop: () => server.stop() };
}

const said = ({ server, connections: count, refused, perS, cpuMsEach, kbEach, otherCores }: Held): string =>
  `${server}: ${count} held, ${refused} refused, ${perS.toFixed(0)}/s, ${cpuMsEach.toFixed(2)} ms and ${kbEach.toFixed(1)} KB each ` +
  `(others ${otherCores.toFixed(1)} cores)`;
