import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../canh.js';
import { undisturbed, type Measuring } from '../measuring.js';
import { cpuSeconds, machineCpuSeconds, start, type Started } from '../processes.js';
import { startPeer } from '../round.js';
import { verdict, type Verdict } from '../verdict.js';

const BROKER = fileURLToPath(new URL('../../../dist/apps/broker/src/main.js', import.meta.url));
const DEVICES = 10_000;

interface Back {
  /** Told no by the broker. */
  readonly refused: number;
  /** Gave up after 15 s, and dialled again. */
  readonly timedOut: number;
  readonly hungUp: number;
  /** From the first that was let in again to the last. */
  readonly seconds: number;
  /** Cores that everything else on the machine took meanwhile. */
  readonly otherCores: number;
}

/** A broker with default limits is killed under 10,000 devices, started again, and all come back at once. */
export async function connectionsStorm(measuring: Measuring): Promise<Verdict> {
  const { seconds, refused, timedOut, hungUp } = await undisturbed(measuring, () => storm(measuring), said);
  const aim = {
    what: `until ${DEVICES} are back after kill -9`,
    most: 15,
    said: (s: number): string => `${s.toFixed(1)} s`,
  };
  return verdict(aim, seconds, `${refused} refused, ${timedOut} timed out, ${hungUp} hung up on`);
}

async function storm({ folder, inventory }: Measuring): Promise<Back> {
  const dataDir = join(folder, 'data');
  await cp(inventory.dataDir, dataDir, { recursive: true });
  const port = await freePort();
  const ports = { CANH_MQTT_PORT: `${port}`, CANH_WS_PORT: '0', CANH_HTTP_PORT: '0' };
  const broker = (): Started => start(process.execPath, [BROKER], { CANH_DATA_DIR: dataDir, ...ports });
  const killed = broker();
  const devices = startPeer('storm', [`${port}`, `${DEVICES}`, inventory.tokensFile]);
  await devices.line(/\{"there".*\}/);
  await pause(1_000);
  process.kill(killed.pid, 'SIGKILL');
  await killed.ended.catch(() => undefined);
  const again = broker();
  const [others, begun] = [machineCpuSeconds() - cpuSeconds(devices.pid), performance.now()];
  const [line] = await Promise.race([devices.line(/\{"back".*\}/), again.ended]);
  const back = JSON.parse(line) as Omit<Back, 'otherCores'>;
  const busy = machineCpuSeconds() - cpuSeconds(devices.pid) - cpuSeconds(again.pid) - others;
  const otherCores = Math.max(0, busy) / ((performance.now() - begun) / 1_000);
  await devices.stop();
  await again.stop();
  await rm(dataDir, { recursive: true });
  return { ...back, otherCores };
}

const said = ({ seconds, refused, timedOut, hungUp }: Back): string =>
  `storm: ${DEVICES} back within ${seconds.toFixed(1)} s, ${refused} refused, ${timedOut} timed out, ${hungUp} hung up on`;
