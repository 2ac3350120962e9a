import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LiveMessage } from '@canh/contract/views.dto';
import { ADMIN_PASSWORD, READINGS_PER_MESSAGE, startCanh } from '../canh.js';
import { quantile, thousands } from '../figures.js';
import { stationOf } from '../inventory.js';
import type { Measuring } from '../measuring.js';
import { quietMoment } from '../quiet.js';
import { compared, expected } from '../round.js';
import { milliseconds, verdict, type Verdict } from '../verdict.js';

const LIVE_DEVICES = 50;
const SECONDS = 20;
const BACKLOG_HOURS = 3;
/** A hundred readings a second, so that the backlog lasts for as long as live devices are looked at. */
const BACKLOG_APART_MS = 10;

/** One device sends what it saved up in three hours, as fast as it can, and others report once a second. */
export async function fair(measuring: Measuring): Promise<{ verdicts: Verdict[]; wrong: string[] }> {
  const { generator, inventory, folder, wishes } = measuring;
  if (wishes.quiet) await quietMoment();
  const dataDir = join(folder, 'data');
  const tokens = { live: join(folder, 'live-tokens.txt'), spare: join(folder, 'spare-token.txt') };
  const all = (await readFile(inventory.tokensFile, 'utf8')).split('\n');
  await writeFile(tokens.live, all.slice(0, LIVE_DEVICES).join('\n'));
  await writeFile(tokens.spare, inventory.spareToken);
  const canh = await startCanh(inventory, dataDir);
  const { pid, port } = canh;
  const page = await LivePage.open(canh.pageUrl);

  const span = BACKLOG_HOURS * 3_600_000;
  const backlog = { port, pid, tokensFile: tokens.spare };
  const live = { connections: LIVE_DEVICES, window: 20, rate: LIVE_DEVICES, warmUpSeconds: 1, seconds: SECONDS };
  const [flushed, reported] = await Promise.all([
    generator.backlog(span / BACKLOG_APART_MS, Date.now() - span, BACKLOG_APART_MS, SECONDS + 1, backlog),
    generator.load(live, { port, pid, tokensFile: tokens.live }),
  ]);
  const { seconds: drainSeconds } = await canh.drain((flushed.acked + reported.acked) * READINGS_PER_MESSAGE);
  const kept = await canh.kept();
  page.close();
  await canh.stop();
  await rm(dataDir, { recursive: true });

  const shown = page.delaysMs;
  const detail =
    `p50 ${milliseconds(quantile(shown, 0.5))}, p99 ${milliseconds(quantile(shown, 0.99))}, of ${shown.length} values; beside ` +
    `${thousands(flushed.acked / (SECONDS + 1))}/s of backlog, all of it stored ${drainSeconds.toFixed(1)} s after the end`;
  console.error(`fair: ${detail}; ack p50 ${reported.p50_ms} p99 ${reported.p99_ms} max ${reported.max_ms} ms`);
  const of = `of ${LIVE_DEVICES} live devices beside a backlog of ${BACKLOG_HOURS} h`;
  return {
    verdicts: [
      verdict(
        { what: `longest wait for a PUBACK ${of}`, most: 1_000, said: milliseconds },
        reported.max_ms,
        `p50 ${milliseconds(reported.p50_ms)}, p99 ${milliseconds(reported.p99_ms)}`,
      ),
      verdict(
        { what: `longest until a reading is on the page ${of}`, most: 1_000, said: milliseconds },
        quantile(shown, 1),
        detail,
      ),
    ],
    wrong: compared(
      'fair',
      { connections: LIVE_DEVICES, rate: LIVE_DEVICES },
      expected(kept, flushed.acked + reported.acked, LIVE_DEVICES + 1),
    ),
  };
}

/** What an operator's page is told, by the same stream, and how long each value had been on its way. */
class LivePage {
  readonly delaysMs: number[] = [];
  private readonly stop = new AbortController();

  private constructor() {}

  /** Resolves once the stream is open. */
  static async open(url: string): Promise<LivePage> {
    const page = new LivePage();
    const signedIn = await fetch(`${url}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-canh': 'console' },
      body: JSON.stringify({ login: 'admin', password: ADMIN_PASSWORD }),
    });
    const [cookie = ''] = (signedIn.headers.get('set-cookie') ?? '').split(';');
    const stream = await fetch(`${url}/api/live`, {
      headers: { cookie, 'x-canh': 'console' },
      signal: page.stop.signal,
    });
    if (stream.status !== 200 || stream.body === null)
      throw new Error(`The live stream was answered ${stream.status}: ${await stream.text()}`);
    void page.read(stream.body).catch(() => undefined);
    return page;
  }

  close(): void {
    this.stop.abort();
  }

  private async read(body: ReadableStream<Uint8Array>): Promise<void> {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const bytes of body) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('data: ')) this.hear(JSON.parse(line.slice(6)) as LiveMessage);
    }
  }

  private hear(message: LiveMessage): void {
    if (message.kind !== 'latest') return;
    const now = Date.now();
    for (const { stationId, latest } of message.stations)
      if (LIVE_STATIONS.has(stationId)) for (const { measuredAt } of latest) this.delaysMs.push(now - measuredAt);
  }
}

const LIVE_STATIONS: ReadonlySet<string> = new Set(Array.from({ length: LIVE_DEVICES }, (_, n) => stationOf(n)));
