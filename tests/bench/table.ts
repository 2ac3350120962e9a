import { cpus, totalmem } from 'node:os';
import type { Round, ServerName } from './round.js';

const RIVAL: ServerName = 'bare Aedes';
/** Above this the generator is near its own limit, and the server's rate is a lower bound. */
const NEAR_ONE_CORE = 0.9;

const thousands = (value: number): string => `${(value / 1000).toFixed(1)}k`;

/** The one in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

/** Medians of the rounds, one line for each server and number of connections, aligned so that it reads well as text too. */
export function table(rounds: readonly Round[]): string {
  const head = [
    'QoS 1',
    'conns',
    'acked/s [min–max]',
    'ack p50 / p99 ms',
    'CPU s/M',
    'drain s',
    'whole path/s [min–max]',
    'of bare Aedes',
    'RSS MB',
    'loop p99 ms',
  ];
  const lines: string[][] = [];
  for (const connections of new Set(rounds.map((round) => round.connections)))
    for (const server of new Set(rounds.map((round) => round.server))) {
      const of = (name: ServerName): Round[] =>
        rounds.filter((round) => round.server === name && round.connections === connections);
      lines.push(line(server, connections, of(server), of(RIVAL)));
    }
  const widths = head.map((title, column) =>
    Math.max(...[head, ...lines].map((cells) => (cells[column] ?? '').length), title.length),
  );
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [row(head), row(widths.map((width) => '-'.repeat(width))), ...lines.map(row)].join('\n');
}

function line(server: ServerName, connections: number, rounds: readonly Round[], rivals: readonly Round[]): string[] {
  const middle = (value: (round: Round) => number): number => median(rounds.map(value));
  const spread = (values: readonly number[]): string =>
    `${thousands(median(values))} [${thousands(Math.min(...values))}–${thousands(Math.max(...values))}]`;
  const paths = rounds.flatMap(({ path }) => (path === null ? [] : [path]));
  const whole = paths.length > 0 ? paths.map(({ wholePerS }) => wholePerS) : rounds.map(({ ackedPerS }) => ackedPerS);
  const nearLimit = rounds.some(({ generatorCores }) => generatorCores > NEAR_ONE_CORE);
  return [
    server,
    String(connections),
    `${spread(rounds.map(({ ackedPerS }) => ackedPerS))}${nearLimit ? ' G' : ''}`,
    `${middle(({ p50Ms }) => p50Ms).toFixed(1)} / ${middle(({ p99Ms }) => p99Ms).toFixed(1)}`,
    middle(({ cpuSecondsPerMillion }) => cpuSecondsPerMillion).toFixed(1),
    paths.length > 0 ? median(paths.map(({ drainSeconds }) => drainSeconds)).toFixed(1) : '–',
    paths.length > 0 ? spread(whole) : '–',
    `${Math.round((100 * median(whole)) / median(rivals.map(({ ackedPerS }) => ackedPerS)))} %`,
    String(Math.round(middle(({ rssMb }) => rssMb))),
    paths.length > 0 ? median(paths.map(({ loopDelayP99Ms }) => loopDelayP99Ms)).toFixed(0) : '–',
  ];
}

/** One round as it ends. */
export function said({ path, ...round }: Round): string {
  const first =
    `${round.server} c${round.connections}: ${thousands(round.ackedPerS)}/s, p50 ${round.p50Ms} p99 ${round.p99Ms} ms, ` +
    `${round.cpuSecondsPerMillion.toFixed(1)} s/M, ${round.rssMb} MB (generator ${round.generatorCores}, others ${round.otherCores.toFixed(1)} cores)`;
  if (path === null) return first;
  return [
    first,
    `  stored after ${path.drainSeconds.toFixed(1)} s more: ${thousands(path.wholePerS)}/s the whole path; loop delay p99 ${path.loopDelayP99Ms.toFixed(0)} ms`,
    `  s/M by thread: ${path.threads.map(([name, perMillion]) => `${name} ${perMillion.toFixed(1)}`).join(', ')}`,
  ].join('\n');
}

/** What it ran on, so that nobody compares it with another machine's. */
export function machine(rounds: readonly Round[]): string {
  const others = rounds.map(({ otherCores }) => otherCores);
  const [cpu] = cpus();
  return (
    `${cpus().length} × ${cpu?.model.trim() ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}, ` +
    `${new Date().toISOString().slice(0, 10)}; other processes took ${median(others).toFixed(1)} cores (${Math.min(...others).toFixed(1)}–${Math.max(...others).toFixed(1)}) meanwhile`
  );
}
