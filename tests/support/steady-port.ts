import { createServer } from 'node:net';

/** Below the range that the system gives out by itself: there a connection of anybody takes a port for a minute, in which nobody can listen on it. */
const FIRST = 15_000;
const PORTS_OF_A_WORKER = 250;
const WORKERS = 60;

const given = new Set<number>();

/**
 * A port that is free, and that this process gives out once: so that a server can come back to it after a kill. No other worker of this run
 * gives it out, also while nobody listens on it; two runs at once seldom do.
 */
export async function steadyPort(): Promise<number> {
  const worker = (process.ppid + Number(process.env['VITEST_POOL_ID'] ?? 0)) % WORKERS;
  while (given.size < PORTS_OF_A_WORKER) {
    const port = FIRST + worker * PORTS_OF_A_WORKER + Math.floor(Math.random() * PORTS_OF_A_WORKER);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(
    `This process has given out all of its ${PORTS_OF_A_WORKER} ports: let it take a port again, or give it more.`,
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer();
    probe.once('error', () => done(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)));
  });
}
