import { Worker } from 'node:worker_threads';
import { CanhError } from '@canh/core/canh-error';
import type { Environment } from '@canh/runtime/settings';

type FromThread = { readonly kind: 'started' } | { readonly kind: 'failed'; readonly line: string };

/** The processor on a thread of its own: the same program that runs as a process elsewhere, told the same settings. */
export class ProcessorThread {
  private stopping = false;

  private constructor(
    private readonly worker: Worker,
    private readonly ended: Promise<number>,
  ) {}

  /** Resolves when it follows the journal. `lost` is called when it ends without being told to. */
  static async start(environment: Environment, lost: (error: CanhError) => void): Promise<ProcessorThread> {
    const worker = new Worker(new URL('../../processor/src/main.js', import.meta.url), { env: { ...environment } });
    let failure: string | null = null;
    let crash: Error | null = null;
    const ended = new Promise<number>((resolve) => worker.on('exit', resolve));
    worker.on('error', (error) => (crash = error as Error));
    const started = new Promise<void>((resolve) => {
      worker.on('message', (message: FromThread) => {
        if (message.kind === 'started') resolve();
        else failure = message.line.replace(/^Canh: /, '');
      });
    });
    const gone = (): CanhError =>
      new CanhError(
        'PROCESSOR_ENDED',
        failure ?? `The processor ended${crash === null ? '' : `: ${crash.stack ?? crash.message}`}.`,
        { cause: crash },
      );
    await Promise.race([
      started,
      ended.then(() => {
        throw gone();
      }),
    ]);
    const thread = new ProcessorThread(worker, ended);
    void ended.then(() => thread.stopping || lost(gone()));
    return thread;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.worker.postMessage('stop');
    await this.ended;
  }
}
