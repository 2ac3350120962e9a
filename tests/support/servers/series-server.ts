import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { steadyPort } from '../steady-port.js';

/** A real time series server of its own: on a free port, with a folder that is gone after `remove`. */
export interface SeriesServer {
  readonly url: string;
  /** Of the process that was started last. */
  pid(): number;
  /** Asks it to end, as an operator does; resolves when it has. */
  stop(): Promise<void>;
  /** Ends it as a power cut does. */
  kill(): Promise<void>;
  /** Starts it again on the same port and folder; resolves when it answers. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  remove(): Promise<void>;
}

interface Program {
  readonly name: string;
  /** Its arguments, for a folder that is there and a port that is free. */
  readonly args: (folder: string, port: number) => Promise<string[]>;
  /** What answers 2xx once it works. */
  readonly healthPath: string;
}

const STARTS_WITHIN_MS = 30_000;

/** Where the program is, or null: Debian puts some of them outside a user's PATH. */
export function installed(program: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/sbin', '/usr/local/bin'];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null;
}

/** Whether the tests of a program must be left out here, said loudly. In CI none may be: there the start fails instead. */
export function missing(program: string, debianPackage: string): boolean {
  if (installed(program) !== null || process.env['CI'] !== undefined) return false;
  console.warn(
    `SKIPPED: ${program} is not installed, so nothing was tested against it. On Debian: apt-get install ${debianPackage}`,
  );
  return true;
}

export async function startSeriesServer(program: Program): Promise<SeriesServer> {
  const path = installed(program.name);
  if (path === null)
    throw new Error(`${program.name} is not installed: install it, or run these tests without CI set.`);
  const folder = await mkdtemp(join(tmpdir(), `canh-${program.name}-`));
  // Between our look for a free port and its start somebody else can take it.
  for (let attempt = 1; ; attempt++) {
    const port = await steadyPort();
    const args = await program.args(folder, port);
    const url = `http://127.0.0.1:${port}`;
    try {
      return running(await start(path, args, url + program.healthPath), url, folder, () =>
        start(path, args, url + program.healthPath),
      );
    } catch (error) {
      if (attempt < 3) continue;
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }
}

function running(first: ChildProcess, url: string, folder: string, again: () => Promise<ChildProcess>): SeriesServer {
  let process = first;
  const end = async (signal: NodeJS.Signals) => {
    if (process.exitCode !== null || process.signalCode !== null) return;
    const gone = new Promise((resolve) => process.once('exit', resolve));
    process.kill(signal);
    await gone;
  };
  return {
    url,
    pid: () => process.pid ?? -1,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGTERM');
      process = await again();
    },
    remove: async () => {
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function start(path: string, args: readonly string[], healthUrl: string): Promise<ChildProcess> {
  const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2_000)));
  let failure: Error | null = null;
  child.once('error', (error) => (failure = error));
  const deadline = performance.now() + STARTS_WITHIN_MS;
  for (;;) {
    if (failure !== null || child.exitCode !== null || child.signalCode !== null)
      throw new Error(`${path} ended at its start: ${said}`, { cause: failure });
    if (performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`${path} did not answer at ${healthUrl} within ${STARTS_WITHIN_MS} ms: ${said}`);
    }
    if (await answers(healthUrl)) return child;
    await delay(20);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
