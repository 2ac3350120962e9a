import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { output } from './processes.js';

/** What is asked of a server, at QoS 1. */
export interface Load {
  readonly connections: number;
  /** Messages in flight on each connection. */
  readonly window: number;
  /** Messages a second in all, each due at its own moment; 0: as fast as they are acknowledged. */
  readonly rate: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export const labelOf = ({ connections, rate }: Pick<Load, 'connections' | 'rate'>): string =>
  rate === 0 ? `c${connections}` : `c${connections} ${rate}/s`;

interface Target {
  readonly port: number;
  readonly pid: number;
  /** A token a line, or null where everybody is admitted. */
  readonly tokensFile: string | null;
  /** `%d` is the number of the connection. */
  readonly topic?: string;
}

/** What mqtt-load.c prints. Rates, latencies and CPU are of the measured seconds; `sent` and `acked` count from the first message on. */
export interface LoadResult {
  readonly dead: number;
  readonly messages_per_s: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
  readonly sent: number;
  readonly acked: number;
  readonly gen_cores: number;
  readonly pid0: { readonly cores: number; readonly cpu_s_per_million: number; readonly rss_mb: number };
}

/** Apart by more than the millisecond that some stores keep, and not so far that a run is ahead of the clock. */
const APART_MS = 1;

export class Generator {
  private readonly program: string;

  private constructor(program: string) {
    this.program = program;
  }

  static compile(folder: string): Generator {
    const program = join(folder, 'mqtt-load');
    const source = fileURLToPath(new URL('./mqtt-load.c', import.meta.url));
    if (output('cc', ['-O2', '-o', program, source]) === null)
      throw new Error(
        'There is no C compiler `cc` here, and the load generator is in C. On Debian: apt install gcc libc6-dev.',
      );
    return new Generator(program);
  }

  load({ connections, window, rate, warmUpSeconds, seconds }: Load, target: Target): Promise<LoadResult> {
    const times = rate > 0 ? ['-r', rate] : ['-T', Date.now(), '-s', APART_MS];
    return this.run(['-c', connections, '-w', window, '-W', warmUpSeconds, '-d', seconds, ...times], target);
  }

  /** One message on each connection. */
  once(connections: number, target: Target): Promise<LoadResult> {
    return this.run(['-c', connections, '-w', 1, '-n', connections, '-W', 0, '-d', 60], target);
  }

  /** What one device has saved up since `from`, as fast as it is acknowledged. */
  backlog(messages: number, from: number, apartMs: number, seconds: number, target: Target): Promise<LoadResult> {
    return this.run(['-c', 1, '-w', 64, '-n', messages, '-T', from, '-s', apartMs, '-W', 0, '-d', seconds], target);
  }

  private async run(how: readonly (string | number)[], { port, pid, tokensFile, topic }: Target): Promise<LoadResult> {
    const tokens = tokensFile === null ? [] : ['-U', tokensFile];
    const topics = topic === undefined ? [] : ['-t', topic];
    const child = spawn(this.program, ['-P', port, '-p', pid, '-q', 1, ...how, ...tokens, ...topics].map(String), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const stop = (): void => void child.kill('SIGKILL');
    process.once('exit', stop);
    const [printed, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    process.off('exit', stop);
    if (code !== 0)
      throw new Error(`mqtt-load ended with ${String(code ?? signal)}: connections were refused or lost. ${printed}`);
    return JSON.parse(printed) as LoadResult;
  }
}
