import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { READINGS_PER_MESSAGE, startCanh, type Inventory, type Kept } from './canh.js';
import type { Generator, Load, LoadResult } from './generator.js';
import { cpuSeconds, cpuSecondsByThread, machineCpuSeconds, start } from './processes.js';

export type ServerName = 'bare Aedes' | 'Canh' | 'mosquitto';

/** One server under one load, once. */
export interface Round {
  readonly server: ServerName;
  readonly connections: number;
  readonly ackedPerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuSecondsPerMillion: number;
  readonly rssMb: number;
  readonly generatorCores: number;
  /** When the load began, in microseconds of the kernel's monotonic clock, as CPU profiles have it. */
  readonly begunUs: number;
  /** Cores that everything else on the machine took meanwhile. */
  readonly otherCores: number;
  /** The way behind the acknowledgement, which only Canh has. */
  readonly path: PathRound | null;
}

export interface PathRound {
  /** From the last acknowledgement until everything was judged and stored. */
  readonly drainSeconds: number;
  /** What was acknowledged, over the time until all of it was stored. */
  readonly wholePerS: number;
  readonly loopDelayP99Ms: number;
  /** CPU-seconds per million messages by name of thread, from the beginning of the load until everything was stored. */
  readonly threads: readonly (readonly [name: string, cpuSecondsPerMillion: number])[];
  /** What is not as it must be; empty on a good day. */
  readonly wrong: readonly string[];
}

interface Target {
  readonly pid: number;
  readonly port: number;
  readonly tokensFile: string | null;
}

/** Aedes as it comes. */
export async function aedesRound(generator: Generator, load: Load): Promise<Round> {
  const server = start(process.execPath, [fileURLToPath(new URL('./bare-aedes.ts', import.meta.url))]);
  const [, port] = await server.line(/listening on (\d+)/);
  const { round } = await loaded('bare Aedes', generator, load, { ...server, port: Number(port), tokensFile: null });
  await server.stop();
  return round;
}

/** Canh, until all that it acknowledged is judged and stored. */
export async function canhRound(
  generator: Generator,
  load: Load,
  inventory: Inventory,
  folder: string,
  nodeOptions: readonly string[] = [],
): Promise<Round> {
  const dataDir = join(folder, 'data');
  const canh = await startCanh(inventory, dataDir, nodeOptions);
  const target = { ...canh, tokensFile: inventory.tokensFile };
  // What happens once in a device's life is not what a load is made of: its first report makes its series, and here an alert.
  const first = await generator.once(load, target);
  await canh.drain(first.acked * READINGS_PER_MESSAGE);
  await canh.noticesPlanned();

  const before = cpuSecondsByThread(canh.pid);
  const { round, result } = await loaded('Canh', generator, load, target);
  const acked = first.acked + result.acked;
  const drain = await canh.drain(acked * READINGS_PER_MESSAGE);
  const after = cpuSecondsByThread(canh.pid);
  const kept = await canh.kept();
  await canh.stop();
  await rm(dataDir, { recursive: true });
  const loadSeconds = load.warmUpSeconds + load.seconds;
  return {
    ...round,
    cpuSecondsPerMillion: round.cpuSecondsPerMillion + (drain.cpuSeconds * 1e6) / result.acked,
    path: {
      drainSeconds: drain.seconds,
      // The backlog is of the warm-up as well, so its share of the drain goes with it.
      wholePerS: round.ackedPerS / (1 + drain.seconds / loadSeconds),
      loopDelayP99Ms: kept.loopDelayP99Ms,
      threads: [...after]
        .map(([name, seconds]) => [name, ((seconds - (before.get(name) ?? 0)) * 1e6) / result.acked] as const)
        .filter(([, perMillion]) => perMillion >= 0.1)
        .toSorted(([, a], [, b]) => b - a),
      wrong: disagreements({ acked, sent: first.sent + result.sent }, load, kept),
    },
  };
}

/** Mosquitto with nothing to keep and nobody to tell. */
export async function mosquittoRound(
  generator: Generator,
  load: Load,
  folder: string,
  program: string,
): Promise<Round> {
  const port = await freePort();
  const config = join(folder, 'mosquitto.conf');
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
  const server = start(program, ['-c', config]);
  await server.line(/running/);
  const { round } = await loaded('mosquitto', generator, load, { ...server, port, tokensFile: null });
  await server.stop();
  return round;
}

/** Where mosquitto is on this machine, or null. */
export function findMosquitto(): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
  return folders.map((folder) => join(folder, 'mosquitto')).find((program) => existsSync(program)) ?? null;
}

async function loaded(
  server: ServerName,
  generator: Generator,
  load: Load,
  target: Target,
): Promise<{ round: Round; result: LoadResult }> {
  const begunUs = Number(process.hrtime.bigint() / 1000n);
  const from = { at: performance.now(), machine: machineCpuSeconds(), server: cpuSeconds(target.pid) };
  const result = await generator.load(load, target);
  const seconds = (performance.now() - from.at) / 1000;
  const busy = machineCpuSeconds() - from.machine - (cpuSeconds(target.pid) - from.server);
  const round: Round = {
    server,
    connections: load.connections,
    ackedPerS: result.messages_per_s,
    p50Ms: result.p50_ms,
    p99Ms: result.p99_ms,
    cpuSecondsPerMillion: result.pid0.cpu_s_per_million,
    rssMb: result.pid0.rss_mb,
    generatorCores: result.gen_cores,
    begunUs,
    otherCores: Math.max(0, busy / seconds - result.gen_cores),
    path: null,
  };
  return { round, result };
}

/** What was acknowledged must be there, all of it, judged and stored, once. */
function disagreements(
  { acked, sent }: Pick<LoadResult, 'acked' | 'sent'>,
  { connections }: Load,
  kept: Kept,
): string[] {
  const readings = acked * READINGS_PER_MESSAGE;
  const expected: readonly (readonly [what: string, is: number, shouldBe: number])[] = [
    ['messages acknowledged', acked, sent],
    ['messages on disk', kept.onDisk, acked],
    ['readings stored', kept.stored, readings],
    ['readings taken for duplicates', kept.duplicate, 0],
    ['readings quarantined', kept.quarantined, 0],
    ['evaluations of the rule', kept.evaluated, acked],
    ['alerts open', kept.alertsOpen, connections],
    ['messages not judged yet', kept.lag, 0],
  ];
  return expected
    .filter(([, is, shouldBe]) => is !== shouldBe)
    .map(([what, is, shouldBe]) => `${what}: ${is}, expected ${shouldBe}`);
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
