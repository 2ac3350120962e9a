import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const KEPT_CHARACTERS = 64 * 1024;

/**
 * Runs a command to its end and answers with its exit code, 128 + n for a death by signal n. Signals that reach us reach
 * it. Not `spawnSync`: that would keep SIGTERM to itself, and a service manager could not stop what runs here.
 * With `quiet` the output is kept, the newest 64 Ki characters of it, instead of shown.
 */
export function runToEnd(command, args, { quiet = false, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit', ...options });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => (output = (output + text).slice(-KEPT_CHARACTERS)));

    const passOn = (signal) => {
      // A terminal sends Ctrl-C to all of its processes itself; a second one would cut an orderly stop short.
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    };
    for (const signal of PASSED_ON) process.on(signal, passOn);
    // `npm run` may put a shell between npm and us, which dies of SIGTERM without passing it on: notice that our parent is gone.
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.env.npm_lifecycle_event !== undefined && process.ppid !== parent) child.kill('SIGTERM');
    }, 500);
    const settle = () => {
      clearInterval(watch);
      for (const signal of PASSED_ON) process.off(signal, passOn);
    };

    child.on('error', (error) => {
      settle();
      reject(error);
    });
    child.on('close', (code, signal) => {
      settle();
      resolve({ exitCode: code ?? 128 + (constants.signals[signal] ?? 0), stopped: signal !== null, output });
    });
  });
}
