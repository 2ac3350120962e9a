import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpAdapter, listen } from '@canh/runtime/http';
import { Health } from '@canh/runtime/health';
import { Metrics } from '@canh/runtime/metrics';
import { OperatingModule } from '@canh/runtime/operating.module';
import type { Area, Device, Station } from '@canh/core/stations/station';
import type { Instant } from '@canh/core/time/instant';
import { ConsoleModule } from '../../apps/console/src/console.module.js';
import { ConsoleSettings } from '../../apps/console/src/console.settings.js';
import { serveConsole } from '../../apps/console/src/serve-console.js';
import { openRecordsAt, type Records } from '../contracts/records.parts.js';

export const ADMIN_PASSWORD = 'mật khẩu thử 1';

@Module({})
class ConsoleAlone {}

/** A clock that a test sets. */
export class SetClock {
  constructor(private at: Instant) {}
  now(): Instant {
    return this.at;
  }
  pass(ms: number): void {
    this.at += ms;
  }
}

export interface RunningConsole {
  readonly url: string;
  readonly dataDir: string;
  readonly app: NestFastifyApplication;
  readonly metrics: Metrics;
  readonly health: Health;
  /** What the console printed while it started. */
  readonly printed: readonly string[];
  /** The same records, over a connection of their own, as another process has them. */
  readonly records: Records;
  close(): Promise<void>;
}

interface Wish {
  readonly settings?: Partial<ConsoleSettings>;
  readonly clock?: SetClock;
  readonly pageFolder?: string;
  /** A data folder that is there already, and stays. */
  readonly dataDir?: string;
}

/** The console as its own process runs it, on records in a folder of its own. */
export async function startConsole({
  settings: wished = {},
  clock,
  pageFolder,
  dataDir: given,
}: Wish = {}): Promise<RunningConsole> {
  const dataDir = given ?? (await mkdtemp(join(tmpdir(), 'canh-console-')));
  const settings = Object.assign(
    new ConsoleSettings(),
    { dataDir, httpPort: 0, logLevel: 'silent', adminPassword: ADMIN_PASSWORD },
    wished,
  );
  const printed: string[] = [];
  const health = new Health();
  const metrics = new Metrics();
  const parts = await ConsoleModule.open(settings, (line) => printed.push(line), clock);
  const root = { module: ConsoleAlone, imports: [OperatingModule.register(health, metrics), parts] };
  const app = await NestFactory.create<NestFastifyApplication>(root, createHttpAdapter(), {
    logger: false,
    abortOnError: false,
  });
  serveConsole(app, pageFolder);
  const url = await listen(app, '127.0.0.1', 0, 'CANH_HTTP_PORT');
  const records = await openRecordsAt(settings.recordsFile);
  const close = async (): Promise<void> => {
    await app.close();
    await records.close();
    if (given === undefined) await rm(dataDir, { recursive: true, force: true });
  };
  return { url, dataDir, app, metrics, health, printed, records, close };
}

/** What the page's own script sends with a write. */
export const FROM_PAGE = { 'x-canh': 'console', 'content-type': 'application/json' };

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads what it expects and fails where that is not there
  readonly body: any;
}

async function answered(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : null };
}

export async function get(
  console: Pick<RunningConsole, 'url'>,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return answered(await fetch(console.url + path, { headers, redirect: 'manual' }));
}

export async function send(
  console: Pick<RunningConsole, 'url'>,
  method: string,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const { 'content-type': type, ...others } = { ...FROM_PAGE, ...headers };
  const sent =
    body === undefined
      ? { headers: others }
      : { headers: { 'content-type': type, ...others }, body: typeof body === 'string' ? body : JSON.stringify(body) };
  return answered(await fetch(console.url + path, { method, ...sent }));
}

export const attempt = (
  console: Pick<RunningConsole, 'url'>,
  login: string,
  password: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> => send(console, 'POST', '/api/session', { login, password }, headers);

/** The Cookie header that the answer makes a browser send from now on. */
export function cookieOf(answer: Answer): string {
  const [pair] = (answer.headers.getSetCookie()[0] ?? '').split(';');
  return pair ?? '';
}

/** Signs in and gives the header with which every further request goes. */
export async function signIn(
  console: Pick<RunningConsole, 'url'>,
  login = 'admin',
  password = ADMIN_PASSWORD,
): Promise<{ cookie: string }> {
  const answer = await attempt(console, login, password);
  if (answer.status !== 200) throw new Error(`sign-in as ${login} was answered with ${answer.status}: ${answer.text}`);
  return { cookie: cookieOf(answer) };
}

/** Waits until it is so; the runner's time limit is what ends the wait otherwise. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

export interface LiveEvent {
  readonly event: string;
  readonly id: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- as in Answer
  readonly data: any;
}

/** A live stream as a browser reads it, over a connection of its own. */
export class LiveStream {
  readonly events: LiveEvent[] = [];
  ended = false;
  private text = '';
  private wake: () => void = () => undefined;

  private constructor(readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    response.on('data', (part: string) => this.take(part));
    for (const end of ['end', 'close', 'error'])
      response.on(end, () => {
        this.ended = true;
        this.wake();
      });
  }

  static open({ url }: Pick<RunningConsole, 'url'>, headers: Readonly<Record<string, string>>): Promise<LiveStream> {
    return new Promise((resolve, reject) => {
      const asked = request(
        `${url}/api/live`,
        { headers: { accept: 'text/event-stream', ...headers }, agent: false },
        (response) => resolve(new LiveStream(response)),
      );
      asked.on('error', reject);
      asked.end();
    });
  }

  /** The first event that is so, from the first one on; it is waited for. */
  async first(kind: string, is: (event: LiveEvent) => boolean = () => true): Promise<LiveEvent> {
    for (;;) {
      const found = this.events.find((event) => event.event === kind && is(event));
      if (found !== undefined) return found;
      if (this.ended)
        throw new Error(`the stream ended without such an event '${kind}'; it had ${JSON.stringify(this.events)}`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  async end(): Promise<void> {
    while (!this.ended) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  close(): void {
    this.response.destroy();
  }

  private take(part: string): void {
    this.text += part;
    for (let end = this.text.indexOf('\n\n'); end >= 0; end = this.text.indexOf('\n\n')) {
      const fields = new Map(
        this.text
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      this.text = this.text.slice(end + 2);
      const event = fields.get('event');
      if (event !== undefined)
        this.events.push({ event, id: fields.get('id') ?? '', data: JSON.parse(fields.get('data') ?? 'null') });
    }
    this.wake();
  }
}

export const quangTri: Area = {
  id: 'quang-tri',
  names: { vi: 'tỉnh Quảng Trị', en: 'Quang Tri province' },
  parentId: null,
  validFrom: null,
  validTo: null,
};
export const trieuPhong: Area = {
  id: 'trieu-phong',
  names: { vi: 'xã Triệu Phong', en: 'Trieu Phong commune' },
  parentId: 'quang-tri',
  validFrom: null,
  validTo: null,
};
export const thachHan: Station = {
  id: 'thach-han',
  names: { vi: 'Thạch Hãn', en: 'Thach Han' },
  areaId: 'trieu-phong',
  ownerUnit: 'Đài Khí tượng Thủy văn',
  position: { latitude: 16.7517, longitude: 107.1907 },
  profileId: 'river-gauge',
  limits: [
    {
      name: 'alarm_3',
      metric: 'level_m',
      value: 5.5,
      validFrom: null,
      validTo: Date.UTC(2020, 2, 20),
      document: '632/QĐ-TTg',
    },
    {
      name: 'alarm_3',
      metric: 'level_m',
      value: 6,
      validFrom: Date.UTC(2020, 2, 20),
      validTo: null,
      document: '05/2020/QĐ-TTg',
    },
  ],
};
export const logger: Device = {
  id: 'logger-7',
  name: 'Thạch Hãn logger',
  stationId: 'thach-han',
  profileId: 'river-gauge',
  gatewayId: null,
};
export const rainLogger: Device = { ...logger, id: 'logger-8', name: 'Thạch Hãn rain', profileId: 'rain-gauge' };

/** One station with a river gauge and a rain gauge. */
export async function putThachHan({ inventoryDesk }: Records): Promise<void> {
  for (const area of [quangTri, trieuPhong]) await inventoryDesk.putArea(area);
  await inventoryDesk.putStation(thachHan);
  for (const device of [logger, rainLogger]) await inventoryDesk.putDevice(device);
}
