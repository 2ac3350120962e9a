import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** A process that this one started. None of them outlives it. */
export interface Started {
  readonly pid: number;
  /** Its first line on stdout that matches; rejects with all it said when it ends without one. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** SIGTERM, then waits for its end; rejects when that is not exit code 0 or the signal. */
  stop(): Promise<void>;
  /** Rejects with all it said when it ends. */
  readonly ended: Promise<never>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

export function start(command: string, args: readonly string[], environment: Record<string, string> = {}): Started {
  const child = spawn(command, args, {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let said = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-20_000);
      for (const heard of listeners) heard();
    });
  const exit = new Promise<string | null>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code, signal) => {
      running.delete(child);
      resolve(code === 0 || signal === 'SIGTERM' ? null : `ended with ${code ?? signal}`);
    });
  });
  const failed = (why: string | null): Error => new Error(`${command} ${args.join(' ')}: ${why ?? 'ended'}\n${said}`);
  const ended = exit.then((why) => Promise.reject(failed(why)));
  ended.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    ended,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const heard = (): void => {
          const found = pattern.exec(said);
          if (found === null) return;
          listeners.delete(heard);
          resolve(found);
        };
        listeners.add(heard);
        heard();
        ended.catch(reject);
      }),
    stop: async () => {
      child.kill('SIGTERM');
      const why = await exit;
      if (why !== null) throw failed(why);
    },
  };
}

/** Runs to the end; null where the command is not installed. Throws when it fails. */
export function output(command: string, args: readonly string[]): string | null {
  const { error, status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}

/** Clock ticks of /proc in a second; the kernel's USER_HZ, which is 100 on every Linux that Node runs on. */
const TICKS = 100;

/** CPU seconds, user and system, of all threads or of one (`/proc/PID` or `/proc/PID/task/TID`), with its name. */
function accounted(folder: string): { name: string; seconds: number } {
  const text = readFileSync(`${folder}/stat`, 'utf8');
  const nameEnds = text.lastIndexOf(')');
  const fields = text.slice(nameEnds + 2).split(' ');
  return {
    name: text.slice(text.indexOf('(') + 1, nameEnds),
    seconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
  };
}

/** CPU that a process has used, with the threads that have ended. */
export function cpuSeconds(pid: number): number {
  return accounted(`/proc/${pid}`).seconds;
}

/** Memory of a process that is in RAM. */
export function residentKb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** CPU that the threads of a process have used, by name: several have the same. */
export function cpuSecondsByThread(pid: number): ReadonlyMap<string, number> {
  const total = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const { name, seconds } = accounted(`/proc/${pid}/task/${thread}`);
    total.set(name, (total.get(name) ?? 0) + seconds);
  }
  return total;
}

/** CPU that everything on this machine has used since it was started, without waiting for disks. */
export function machineCpuSeconds(): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, steal = 0] = (
    readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
  )
    .split(/\s+/)
    .map(Number);
  return (user + nice + system + irq + softIrq + steal) / TICKS;
}
