import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'vite';
import vitestConfig from '../../vitest.config.js';

const ROOT = resolve(import.meta.dirname, '../..');

/** The notifier's own `main.ts` in one file, since Node does not find the sources' import names by itself. */
export class NotifierProgram {
  private constructor(
    private readonly folder: string,
    private readonly running: Set<ChildProcess> = new Set(),
  ) {}

  static async build(): Promise<NotifierProgram> {
    // Inside the project: what it imports from packages is found from where the file lies.
    const folder = await mkdtemp(join(ROOT, 'node_modules', '.canh-notifier-'));
    await build({
      configFile: false,
      root: ROOT,
      logLevel: 'warn',
      resolve: { alias: vitestConfig.resolve?.alias ?? [] },
      build: {
        ssr: join(ROOT, 'apps/notifier/src/main.ts'),
        outDir: folder,
        emptyOutDir: true,
        target: 'esnext',
        minify: false,
        rollupOptions: { output: { entryFileNames: 'main.mjs' } },
      },
    });
    return new NotifierProgram(folder);
  }

  start(environment: Readonly<Record<string, string>>): NotifierProcess {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CANH_'));
    const child = spawn(process.execPath, [join(this.folder, 'main.mjs')], {
      cwd: ROOT,
      env: { ...Object.fromEntries(inherited), ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.running.add(child);
    child.once('exit', () => this.running.delete(child));
    return new NotifierProcess(child);
  }

  async end(): Promise<void> {
    for (const child of this.running) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

export class NotifierProcess {
  /** What it wrote to standard error, by lines. */
  readonly said: string[] = [];
  readonly exited: Promise<number | NodeJS.Signals>;

  constructor(private readonly child: ChildProcess) {
    if (child.stderr !== null) createInterface(child.stderr).on('line', (line) => this.said.push(line));
    this.exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}
