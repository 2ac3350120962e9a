import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach } from 'vitest';

const PROJECT = join(import.meta.dirname, '../..');

/** A process that a test has started, and what it has said so far. */
export class Running {
  output = '';
  readonly ended: Promise<number | NodeJS.Signals>;
  private readonly waiting = new Set<() => void>();

  constructor(readonly process: ChildProcessByStdio<null, Readable, Readable>) {
    for (const stream of [process.stdout, process.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        for (const look of this.waiting) look();
      });
    this.ended = new Promise((resolve, reject) => {
      process.on('error', reject);
      process.on('close', (code, signal) => resolve(code ?? signal ?? -1));
    });
  }

  /** Resolves when the output holds this text; fails when the process ends without it. */
  async says(text: string): Promise<void> {
    const said = new Promise<void>((resolve) => {
      const look = () => {
        if (!this.output.includes(text)) return;
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
      look();
    });
    const silent = this.ended.then((code) => {
      if (!this.output.includes(text)) throw new Error(`ended with ${code} without saying "${text}":\n${this.output}`);
    });
    await Promise.race([said, silent]);
  }
}

const folders: string[] = [];
const processes: Running[] = [];
afterEach(() => {
  for (const { process } of processes.splice(0)) if (process.exitCode === null) process.kill('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A Node of the machine that is too old for Canh but can set it up, where there is one. */
export const olderNode = (process.env['PATH'] ?? '')
  .split(':')
  .map((folder) => join(folder, 'node'))
  .find((node) => {
    const { status, stdout } = spawnSync(node, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' });
    return status === 0 && Number(stdout) >= 20 && Number(stdout) < 24;
  });

const LOCK = {
  name: 'canh',
  lockfileVersion: 3,
  packages: { '': { name: 'canh' }, 'node_modules/thing': { version: '1.0.0' } },
};

/**
 * A clone of Canh in a folder of its own: the real tools, a source file, one installed package, and in place of compiler
 * and bundler two scripts that write down that they ran.
 */
export class Checkout {
  readonly root = mkdtempSync(join(tmpdir(), 'canh-tools-'));

  constructor() {
    folders.push(this.root);
    cpSync(join(PROJECT, 'tools'), join(this.root, 'tools'), { recursive: true });
    this.write('package.json', JSON.stringify({ name: 'canh', version: '0.0.0', type: 'module' }));
    this.write('package-lock.json', JSON.stringify(LOCK));
    this.write('node_modules/.package-lock.json', JSON.stringify(LOCK));
    this.write('apps/canh/src/main.ts', 'first');
    this.write('apps/canh/src/main.spec.ts', 'first');
    this.compilerIs('');
    this.write('node_modules/vite/bin/vite.js', '');
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  remove(path: string): void {
    rmSync(join(this.root, path), { recursive: true });
  }

  /** The compiler does this before it writes the program, which prints its arguments. */
  compilerIs(script: string): void {
    this.write(
      'node_modules/@nestjs/cli/bin/nest.js',
      `import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
       appendFileSync('built.log', 'x');
       ${script}
       mkdirSync('dist/apps/canh/src', { recursive: true });
       writeFileSync('dist/apps/canh/src/main.js', 'console.log("program", ...process.argv.slice(2))');`,
    );
  }

  /** Puts this Node where the npm package `node` puts one. */
  packageNode(): void {
    mkdirSync(join(this.root, 'node_modules/node/bin'), { recursive: true });
    symlinkSync(process.execPath, join(this.root, 'node_modules/node/bin/node'));
  }

  get builds(): number {
    try {
      return readFileSync(join(this.root, 'built.log'), 'utf8').length;
    } catch {
      return 0;
    }
  }

  start(
    args: readonly string[],
    { node = process.execPath, env = {} }: { node?: string; env?: NodeJS.ProcessEnv } = {},
  ): Running {
    const outside = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_'));
    const child = spawn(node, args, {
      cwd: this.root,
      env: { ...Object.fromEntries(outside), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const running = new Running(child);
    processes.push(running);
    return running;
  }

  ready(...args: string[]): Running {
    return this.start(['tools/ready.mjs', ...args]);
  }
}
