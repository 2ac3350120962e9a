import { Agent, request } from 'node:http';
import { CanhError } from '@canh/core/canh-error';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { JournalOffset } from '@canh/core/readings/journal';
import { LiveSeries, type PathStatus } from '@canh/core/series/live-series';
import type { Bucket, SeriesSpan } from '@canh/core/series/series-store';
import { processorSocket } from './socket-path.js';

const ANSWER_WITHIN_MS = 10_000;
const MAX_ANSWER_BYTES = 64 * 2 ** 20;

/** How far the judge is in the journal, and how long the newest message of the stretch judged last had been waiting. */
export interface JudgePlace {
  readonly judged: JournalOffset;
  readonly behindMs: number;
}

/**
 * Asks the processor over its local socket: it alone may open the embedded store, and its thread and a process of its own are asked
 * the same way. Rejects with CanhError `PROCESSOR_UNREACHABLE` when it does not answer, `PROCESSOR_REFUSED` with its own words when it refuses.
 */
export class ProcessorLink extends LiveSeries {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 8 });
  private readonly socketPath: string;

  constructor(dataDir: string) {
    super();
    this.socketPath = processorSocket(dataDir);
  }

  latestAfter(cursor: number): Promise<{ cursor: number; readings: FlaggedReading[] }> {
    return this.ask(`/latest?after=${cursor}`) as Promise<{ cursor: number; readings: FlaggedReading[] }>;
  }

  buckets({ stationId, metric, from, to }: SeriesSpan, bucketMs: number): Promise<Bucket[]> {
    const query = new URLSearchParams({ stationId, metric, from: `${from}`, to: `${to}`, bucketMs: `${bucketMs}` });
    return this.ask(`/buckets?${query.toString()}`) as Promise<Bucket[]>;
  }

  readings({ stationId, metric, from, to }: SeriesSpan, limit: number): Promise<FlaggedReading[]> {
    const query = new URLSearchParams({ stationId, metric, from: `${from}`, to: `${to}`, limit: `${limit}` });
    return this.ask(`/readings?${query.toString()}`) as Promise<FlaggedReading[]>;
  }

  status(): Promise<PathStatus> {
    return this.ask('/status') as Promise<PathStatus>;
  }

  /** How far the judge is; cheap enough to ask many times a second. Rejects when no answer came within `withinMs`. */
  place(withinMs = ANSWER_WITHIN_MS): Promise<JudgePlace> {
    return this.ask('/place', withinMs) as Promise<JudgePlace>;
  }

  /** The processor's metrics, in prom-client's JSON form. */
  metrics(): Promise<unknown> {
    return this.ask('/metrics');
  }

  close(): void {
    this.agent.destroy();
  }

  private ask(path: string, withinMs = ANSWER_WITHIN_MS): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const unreachable = (cause: Error): void =>
        reject(
          new CanhError(
            'PROCESSOR_UNREACHABLE',
            `The processor does not answer at ${this.socketPath} (${cause.message}). Start it with the same CANH_DATA_DIR.`,
            { cause },
          ),
        );
      const asked = request({ socketPath: this.socketPath, path, agent: this.agent, timeout: withinMs }, (response) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        response.on('data', (part: Buffer) => {
          bytes += part.length;
          if (bytes > MAX_ANSWER_BYTES)
            response.destroy(new Error(`the answer to ${path} is larger than ${MAX_ANSWER_BYTES} bytes`));
          else parts.push(part);
        });
        response.on('error', unreachable);
        response.on('end', () => {
          let answer: unknown;
          try {
            answer = JSON.parse(Buffer.concat(parts).toString());
          } catch (error) {
            return unreachable(error as Error);
          }
          if (response.statusCode === 200) return resolve(answer);
          const { code, message } = answer as { code?: string; message?: string };
          reject(
            new CanhError(
              code ?? 'PROCESSOR_REFUSED',
              message ?? `The processor answered ${response.statusCode} to ${path}.`,
            ),
          );
        });
      });
      asked.on('timeout', () => asked.destroy(new Error(`no answer within ${withinMs} ms`)));
      asked.on('error', unreachable);
      asked.end();
    });
  }
}
