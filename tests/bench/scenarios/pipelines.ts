import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { READINGS_PER_MESSAGE, startCanh } from '../canh.js';
import { markdown, median, thousands } from '../figures.js';
import { labelOf, type Load, type LoadResult } from '../generator.js';
import { interleaved, type Measuring } from '../measuring.js';
import * as nodeRed from '../peers/node-red.js';
import { cpuSeconds, machineCpuSeconds, type Started } from '../processes.js';
import { findMosquitto, startMosquitto, startPeer } from '../round.js';
import { victoria, type StoreUnderTest } from '../stores.js';
import { times, verdict, type Verdict } from '../verdict.js';

const CONNECTIONS = 100;
/** What all of them keep up with. */
const RATE = 8_000;
/** Enough for each to have its code compiled. */
const WARM_UP = { connections: CONNECTIONS, window: 20, rate: 12_000, warmUpSeconds: 0, seconds: 4 } as const;
const IDLE_CORES = 0.03;
const GIVE_UP_AFTER_MS = 60_000;
const LOOK_EVERY_MS = 500;

interface PipelineRound {
  readonly pipeline: string;
  readonly load: string;
  readonly ackedPerS: number;
  /** Of what was acknowledged, that the store gives back. */
  readonly thereShare: number;
  /** Per million messages that are in the store: the application, and the broker in front of it. */
  readonly appPerMillion: number;
  readonly brokerPerMillion: number;
  readonly storePerMillion: number;
  readonly otherCores: number;
}

/** Everything from the device to the same VictoriaMetrics: Canh, what one would write first, and what one would click together. */
export async function pipelines(measuring: Measuring): Promise<{ verdicts: Verdict[]; printed: string }> {
  const { only, peers, loads } = measuring.wishes;
  if (victoria.missing !== null || findMosquitto() === null) {
    console.error(`SKIPPED naive and node-red: ${victoria.missing ?? 'mosquitto is not installed'}.`);
    return { verdicts: [], printed: '' };
  }
  if (only.has('node-red') && peers)
    try {
      await nodeRed.install();
    } catch (error) {
      console.error(`Node-RED cannot be installed: ${(error as Error).message}`);
    }
  const contenders = [(load: Load) => canhPipeline(measuring, load)];
  if (only.has('naive')) contenders.push((load) => peerPipeline(measuring, load, 'naive'));
  if (only.has('node-red'))
    if (nodeRed.missing() === null) contenders.push((load) => peerPipeline(measuring, load, 'Node-RED'));
    else console.error(`SKIPPED node-red: ${nodeRed.missing()}.`);
  const [{ warmUpSeconds, seconds, window } = { warmUpSeconds: 2, seconds: 5, window: 20 }] = loads;
  const both = [RATE, 0].map((rate) => ({ connections: CONNECTIONS, window, rate, warmUpSeconds, seconds }));
  const rounds = await interleaved(measuring, both, contenders, saidOf);
  return { verdicts: verdictsOf(rounds, labelOf({ connections: CONNECTIONS, rate: RATE })), printed: tableOf(rounds) };
}

async function canhPipeline({ generator, inventory, folder }: Measuring, load: Load): Promise<PipelineRound> {
  const dataDir = join(folder, 'data');
  const store = await victoria.start();
  const canh = await startCanh(inventory, dataDir, { settings: store.settings });
  let acked = 0;
  const round = await measured(
    'Canh',
    load,
    { app: canh.pid, broker: null, store },
    ['level_m', 'value'],
    async (of) => {
      const result = await generator.load(of, { ...canh, tokensFile: inventory.tokensFile });
      acked += result.acked;
      await canh.drain(acked * READINGS_PER_MESSAGE);
      return result;
    },
    () => canh.stop(),
  );
  await store.remove();
  await rm(dataDir, { recursive: true });
  return round;
}

async function peerPipeline(
  { generator, folder }: Measuring,
  load: Load,
  name: 'naive' | 'Node-RED',
): Promise<PipelineRound> {
  const store = await victoria.start();
  const broker = await startMosquitto(folder);
  const app =
    name === 'naive'
      ? await startNaive(broker.port, store.url)
      : await nodeRed.startNodeRed(folder, broker.port, store.url);
  const processes = { app: app.pid, broker: broker.pid, store };
  const round = await measured(
    name,
    load,
    processes,
    ['telemetry', 'level_m'],
    async (of) => {
      const result = await generator.load(of, { ...broker, tokensFile: null, topic: 'v1/%d/telemetry' });
      await idle(app.pid);
      return result;
    },
    () => app.stop(),
  );
  await broker.stop();
  await store.remove();
  await rm(join(folder, 'node-red'), { recursive: true, force: true });
  return round;
}

async function startNaive(brokerPort: number, store: string): Promise<Started> {
  const app = startPeer('naive', [String(brokerPort), store]);
  await app.line(/subscribed/);
  return app;
}

/** From the first message until nothing is left to do, and what the store gives back when the application has ended. */
async function measured(
  pipeline: string,
  load: Load,
  { app, broker, store }: { app: number; broker: number | null; store: StoreUnderTest },
  [measurement, field]: readonly [string, string],
  run: (load: Load) => Promise<LoadResult>,
  stop: () => Promise<void>,
): Promise<PipelineRound> {
  const used = (): readonly [number, number, number] => [
    cpuSeconds(app),
    broker === null ? 0 : cpuSeconds(broker),
    store.cpuSeconds(),
  ];
  const warm = await run(WARM_UP);
  const from = { at: performance.now(), machine: machineCpuSeconds(), used: used() };
  const result = await run({ ...load, warmUpSeconds: 0 });
  const [ofApp, ofBroker, ofStore] = used().map((seconds, part) => seconds - from.used[part]!) as [
    number,
    number,
    number,
  ];
  const busy = machineCpuSeconds() - from.machine - ofApp - ofBroker - ofStore;
  const seconds = (performance.now() - from.at) / 1000;
  // Some hand in the last of it only when they end.
  await stop();
  const there = (await store.values(measurement, field)) - warm.acked;
  const perMillion = (seconds: number): number => (seconds * 1e6) / there;
  return {
    pipeline,
    load: labelOf(load),
    ackedPerS: result.messages_per_s,
    thereShare: there / result.acked,
    appPerMillion: perMillion(ofApp),
    brokerPerMillion: perMillion(ofBroker),
    storePerMillion: perMillion(ofStore),
    otherCores: Math.max(0, (busy - result.gen_cores * load.seconds) / seconds),
  };
}

/** Its own queues are nowhere to be asked for: it has done its work when it does nothing any more. */
async function idle(pid: number): Promise<void> {
  const until = performance.now() + GIVE_UP_AFTER_MS;
  for (let quiet = 0, before = cpuSeconds(pid); quiet < 4 && performance.now() < until;) {
    await pause(LOOK_EVERY_MS);
    const now = cpuSeconds(pid);
    quiet = (now - before) / (LOOK_EVERY_MS / 1000) <= IDLE_CORES ? quiet + 1 : 0;
    before = now;
  }
}

const together = ({ appPerMillion, brokerPerMillion }: PipelineRound): number => appPerMillion + brokerPerMillion;

function verdictsOf(rounds: readonly PipelineRound[], load: string): Verdict[] {
  const of = (pipeline: string, at = load): PipelineRound[] =>
    rounds.filter((round) => round.pipeline === pipeline && round.load === at);
  const saturated = labelOf({ connections: CONNECTIONS, rate: 0 });
  return (['naive', 'Node-RED'] as const)
    .filter((pipeline) => of(pipeline).length > 0)
    .map((pipeline) => {
      const less = (at: string): number =>
        median(of(pipeline, at).map(together)) / median(of('Canh', at).map(together));
      const kept = Math.round(100 * median(of(pipeline, saturated).map(({ thereShare }) => thereShare)));
      return verdict(
        {
          what: `CPU of ${pipeline} and its broker over Canh's, ${load}`,
          least: pipeline === 'naive' ? 3 : 4,
          said: times,
        },
        less(load),
        `as fast as acknowledged ${times(less(saturated))}, where it keeps ${kept} % of what was acknowledged`,
      );
    });
}

function tableOf(rounds: readonly PipelineRound[]): string {
  const keys = [...new Set(rounds.map(({ pipeline, load }) => `${pipeline}|${load}`))];
  const lines = keys.map((key) => {
    const these = rounds.filter(({ pipeline, load }) => `${pipeline}|${load}` === key);
    const middle = (value: (round: PipelineRound) => number): number => median(these.map(value));
    return [
      ...key.split('|'),
      thousands(middle(({ ackedPerS }) => ackedPerS)),
      `${(100 * middle(({ thereShare }) => thereShare)).toFixed(1)} %`,
      middle(together).toFixed(1),
      middle(({ appPerMillion }) => appPerMillion).toFixed(1),
      middle(({ brokerPerMillion }) => brokerPerMillion).toFixed(1),
      middle(({ storePerMillion }) => storePerMillion).toFixed(1),
    ];
  });
  return markdown(
    ['into VictoriaMetrics', 'load', 'acked/s', 'in the store', 'app + broker s/M', 'app', 'broker', 'store'],
    lines.toSorted(([, a = ''], [, b = '']) => a.localeCompare(b)),
  );
}

const saidOf = (round: PipelineRound): string =>
  `${round.pipeline} ${round.load}: ${thousands(round.ackedPerS)}/s, ${(100 * round.thereShare).toFixed(1)} % in the store; ` +
  `s/M of what is there: app ${round.appPerMillion.toFixed(1)}, broker ${round.brokerPerMillion.toFixed(1)}, store ${round.storePerMillion.toFixed(1)} ` +
  `(others ${round.otherCores.toFixed(1)} cores)`;
