import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { markdown, median, quantile, spread, thousands } from './figures.js';
import type { Round } from './round.js';

/** Above this the generator is near its own limit, and the server's rate is a lower bound. */
const NEAR_ONE_CORE = 0.9;

/** What of a round counts: for Canh all the way into its store. */
export const wholePerS = ({ path, ackedPerS }: Round): number => path?.wholePerS ?? ackedPerS;

/** Medians of the rounds, one line for each server and load. The first server is what the others are compared with. */
export function table(rounds: readonly Round[]): string {
  const servers = [...new Set(rounds.map(({ server }) => server))];
  const of = (server: string | undefined, load: string): Round[] =>
    rounds.filter((round) => round.server === server && round.load === load);
  const [rival = ''] = servers;
  const lines = [...new Set(rounds.map(({ load }) => load))].flatMap((load) =>
    servers.filter((server) => of(server, load).length > 0).map((server) => line(of(server, load), of(rival, load))),
  );
  const head = ['QoS 1', 'load', 'acked/s [min–max]', 'ack p50 / p99 ms', 'CPU s/M', 'store s/M', 'drain s'];
  return markdown([...head, 'whole path/s [min–max]', `of ${rival}`, 'RSS MB', 'loop p99 ms'], lines);
}

function line(rounds: readonly Round[], rivals: readonly Round[]): string[] {
  const middle = (value: (round: Round) => number | null, digits: number): string => {
    const values = rounds.map(value).filter((each) => each !== null);
    return values.length === 0 ? '–' : median(values).toFixed(digits);
  };
  const [{ server, load, path } = rounds[0]!] = rounds;
  const nearLimit = rounds.some(({ generatorCores }) => generatorCores > NEAR_ONE_CORE);
  const of = median(rounds.map(wholePerS)) / median(rivals.map(wholePerS));
  return [
    server,
    load,
    `${spread(
      rounds.map(({ ackedPerS }) => ackedPerS),
      thousands,
    )}${nearLimit ? ' G' : ''}`,
    `${middle(({ p50Ms }) => p50Ms, 1)} / ${middle(({ p99Ms }) => p99Ms, 1)}`,
    middle(({ cpuSecondsPerMillion }) => cpuSecondsPerMillion, 1),
    middle(({ path: its }) => its?.storeCpuPerMillion ?? null, 1),
    middle(({ path: its }) => its?.drainSeconds ?? null, 1),
    path === null ? '–' : spread(rounds.map(wholePerS), thousands),
    `${Math.round(100 * of)} %`,
    middle(({ rssMb }) => rssMb, 0),
    middle(({ loopDelayP99Ms }) => loopDelayP99Ms, 0),
  ];
}

/** One round as it ends. */
export function said({ path, ...round }: Round): string {
  const first =
    `${round.server} ${round.load}: ${thousands(round.ackedPerS)}/s, p50 ${round.p50Ms} p99 ${round.p99Ms} ms, ` +
    `${round.cpuSecondsPerMillion.toFixed(1)} s/M, ${round.rssMb} MB, loop delay p99 ${round.loopDelayP99Ms?.toFixed(0) ?? '–'} ms ` +
    `(generator ${round.generatorCores}, others ${round.otherCores.toFixed(1)} cores)`;
  if (path === null) return first;
  return [
    first,
    `  stored after ${path.drainSeconds.toFixed(1)} s more: ${thousands(path.wholePerS)}/s the whole path`,
    `  s/M by thread: ${path.threads.map(([name, perMillion]) => `${name} ${perMillion.toFixed(1)}`).join(', ')}`,
  ].join('\n');
}

/** What it ran on, so that nobody compares it with another machine's. */
export function machine(others: readonly number[]): string {
  const [cpu] = cpus();
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ')[0];
  return (
    `${cpus().length} × ${cpu?.model.trim() ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}, ` +
    `${new Date().toISOString().slice(0, 10)}; ` +
    (others.length === 0
      ? ''
      : `other processes took ${median(others).toFixed(1)} cores (most ${quantile(others, 1).toFixed(1)}) meanwhile, `) +
    `the load average after it was ${load}`
  );
}
