import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { output } from './processes.js';

/** What is asked of a server: QoS 1, as fast as it acknowledges, `window` messages in flight on each connection. */
export interface Load {
  readonly connections: number;
  readonly window: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

interface Target {
  readonly port: number;
  readonly pid: number;
  readonly tokensFile: string | null;
}

/** What mqtt-load.c prints. Rates and CPU are of the measured seconds; `sent` and `acked` count from the first message on. */
export interface LoadResult {
  readonly dead: number;
  readonly messages_per_s: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly sent: number;
  readonly acked: number;
  readonly gen_cores: number;
  readonly pid0: { readonly cores: number; readonly cpu_s_per_million: number; readonly rss_mb: number };
}

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

  /** As many messages as it acknowledges in the time. */
  load({ connections, window, warmUpSeconds, seconds }: Load, target: Target): Promise<LoadResult> {
    return this.run(['-c', connections, '-w', window, '-W', warmUpSeconds, '-d', seconds], target);
  }

  /** One message on each connection. */
  once({ connections }: Load, target: Target): Promise<LoadResult> {
    return this.run(['-c', connections, '-w', 1, '-n', connections, '-W', 0, '-d', 60], target);
  }

  private async run(how: readonly (string | number)[], { port, pid, tokensFile }: Target): Promise<LoadResult> {
    const tokens = tokensFile === null ? [] : ['-U', tokensFile];
    const child = spawn(this.program, ['-P', port, '-p', pid, '-q', 1, ...how, ...tokens].map(String), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [printed, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    if (code !== 0)
      throw new Error(`mqtt-load ended with ${String(code ?? signal)}: connections were refused or lost. ${printed}`);
    return JSON.parse(printed) as LoadResult;
  }
}
