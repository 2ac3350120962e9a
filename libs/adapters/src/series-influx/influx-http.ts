import { StoreUnavailable } from '@canh/core/series/series-store';
import { CanhError } from '@canh/core/canh-error';
import type { Instant } from '@canh/core/time/instant';
import { HttpError, InfluxDB } from '@influxdata/influxdb-client';

/**
 * Which dialect the server speaks: `1` InfluxDB 1.x (`/write`), `2` InfluxDB 2.x (`/api/v2/write`), both read through InfluxQL;
 * `victoria` VictoriaMetrics (`/api/v2/write`, read through `/api/v1/export`).
 */
export type InfluxVersion = '1' | '2' | 'victoria';

export interface InfluxOptions {
  readonly url: string;
  /** A token, or `user:password` for InfluxDB 1.x and a VictoriaMetrics behind basic authentication; empty where none is asked for. */
  readonly token: string;
  readonly org: string;
  /** The bucket, or the database of InfluxDB 1.x. */
  readonly bucket: string;
  readonly version: InfluxVersion;
  /** How long one request may take, from its first byte to the answer's last. */
  readonly timeoutMs: number;
}

/** Whatever the server answered, refusals too. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfterMs: number | null;
  /** The server's own clock, whole seconds in ms; null where it says nothing of it. */
  readonly date: Instant | null;
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const LINES = { 'content-type': 'text/plain; charset=utf-8' };

/**
 * The client's transport, and nothing of its WriteApi: that one drops a whole batch on a 400, 401 or 404 and gives up after three
 * minutes. Here a request has one outcome: the server's answer, or StoreUnavailable.
 */
export class InfluxHttp {
  readonly #client: InfluxDB;
  readonly #options: InfluxOptions;
  readonly #authorization: Record<string, string>;

  constructor(options: InfluxOptions) {
    if (!/^https?:\/\/[^/]/.test(options.url) || !URL.canParse(options.url))
      throw new CanhError(
        'BAD_STORE_URL',
        `'${options.url}' is not the address of a series store. Write it as http://host:8086.`,
      );
    this.#options = options;
    const { token, version, url, timeoutMs } = options;
    this.#authorization = authorization(version, token);
    this.#client = new InfluxDB({ url, timeout: timeoutMs });
  }

  /** Where it writes to, for messages. */
  get name(): string {
    return `${this.#options.bucket} at ${this.#options.url}`;
  }

  write(path: string, lines: string): Promise<Answer> {
    return this.#send('POST', path, lines, LINES);
  }

  ask(path: string, form: URLSearchParams): Promise<Answer> {
    return this.#send('POST', path, form.toString(), FORM);
  }

  get(path: string): Promise<Answer> {
    return this.#send('GET', path, '', {});
  }

  #send(method: 'GET' | 'POST', path: string, body: string, headers: Record<string, string>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const chunks: Uint8Array[] = [];
      let status = 0;
      let date: Instant | null = null;
      const signal = AbortSignal.timeout(this.#options.timeoutMs);
      this.#client.transport.send(
        path,
        body,
        { method, headers: { ...headers, ...this.#authorization }, signal },
        {
          responseStarted: (headers, code) => {
            status = code ?? 0;
            date = Date.parse(String(headers['date'])) || null;
          },
          next: (chunk) => void chunks.push(chunk),
          complete: () => resolve({ status, text: Buffer.concat(chunks).toString('utf8'), retryAfterMs: null, date }),
          error: (error) => {
            if (error instanceof HttpError)
              resolve({
                status: error.statusCode,
                text: error.body ?? '',
                retryAfterMs: error.retryAfter() * 1_000 || null,
                date,
              });
            else
              reject(
                this.#unanswered(
                  signal.aborted ? `no answer within ${this.#options.timeoutMs} ms` : error.message,
                  error,
                ),
              );
          },
        },
      );
    });
  }

  #unanswered(reason: string, cause: Error): StoreUnavailable {
    return new StoreUnavailable(
      `The series store ${this.name} does not answer: ${reason}. See that it runs and that this machine reaches it.`,
      null,
      { cause },
    );
  }

  /** What an answer means that is neither success nor about a line: StoreUnavailable when waiting helps, otherwise `STORE_REFUSED`. */
  failure({ status, text, retryAfterMs }: Answer): CanhError {
    const said = `The series store ${this.name} answered ${status}: ${errorIn(text)}.`;
    if (status >= 500 || [408, 425, 429].includes(status))
      return new StoreUnavailable(`${said} It is asked again later.`, retryAfterMs);
    return new CanhError('STORE_REFUSED', `${said} ${wayOut(status)}`);
  }
}

function authorization(version: InfluxVersion, token: string): Record<string, string> {
  if (token === '') return {};
  if (version === '2') return { authorization: `Token ${token}` };
  if (token.includes(':')) return { authorization: `Basic ${Buffer.from(token).toString('base64')}` };
  return { authorization: `Bearer ${token}` };
}

function wayOut(status: number): string {
  if (status === 401) return 'Set CANH_INFLUX_TOKEN to a token that is valid there (user:password for InfluxDB 1.x).';
  if (status === 403)
    return 'Give the token the right to write to and read from the bucket, or set CANH_INFLUX_TOKEN to one that has it.';
  if (status === 404)
    return 'Make the bucket or database there, or set CANH_INFLUX_BUCKET, CANH_INFLUX_ORG and CANH_INFLUX_VERSION to what it has.';
  return 'See that CANH_INFLUX_URL and CANH_INFLUX_VERSION name a server of that kind.';
}

/** The sentence in an error body, in any of the forms in which these servers write it. */
export function errorIn(text: string): string {
  try {
    const { error, message } = JSON.parse(text) as { error?: unknown; message?: unknown };
    if (typeof message === 'string') return message.slice(0, 500);
    if (typeof error === 'string') return error.slice(0, 500);
  } catch {
    // Not JSON: the text itself is the sentence.
  }
  return text.trim().slice(0, 500) || 'nothing';
}
