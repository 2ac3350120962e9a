import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const STARTS_WITHIN_MS = 60_000;
const STOPS_WITHIN_MS = 10_000;
/** A process that logs without end must not fill the memory of the tests; the newest is what a failure needs. */
const MOST_LOG = 400_000;
/** What a test's administrator signs in with, unless the test says otherwise. */
export const ADMIN_PASSWORD = 'mat-khau-thu-nghiem';

/** A file of the build; says what to do where there is none. */
export function built(path: string): string {
  const file = join(ROOT, 'dist', path);
  if (!existsSync(file))
    throw new Error(`${file} is not there: these tests use the built product. Run npm run build, or npm test.`);
  return file;
}

/** A folder for one test, which `CanhProcess.remove` removes again. */
export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'canh-acceptance-'));
}

export type Settings = Readonly<Record<string, string>>;

/** The settings of the person who runs the tests must not decide them. */
function environment(settings: Settings): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CANH_'));
  return { ...Object.fromEntries(inherited), NO_COLOR: '1', ...settings };
}

/** A program of the build as a child process, with everything it wrote. */
export class Program {
  stdout = '';
  stderr = '';
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  private readonly child: ChildProcess;
  private readonly readers = new Set<() => void>();
  private over = false;

  /** `under`: a program that runs it in the same process, with its own arguments, as `strace -D` does. */
  constructor(path: string, args: readonly string[], settings: Settings, under: readonly string[] = []) {
    const [command = '', ...rest] = [...under, process.execPath, '--enable-source-maps', built(path), ...args];
    this.child = spawn(command, rest, {
      cwd: ROOT,
      env: environment(settings),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.hear('stdout', text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.hear('stderr', text));
    this.ended = new Promise((resolve) =>
      this.child.once('close', (code, signal) => {
        this.over = true;
        resolve({ code, signal });
        for (const look of this.readers) look();
      }),
    );
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  send(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Everything it wrote, for a failure. */
  get output(): string {
    return `--- stdout\n${this.stdout}\n--- stderr\n${this.stderr}`;
  }

  /** The first match on stdout; rejects when it ends before, or says nothing of the kind in time. */
  async printed(pattern: RegExp, withinMs = STARTS_WITHIN_MS): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        stop();
        reject(new Error(`${why} ${String(pattern)} was printed.\n${this.output}`));
      };
      const timer = setTimeout(() => fail(`${withinMs} ms passed before`), withinMs);
      const look = (): void => {
        const match = pattern.exec(this.stdout);
        if (match !== null) {
          stop();
          resolve(match);
        } else if (this.over) fail('The program ended before');
      };
      const stop = (): void => {
        clearTimeout(timer);
        this.readers.delete(look);
      };
      this.readers.add(look);
      look();
    });
  }

  /** SIGTERM; throws when it does not end by itself with code 0 in time. */
  async stop(): Promise<void> {
    this.send('SIGTERM');
    const timer = setTimeout(() => this.send('SIGKILL'), STOPS_WITHIN_MS);
    const { code, signal } = await this.ended;
    clearTimeout(timer);
    if (code !== 0)
      throw new Error(`After SIGTERM it ended with code ${String(code)}, signal ${String(signal)}.\n${this.output}`);
  }

  async kill(): Promise<void> {
    this.send('SIGKILL');
    await this.ended;
  }

  private hear(where: 'stdout' | 'stderr', text: string): void {
    this[where] = (this[where] + text).slice(-MOST_LOG);
    for (const look of this.readers) look();
  }
}

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

/** Runs one command of the command line to its end. */
export async function canh(args: readonly string[], settings: Settings = {}): Promise<Finished> {
  const program = new Program('apps/canh/src/main.js', args, settings);
  const { code } = await program.ended;
  return { stdout: program.stdout, stderr: program.stderr, code };
}

/** The same, for commands that only prepare a test: what does not end with 0 fails it. */
export async function canhDone(args: readonly string[], settings: Settings = {}): Promise<string> {
  const { stdout, stderr, code } = await canh(args, settings);
  if (code !== 0) throw new Error(`canh ${args.join(' ')} ended with code ${String(code)}.\n${stdout}\n${stderr}`);
  return stdout;
}

/** `canh start` as a child process, on free ports, with a data folder of its own unless one is given. */
export class CanhProcess {
  consoleUrl = '';
  mqttUrl = '';
  wsUrl = '';

  private constructor(
    public program: Program,
    readonly settings: Settings,
    readonly dataDir: string,
    private readonly under: readonly string[],
  ) {}

  static async start({
    env = {},
    under = [],
  }: { env?: Settings; under?: readonly string[] } = {}): Promise<CanhProcess> {
    const dataDir = env['CANH_DATA_DIR'] ?? (await temporaryFolder());
    const settings: Settings = {
      CANH_HTTP_PORT: '0',
      CANH_MQTT_PORT: '0',
      CANH_WS_PORT: '0',
      CANH_ADMIN_PASSWORD: ADMIN_PASSWORD,
      CANH_LOG_LEVEL: 'warn',
      CANH_SELF_REPORT_SECONDS: '0',
      ...env,
      CANH_DATA_DIR: dataDir,
    };
    const program = new Program('apps/canh/src/main.js', ['start'], settings, under);
    const started = new CanhProcess(program, settings, dataDir, under);
    await started.ready().catch(async (error: unknown) => {
      await started.kill();
      throw error;
    });
    return started;
  }

  /** SIGTERM; throws when it does not end with code 0 within 10 s. */
  stop(): Promise<void> {
    return this.program.stop();
  }

  /** SIGKILL: as a power cut ends it. */
  kill(): Promise<void> {
    return this.program.kill();
  }

  /** Starts it again on the same folder, and on the same ports where `settings` name them; it must have ended. `spawn` does not wait. */
  async restart(): Promise<void> {
    this.spawn();
    await this.ready();
  }

  spawn(): void {
    this.program = new Program('apps/canh/src/main.js', ['start'], this.settings, this.under);
  }

  async ready(): Promise<void> {
    const [, consoleUrl = '', mqttUrl = '', wsUrl = ''] = await this.program.printed(
      /is running: (\S+)\n\s*thiết bị \/ devices: (\S+) · (\S+) ·[^\n]*\n\s*dữ liệu \/ data: [^\n]+\n/,
    );
    Object.assign(this, { consoleUrl, mqttUrl, wsUrl });
  }

  /** Ends it, however it is, and removes its folder. */
  async remove(): Promise<void> {
    await this.kill();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  signIn(password = this.settings['CANH_ADMIN_PASSWORD'] ?? ADMIN_PASSWORD): Promise<Api> {
    return Api.signIn(this.consoleUrl, password);
  }
}

/** The API as the page uses it, signed in. */
export class Api {
  private constructor(
    readonly url: string,
    readonly cookie: string,
  ) {}

  static async signIn(url: string, password: string, login = 'admin'): Promise<Api> {
    const answer = await fetch(`${url}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-canh': 'console' },
      body: JSON.stringify({ login, password }),
    });
    const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
    if (answer.status !== 200 || cookie === '')
      throw new Error(`Signing in was answered ${answer.status}: ${await answer.text()}`);
    return new Api(url, cookie);
  }

  async get<T>(path: string): Promise<T> {
    const answer = await fetch(this.url + path, { headers: this.headers });
    if (!answer.ok) throw new Error(`GET ${path} was answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    const answer = await fetch(this.url + path, {
      method: 'POST',
      headers: { ...this.headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`POST ${path} was answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  get headers(): Record<string, string> {
    return { cookie: this.cookie, 'x-canh': 'console' };
  }
}
