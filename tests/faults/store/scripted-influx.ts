import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { steadyPort } from '../../support/steady-port.js';

/** How it behaves. What it does not store, it answers with an error or not at all, except `slow` and `reply-lost`. */
export type Behaviour =
  | 'up'
  /** Stores, and answers 201 without a body. */
  | 'up-with-201'
  /** Nobody listens. */
  | 'down'
  /** Stores at once and answers after ten seconds. */
  | 'slow'
  /** Takes the request and never answers. */
  | 'hanging'
  /** Breaks the connection off before it stores. */
  | 'cut'
  /** Stores, and breaks the connection off instead of answering. */
  | 'reply-lost'
  /** Refuses bodies of more than ten lines with 413. */
  | 'small'
  | { readonly status: number; readonly retryAfterS?: number };

export interface Request {
  readonly at: number;
  readonly kind: 'write' | 'query';
  readonly lines: number;
  /** What was answered; null where nothing was. */
  status: number | null;
}

const SLOW_MS = 10_000;
const SMALL_LINES = 10;
const LINE = /^(?<series>(?:\\.|[^ \\])+) (?<field>[^ =]+)=(?<value>[^ ,]+) (?<us>\d+)$/;

/** An InfluxDB 1.x as far as the adapter needs one: it keeps points by series and time, overwrites them, and misbehaves as it is told. */
export class ScriptedInflux {
  /** By series and time in µs: the value that was written last. */
  readonly points = new Map<string, number>();
  readonly #fields = new Map<string, string>();
  readonly requests: Request[] = [];
  /** What comes next, before each request. */
  next: (kind: Request['kind']) => Behaviour = () => 'up';
  /** What happens around each write that is stored: before it, and when it is stored and not answered, and answered. */
  onWrite: (moment: 'before' | 'stored' | 'answered') => void = () => undefined;
  /** Lines with this value are refused: with a 400 the others of the body are stored, with a 422 none. */
  poison: { readonly value: number; readonly status: 400 | 422 } | null = null;
  #server: Server | null = null;
  readonly #port: number;

  private constructor(port: number) {
    this.#port = port;
  }

  static async start(): Promise<ScriptedInflux> {
    const influx = new ScriptedInflux(await steadyPort());
    await influx.listen();
    return influx;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async listen(): Promise<void> {
    if (this.#server !== null) return;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async down(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  /** Time in ms and value of every point; throws for one that is no reading of the gauge. */
  held(): (readonly [at: number, value: number])[] {
    return [...this.points].map(([key, value]) => {
      const us = /^level_m,device=g-1,station=g (\d+)000$/.exec(key)?.[1];
      if (us === undefined) throw new Error(`Nobody sent ${key}.`);
      return [Number(us), value] as const;
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // Whoever asked was killed.
    }
    const body = Buffer.concat(chunks).toString('utf8');
    const isWrite = request.url!.startsWith('/write?');
    const lines = isWrite ? body.split('\n') : [];
    const noted: Request = {
      at: performance.now(),
      kind: isWrite ? 'write' : 'query',
      lines: lines.length,
      status: null,
    };
    this.requests.push(noted);
    const end = (status: number, text = '', headers: Record<string, string> = {}) => {
      noted.status = status;
      response.writeHead(status, headers).end(text);
    };
    const behaviour = this.next(noted.kind);
    switch (behaviour) {
      case 'hanging':
        return;
      case 'down':
      case 'cut':
        request.socket.destroy();
        return;
      case 'small':
        if (lines.length > SMALL_LINES) return end(413, 'request too large');
        break;
      case 'up':
      case 'up-with-201':
      case 'slow':
      case 'reply-lost':
        break;
      default: {
        const { status, retryAfterS } = behaviour;
        const headers: Record<string, string> = retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) };
        return end(status, JSON.stringify({ error: 'as the script says' }), headers);
      }
    }
    if (isWrite) this.onWrite('before');
    const [status, text] = isWrite ? this.#write(lines) : [200, this.#query(new URLSearchParams(body).get('q')!)];
    if (isWrite) this.onWrite('stored');
    if (behaviour === 'reply-lost') request.socket.destroy();
    else if (behaviour === 'slow') setTimeout(() => end(status, text), SLOW_MS).unref();
    else end(behaviour === 'up-with-201' && status === 204 ? 201 : status, text);
    if (isWrite) response.once('finish', () => this.onWrite('answered'));
  }

  #write(lines: readonly string[]): [status: number, text: string] {
    const points = lines.flatMap((line) => {
      const { series, field, value, us } = LINE.exec(line)!.groups!;
      // When they were received nobody asks it.
      if (series!.startsWith('received,') && field === 'at') return [];
      const key = `${series} ${us}`;
      if ((this.#fields.get(key) ?? field) !== field) throw new Error(`A reading is to be two: ${line}`);
      return [{ key, field: field!, value: Number(value) }];
    });
    const bad = points.filter(({ value }) => value === this.poison?.value).length;
    if (bad === 0 || this.poison?.status !== 422)
      for (const { key, field, value } of points)
        if (value !== this.poison?.value) {
          this.points.set(key, value);
          this.#fields.set(key, field);
        }
    if (bad === 0) return [204, ''];
    return [this.poison!.status, JSON.stringify({ error: `partial write: field type conflict dropped=${bad}` })];
  }

  /** The two questions that come before a write: what is newest, and what is stored within a span. */
  #query(influxQl: string): string {
    const results = influxQl.split('; ').map((statement, nth) => ({ statement_id: nth, ...this.#found(statement) }));
    return JSON.stringify({ results });
  }

  #found(statement: string): { series?: unknown[] } {
    const found =
      /^SELECT (?<columns>.+) FROM "(?<metric>[^"]+)" WHERE "device" =~ \/(?<devices>.+?)\/(?<rest>.*)$/.exec(
        statement,
      );
    if (found === null) throw new Error(`The script knows no answer to: ${statement}`);
    const { columns, metric, devices, rest } = found.groups!;
    const [from, to] = [/time >= (\d+)ms/.exec(rest!)?.[1], /time < (\d+)ms/.exec(rest!)?.[1]];
    const rows: [us: number, device: string, value: number, field: string][] = [];
    for (const [key, value] of this.points) {
      const [, name, device, time] = /^([^,]+),device=([^,]+),station=.* (\d+)$/.exec(key)!;
      const us = Number(time);
      if (name !== metric || !new RegExp(devices!, 'u').test(device!)) continue;
      if ((from === undefined || us >= Number(from) * 1_000) && (to === undefined || us < Number(to) * 1_000))
        rows.push([us, device!, value, this.#fields.get(key)!]);
    }
    rows.sort(([a], [b]) => a - b);
    const series: unknown[] = [];
    const last = /^last\("(?<field>\w+)"\)$/.exec(columns!)?.groups!['field'];
    const names = columns!.split(', ').map((column) => column.slice(1, -1));
    if (last !== undefined)
      for (const [us, device, value] of new Map(
        rows.filter((row) => row[3] === last).map((row) => [row[1], row] as const),
      ).values())
        series.push({ name: metric, tags: { device }, columns: ['time', 'last'], values: [[us, value]] });
    else if (rows.length > 0)
      series.push({
        name: metric,
        columns: ['time', ...names],
        values: rows.map(([us, device, value, field]) => [
          us,
          ...names.map((name) => (name === 'device' ? device : name === field ? value : null)),
        ]),
      });
    return series.length > 0 ? { series } : {};
  }
}
