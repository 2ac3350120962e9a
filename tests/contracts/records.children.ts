import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { build, type Alias } from 'vite';
import vitestConfig from '../../vitest.config.js';
import type { Report, Task } from './records.child.js';

/** Another process or thread that works on the same records. */
export interface Child {
  /** Resolves when it is started and waits for `go`. */
  readonly ready: Promise<void>;
  /** Its first word to it is "begin", its second "stop". */
  say(): void;
  /** Resolves when it has reported that many steps. */
  steps(count: number): Promise<void>;
  /** What it came to; rejects when it failed or died. */
  readonly result: Promise<unknown>;
  /** Resolves when it is gone, however it went. */
  readonly gone: Promise<void>;
  /** kill -9, for a process. */
  kill(): void;
}

export interface Children {
  start(task: Task, as?: 'process' | 'thread'): Child;
  /** Ends all that still run and removes what was built. */
  end(): Promise<void>;
}

/** Builds `records.child.ts` into one file, since neither a process nor a thread of Node finds the sources' import names by itself. */
export async function buildChildren(): Promise<Children> {
  const folder = await mkdtemp(join(tmpdir(), 'canh-records-child-'));
  const bundled = (vitestConfig.resolve?.alias ?? []) as Alias[];
  // Machine code is in no bundle; from where the bundle lies it has to be named by its whole path.
  const native = createRequire(import.meta.url).resolve('@node-rs/argon2');
  await build({
    configFile: false,
    logLevel: 'warn',
    resolve: { alias: [...bundled, { find: '@node-rs/argon2', replacement: native }] },
    ssr: { noExternal: true, external: [native] },
    build: {
      ssr: join(import.meta.dirname, 'records.child.ts'),
      outDir: folder,
      emptyOutDir: true,
      target: 'esnext',
      minify: false,
      rollupOptions: { external: [native], output: { entryFileNames: 'child.mjs' } },
    },
  });
  const file = join(folder, 'child.mjs');
  const running = new Set<Child>();
  return {
    start(task, as = 'process') {
      const child = as === 'process' ? processFor(file, task) : threadFor(file, task);
      running.add(child);
      void child.gone.then(() => running.delete(child));
      return child;
    },
    async end() {
      for (const child of running) child.kill();
      await Promise.all([...running].map(({ gone }) => gone));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function promised<Value>() {
  let resolve!: (value: Value) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<Value>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** Follows the reports of a child. */
class Reports {
  private seen = 0;
  private failure: Error | null = null;
  private readonly waiting = new Set<{ count: number; resolve: () => void; reject: (error: Error) => void }>();
  readonly ready = promised<void>();
  readonly result = promised<unknown>();
  readonly gone = promised<void>();

  constructor() {
    // Whoever waits for them learns of a failure; nobody has to.
    for (const { promise } of [this.ready, this.result]) promise.catch(() => undefined);
  }

  take(report: Report): void {
    if (report.kind === 'ready') this.ready.resolve();
    else if (report.kind === 'done') this.result.resolve(report.result);
    else if (report.kind === 'failed') this.fail(new Error(report.error));
    else {
      this.seen += 1;
      for (const waiter of this.waiting) if (this.seen >= waiter.count) this.settle(waiter, waiter.resolve);
    }
  }

  steps(count: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.seen >= count) resolve();
      else if (this.failure !== null) reject(this.failure);
      else this.waiting.add({ count, resolve, reject });
    });
  }

  end(how: string): void {
    this.fail(new Error(`the child ended ${how}`));
    this.gone.resolve();
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.ready.reject(error);
    this.result.reject(error);
    for (const waiter of this.waiting) this.settle(waiter, () => waiter.reject(error));
  }

  private settle(
    waiter: { count: number; resolve: () => void; reject: (error: Error) => void },
    how: () => void,
  ): void {
    this.waiting.delete(waiter);
    how();
  }
}

function childOf(reports: Reports, say: () => void, kill: () => void): Child {
  return {
    ready: reports.ready.promise,
    result: reports.result.promise,
    gone: reports.gone.promise,
    steps: (count) => reports.steps(count),
    say,
    kill,
  };
}

function processFor(file: string, task: Task): Child {
  const reports = new Reports();
  const child = fork(file, [JSON.stringify(task)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  child.on('message', (report) => reports.take(report as Report));
  child.on('exit', (code, signal) => reports.end(`with ${signal ?? code}`));
  return childOf(
    reports,
    () => child.send('word'),
    () => child.kill('SIGKILL'),
  );
}

function threadFor(file: string, task: Task): Child {
  const reports = new Reports();
  const worker = new Worker(file, { workerData: task });
  worker.on('message', (report: Report) => reports.take(report));
  worker.on('error', (error) => reports.take({ kind: 'failed', error: error.stack ?? error.message }));
  worker.on('exit', (code) => reports.end(`with ${code}`));
  return childOf(
    reports,
    () => worker.postMessage('word'),
    () => void worker.terminate(),
  );
}
