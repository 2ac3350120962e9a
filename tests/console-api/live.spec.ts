import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Severity } from '@canh/core/rules/rule';
import { MINUTE_MS } from '@canh/core/time/instant';
import type { AlertView } from '@canh/contract/views.dto';
import { MAX_STREAMS } from '../../apps/console/src/live/live-feed.js';
import { changed, NIGHT, raised } from '../contracts/records.story.js';
import {
  get,
  LiveStream,
  putThachHan,
  send,
  signIn,
  startConsole,
  until,
  type LiveEvent,
  type RunningConsole,
} from './console.parts.js';
import { startProcessor, type RunningProcessor } from './processor.parts.js';

let console: RunningConsole;
let processor: RunningProcessor;
let session: { cookie: string };
const streams: LiveStream[] = [];

beforeAll(async () => {
  console = await startConsole();
  await putThachHan(console.records);
  processor = await startProcessor(console.dataDir);
  session = await signIn(console);
});
afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close();
  await until(async () => (await openStreams()) === 0);
});
afterAll(async () => {
  await processor.close();
  await console.close();
});

async function listen(headers: Readonly<Record<string, string>> = {}): Promise<LiveStream> {
  const stream = await LiveStream.open(console, { ...session, ...headers });
  streams.push(stream);
  return stream;
}

let stations = 0;
/** A station that no alert was raised for yet. */
const fresh = (): string => `station-${(stations += 1)}`;
const raise = (station: string) => console.records.alertStore.apply([raised(station, NIGHT)], NIGHT);
const change = (station: string, minute: number, from: Severity, to: Severity) =>
  console.records.alertStore.apply([changed(station, NIGHT + minute * MINUTE_MS, from, to)], NIGHT);

const about =
  (...stationIds: readonly string[]) =>
  ({ data }: LiveEvent): boolean =>
    data.alerts.some((alert: AlertView) => stationIds.includes(alert.stationId));

/** What a stream has said of alerts of these stations, in order. */
const told = (stream: LiveStream, ...stationIds: readonly string[]): AlertView[] =>
  stream.events
    .filter(({ event }) => event === 'alerts')
    .flatMap(({ data }) => data.alerts as AlertView[])
    .filter(({ stationId }) => stationIds.includes(stationId));

async function openStreams(): Promise<number> {
  const gauge = await console.metrics.registry.getSingleMetric('canh_console_streams')?.get();
  return gauge?.values[0]?.value ?? 0;
}

describe('the live stream', () => {
  it('is an event stream that nobody may keep or pack', async () => {
    const { response } = await listen();
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('text/event-stream');
    expect(response.headers['cache-control']).toContain('no-store');
    expect(response.headers['content-encoding']).toBeUndefined();
    expect(response.headers['content-security-policy']).toContain("default-src 'self'");
  });

  it('needs a session', async () => {
    const { response } = await LiveStream.open(console, {});
    expect(response.statusCode).toBe(401);
    response.destroy();
  });

  it('tells every page of what changes from when it began to listen, and nothing from before', async () => {
    const [before, after] = [fresh(), 'thach-han'];
    await raise(before);
    const two = await Promise.all([listen(), listen()]);
    for (const stream of two) await stream.first('beat');
    await raise(after);
    for (const stream of two) {
      const event = await stream.first('alerts', about(after));
      expect(event.data).toMatchObject({ kind: 'alerts', now: expect.any(Number), change: Number(event.id) });
      expect(told(stream, before)).toEqual([]);
    }
    const { body } = await get(console, '/api/alerts', session);
    expect(told(two[0], after)).toEqual(body.filter(({ stationId }: AlertView) => stationId === after));
  });

  it('goes on behind the last event that the browser saw, with each alert once as it is now', async () => {
    const [first, second] = [fresh(), fresh()];
    await raise(first);
    const stream = await listen();
    const { id } = await stream.first('beat');
    stream.close();
    await change(first, 1, 'warning', 'critical');
    await raise(second);
    await change(first, 2, 'critical', 'major');

    const resumed = await listen({ 'last-event-id': id });
    await resumed.first('alerts', about(first));
    expect(told(resumed, first, second)).toMatchObject([
      { stationId: second, version: 1 },
      { stationId: first, version: 3, severity: 'major' },
    ]);
  });

  it('tells all of a thousand alerts that a page has missed, each once, in the order of their changes', async () => {
    const stream = await listen();
    const { id } = await stream.first('beat');
    stream.close();
    const many = Array.from({ length: 1_000 }, fresh);
    await console.records.alertStore.apply(
      many.map((station) => raised(station, NIGHT)),
      NIGHT,
    );
    const resumed = await listen({ 'last-event-id': id });
    await resumed.first('alerts', about(many.at(-1)!));
    expect(told(resumed, ...many).map(({ stationId }) => stationId)).toEqual(many);
    const ids = resumed.events.map((event) => Number(event.id));
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  });

  it('tells everything again to a page whose number the records have not reached', async () => {
    const station = fresh();
    await raise(station);
    const stream = await listen({ 'last-event-id': '999999999' });
    await stream.first('alerts', about(station));
    expect(told(stream, station)).toHaveLength(1);
  });

  it.each(['', 'x', '-1', '1e9', '99999999999999999999'])(
    'takes the last event id "%s" as that of a new page',
    async (id) => {
      const [before, after] = [fresh(), fresh()];
      await raise(before);
      const stream = await listen({ 'last-event-id': id });
      await stream.first('beat');
      await raise(after);
      await stream.first('alerts', about(after));
      expect(told(stream, before)).toEqual([]);
    },
  );

  it('ends when its operator signs out, and does not come back', async () => {
    const other = await signIn(console);
    const stream = await LiveStream.open(console, other);
    await stream.first('beat');
    await send(console, 'DELETE', '/api/session', undefined, other);
    await stream.end();
    const again = await LiveStream.open(console, other);
    expect(again.response.statusCode).toBe(401);
    again.close();
  });

  it(`is refused beyond ${MAX_STREAMS} pages, and open again when one has gone`, async () => {
    await Promise.all(Array.from({ length: MAX_STREAMS }, () => listen()));
    const refused = await get(console, '/api/live', session);
    expect(refused).toMatchObject({ status: 503, body: { statusCode: 503, code: 'too-many-streams' } });
    streams.pop()?.close();
    await until(async () => (await openStreams()) < MAX_STREAMS);
    expect((await listen()).response.statusCode).toBe(200);
  });

  it('drops a page that does not read, and tells the others as before', async () => {
    const { hostname, port } = new URL(console.url);
    const deaf = connect(Number(port), hostname);
    deaf.write(`GET /api/live HTTP/1.1\r\nHost: ${hostname}\r\nCookie: ${session.cookie}\r\n\r\n`);
    await once(deaf, 'data');
    deaf.pause();
    expect(await openStreams()).toBe(1);

    // More than the buffers of two sockets hold, and far more than may wait behind them.
    const document = 'x'.repeat(32_000);
    const long = Array.from({ length: 400 }, () => raised(fresh(), NIGHT));
    await console.records.alertStore.apply(
      long.map((one) => ({ ...one, evidence: { ...one.evidence, document } })),
      NIGHT,
    );
    await until(async () => (await openStreams()) === 0);
    deaf.destroy();

    const reader = await listen();
    await reader.first('beat');
    const station = fresh();
    await raise(station);
    await reader.first('alerts', about(station));
  });
});
