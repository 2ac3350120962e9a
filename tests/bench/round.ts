import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  freePort,
  READINGS_PER_MESSAGE,
  startBroker,
  startCanh,
  type CanhOptions,
  type CanhUnderTest,
  type Kept,
} from './canh.js';
import { labelOf, type Generator, type Load, type LoadResult } from './generator.js';
import type { Inventory } from './inventory.js';
import { TICK_MS } from './metrics.js';
import { cpuSeconds, cpuSecondsByThread, machineCpuSeconds, start, type Started } from './processes.js';
import type { StoreKind } from './stores.js';

/** One server under one load, once. */
export interface Round {
  readonly server: string;
  readonly load: string;
  readonly ackedPerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuSecondsPerMillion: number;
  readonly rssMb: number;
  /** Of the MQTT thread, under the load; null where the server has no event loop to ask. */
  readonly loopDelayP99Ms: number | null;
  readonly generatorCores: number;
  /** When the load began, in microseconds of the kernel's monotonic clock, as CPU profiles have it. */
  readonly begunUs: number;
  /** Cores that everything else on the machine took meanwhile. */
  readonly otherCores: number;
  /** The way behind the acknowledgement, which only Canh has. */
  readonly path: PathRound | null;
  /** What is not as it must be; empty on a good day. */
  readonly wrong: readonly string[];
}

export interface PathRound {
  /** From the last acknowledgement until everything was judged and stored. */
  readonly drainSeconds: number;
  /** What was acknowledged, over the time until all of it was stored. */
  readonly wholePerS: number;
  /** CPU of the time series server, where it is a process of its own. */
  readonly storeCpuPerMillion: number | null;
  /** CPU-seconds per million messages by name of thread, from the beginning of the load until everything was stored. */
  readonly threads: readonly (readonly [name: string, cpuSecondsPerMillion: number])[];
}

/** What a round is measured with. */
export interface Bench {
  readonly generator: Generator;
  readonly inventory: Inventory;
  /** For data, on a disk. */
  readonly folder: string;
}

interface Target {
  readonly pid: number;
  readonly port: number;
  readonly tokensFile: string | null;
  readonly loopDelayP99Ms?: () => Promise<number>;
  /** CPU of another process that is part of what is measured. */
  readonly besides?: () => number;
}

const RUN = fileURLToPath(new URL('./run.ts', import.meta.url));

/** A program of `peers/`, which finds Canh's code as this one does. */
export const startPeer = (name: string, args: readonly string[]): Started =>
  start(process.execPath, ['--enable-source-maps', RUN, `peers/${name}.ts`, ...args]);

/** Aedes as it comes, or with Canh's journal before each PUBACK. */
export async function aedesRound({ generator, folder }: Bench, load: Load, journal: boolean): Promise<Round> {
  const journalDir = join(folder, 'journal');
  const server = startPeer('bare-aedes', journal ? [journalDir] : []);
  const [, port] = await server.line(/listening on (\d+)/);
  let asked = 0;
  const loopDelayP99Ms = async (): Promise<number> => {
    process.kill(server.pid, 'SIGUSR2');
    const [, delay] = await server.line(new RegExp(`loop delay ${(asked += 1)}: (\\S+)`));
    return Math.max(0, Number(delay) - TICK_MS);
  };
  const target = { ...server, port: Number(port), tokensFile: null, loopDelayP99Ms };
  const { round } = await loaded(journal ? 'Aedes + journal' : 'bare Aedes', generator, load, target);
  await server.stop();
  await rm(journalDir, { recursive: true, force: true });
  return round;
}

/** Canh's broker alone: what is acknowledged is on disk, and nobody judges it yet. */
export async function brokerRound(
  { generator, inventory, folder }: Bench,
  load: Load,
  { name = 'Canh broker', ...options }: Omit<CanhRoundOptions, 'meanwhile'> = {},
): Promise<Round> {
  const dataDir = join(folder, 'data');
  const broker = await startBroker(inventory, dataDir, options);
  const target = { ...broker, tokensFile: inventory.tokensFile };
  const { round, result } = await loaded(name, generator, load, target);
  const onDisk = await broker.onDisk();
  await broker.stop();
  await rm(dataDir, { recursive: true });
  const wrong = compared(name, load, [
    ['messages acknowledged', result.acked, result.sent],
    ['messages on disk', onDisk, result.acked],
  ]);
  return { ...round, wrong };
}

/** Canh, until all that it acknowledged is judged and stored: in DuckDB, or in the store that is named. */
export async function canhRound(
  { generator, inventory, folder }: Bench,
  load: Load,
  kind: StoreKind | null,
  { name = `Canh → ${kind?.title ?? 'DuckDB'}`, meanwhile, ...options }: CanhRoundOptions = {},
): Promise<Round> {
  const dataDir = join(folder, 'data');
  const store = (await kind?.start()) ?? null;
  const canh = await startCanh(inventory, dataDir, { ...options, settings: store?.settings ?? {} });
  const target = { ...canh, tokensFile: inventory.tokensFile, besides: () => store?.cpuSeconds() ?? 0 };
  // What happens once in a device's life is not what a load is made of: its first report makes its series, and here an alert.
  const first = await generator.once(load.connections, target);
  await canh.drain(first.acked * READINGS_PER_MESSAGE);
  await canh.noticesPlanned();

  const stop = await meanwhile?.(canh);
  const before = { threads: cpuSecondsByThread(canh.pid), store: store?.cpuSeconds() ?? 0 };
  const { round, result } = await loaded(name, generator, load, target);
  await stop?.();
  const acked = first.acked + result.acked;
  const drain = await canh.drain(acked * READINGS_PER_MESSAGE);
  const after = cpuSecondsByThread(canh.pid);
  const storeCpu = store === null ? null : store.cpuSeconds() - before.store;
  const kept = await canh.kept();
  await canh.stop();
  await store?.remove();
  await rm(dataDir, { recursive: true });
  const loadSeconds = load.warmUpSeconds + load.seconds;
  const perMillion = (seconds: number): number => (seconds * 1e6) / result.acked;
  return {
    ...round,
    cpuSecondsPerMillion: round.cpuSecondsPerMillion + perMillion(drain.cpuSeconds),
    wrong: compared(name, load, [
      ['messages acknowledged', acked, first.sent + result.sent],
      ...expected(kept, acked, load.connections),
    ]),
    path: {
      drainSeconds: drain.seconds,
      // The backlog is of the warm-up as well, so its share of the drain goes with it.
      wholePerS: round.ackedPerS / (1 + drain.seconds / loadSeconds),
      storeCpuPerMillion: storeCpu === null ? null : perMillion(storeCpu),
      threads: [...after]
        .map(([thread, seconds]) => [thread, perMillion(seconds - (before.threads.get(thread) ?? 0))] as const)
        .filter(([, each]) => each >= 0.1)
        .toSorted(([, a], [, b]) => b - a),
    },
  };
}

export interface CanhRoundOptions extends Omit<CanhOptions, 'store'> {
  /** How it is called in the tables. */
  readonly name?: string;
  /** Begins what goes on beside the load, and gives back how it is ended. */
  readonly meanwhile?: (canh: CanhUnderTest) => Promise<() => Promise<void>>;
}

/** Mosquitto with nothing to keep and nobody to tell. */
export async function mosquittoRound({ generator, folder }: Bench, load: Load): Promise<Round> {
  const server = await startMosquitto(folder);
  const { round } = await loaded('mosquitto', generator, load, { ...server, tokensFile: null });
  await server.stop();
  return round;
}

export async function startMosquitto(folder: string): Promise<Started & { readonly port: number }> {
  const program = findMosquitto();
  if (program === null) throw new Error('mosquitto is not installed.');
  const port = await freePort();
  const config = join(folder, 'mosquitto.conf');
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
  const server = start(program, ['-c', config]);
  await server.line(/running/);
  return { ...server, port };
}

/** Where mosquitto is on this machine, or null. */
export function findMosquitto(): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
  return folders.map((folder) => join(folder, 'mosquitto')).find((program) => existsSync(program)) ?? null;
}

async function loaded(
  server: string,
  generator: Generator,
  load: Load,
  target: Target,
): Promise<{ round: Round; result: LoadResult }> {
  // Asked before, so that the answer after it is of the load alone.
  await target.loopDelayP99Ms?.();
  const begunUs = Number(process.hrtime.bigint() / 1000n);
  const own = (): number => cpuSeconds(target.pid) + (target.besides?.() ?? 0);
  const from = { at: performance.now(), machine: machineCpuSeconds(), own: own() };
  const result = await generator.load(load, target);
  const seconds = (performance.now() - from.at) / 1000;
  const busy = machineCpuSeconds() - from.machine - (own() - from.own);
  const round: Round = {
    server,
    load: labelOf(load),
    ackedPerS: result.messages_per_s,
    p50Ms: result.p50_ms,
    p99Ms: result.p99_ms,
    cpuSecondsPerMillion: result.pid0.cpu_s_per_million,
    rssMb: result.pid0.rss_mb,
    loopDelayP99Ms: (await target.loopDelayP99Ms?.()) ?? null,
    generatorCores: result.gen_cores,
    begunUs,
    otherCores: Math.max(0, busy / seconds - result.gen_cores),
    path: null,
    wrong: [],
  };
  return { round, result };
}

type Comparison = readonly [what: string, is: number, shouldBe: number];

/** What was acknowledged must be there, all of it, judged and stored, once. */
export function expected(kept: Kept, acked: number, alerts: number): Comparison[] {
  return [
    ['messages on disk', kept.onDisk, acked],
    ['readings stored', kept.stored, acked * READINGS_PER_MESSAGE],
    ['readings taken for duplicates', kept.duplicate, 0],
    ['readings quarantined', kept.quarantined, 0],
    ['evaluations of the rule', kept.evaluated, acked],
    ['alerts open', kept.alertsOpen, alerts],
    ['messages not judged yet', kept.lag, 0],
  ];
}

export function compared(
  name: string,
  load: Pick<Load, 'connections' | 'rate'>,
  comparisons: readonly Comparison[],
): string[] {
  return comparisons
    .filter(([, is, shouldBe]) => is !== shouldBe)
    .map(([what, is, shouldBe]) => `${name} ${labelOf(load)}: ${what}: ${is}, expected ${shouldBe}`);
}
