import { isMainThread, parentPort } from 'node:worker_threads';
import { CanhError } from '@canh/core/canh-error';
import { withoutSecrets } from './without-secrets.js';

/** Something that was started and can be stopped in order. */
export interface Running {
  close(): Promise<void>;
}

const STOP_WITHIN_MS = 10_000;
const SAME_SIGNAL_MS = 1_000;

/** What the machine says that a person can put right. */
const OF_THE_MACHINE: ReadonlySet<string> = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOSPC',
  'ENOTDIR',
  'EADDRINUSE',
  'EADDRNOTAVAIL',
]);

/** What a person is told of an error that ends a process: one line for what they can put right, all of it for what only we can. */
export function lineFor(error: unknown): string {
  if (error instanceof CanhError) return withoutSecrets(`Canh: ${error.message}`);
  const { code, message, stack } = error as NodeJS.ErrnoException;
  if (code !== undefined && OF_THE_MACHINE.has(code)) return withoutSecrets(`Canh: ${message}.`);
  return withoutSecrets(`Canh: ${stack ?? String(error)}`);
}

/**
 * Starts a part and stays until it is told to stop: by SIGTERM or SIGINT as a process, by the message `stop` as a thread. What fails at
 * the start is one line and exit code 1. A stop that takes longer than 10 s, or a second signal, ends it at once with code 1.
 */
export async function run(start: () => Promise<Running>): Promise<void> {
  // In a thread, whoever started it hears of this and says it.
  if (isMainThread)
    process.on('uncaughtException', (error) => {
      process.stderr.write(`${lineFor(error)}\n`);
      process.exit(1);
    });
  let running: Running | null = null;
  let stoppingSince: number | null = null;
  const close = (started: Running): void =>
    void started.close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${lineFor(error)}\n`);
        process.exit(1);
      },
    );
  const stop = (): void => {
    if (stoppingSince !== null) {
      // One Ctrl-C can arrive twice, from the terminal and from whatever started us: only a later one is impatience.
      if (performance.now() - stoppingSince > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    stoppingSince = performance.now();
    setTimeout(() => {
      process.stderr.write(`Canh: did not stop within ${STOP_WITHIN_MS / 1000} s and is ended.\n`);
      process.exit(1);
    }, STOP_WITHIN_MS).unref();
    if (running !== null) close(running);
  };
  // Before the start, which says that it is done before it returns: what is half open then is closed as soon as it is open.
  if (isMainThread) for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  try {
    running = await start();
  } catch (error) {
    if (isMainThread) process.stderr.write(`${lineFor(error)}\n`);
    else parentPort?.postMessage({ kind: 'failed', line: lineFor(error) });
    process.exit(1);
  }
  if (!isMainThread) {
    parentPort?.on('message', (message) => message === 'stop' && stop());
    parentPort?.postMessage({ kind: 'started' });
  }
  if (stoppingSince !== null) close(running);
}
