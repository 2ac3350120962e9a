import { ReadingColumns } from '@canh/core/quality/reading-columns';
import { Flag } from '@canh/core/quality/flag';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import { type SeriesStore, StoreUnavailable } from '@canh/core/series/series-store';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../../tests/support/eventually.js';
import { seededRandom } from '../../../../tests/support/seeded.js';
import type { InfluxOptions } from './influx-http.js';
import { InfluxSeriesStore } from './influx-series-store.js';

// Answers that no server in a Debian package gives on demand: those of InfluxDB 2 and its cloud, of a proxy, of a network.

type Reply = (lines: string[], response: ServerResponse, request: IncomingMessage) => void;

let server: Server | null = null;
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = null;
});

/** `answersQueries`: by the reply too; otherwise it holds nothing. */
async function storeThatAnswers(
  reply: Reply,
  { answersQueries = false, ...options }: Partial<InfluxOptions> & { answersQueries?: boolean } = {},
): Promise<InfluxSeriesStore> {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.url?.startsWith('/query') === true && !answersQueries)
      return response.writeHead(200).end('{"results":[{"statement_id":0}]}');
    return reply(Buffer.concat(chunks).toString('utf8').split('\n'), response, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return InfluxSeriesStore.open({
    url,
    token: 't0ken',
    org: 'tỉnh',
    bucket: 'canh',
    version: '2',
    timeoutMs: 5_000,
    ...options,
  });
}

function readings(count: number): FlaggedReading[] {
  return Array.from({ length: count }, (_, nth) => ({
    deviceId: 'd 1',
    stationId: 'Đông Hà',
    metric: 'level,m',
    value: nth / 4,
    measuredAt: 1_748_736_000_000 + nth,
    sequence: 7,
    receivedAt: 1_748_736_000_137,
    flag: Flag.suspect,
  }));
}

const storeAll = async (store: SeriesStore, all: readonly FlaggedReading[]) =>
  (await store.sift(ReadingColumns.of(all))).store();

const json = (response: ServerResponse, status: number, body: unknown, headers = {}) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

describe('a store behind the InfluxDB 2 write API', () => {
  it('sends lines of floats with microseconds, escaped, in batches of at most 10,000', async () => {
    const batches: string[][] = [];
    const requests: string[] = [];
    const store = await storeThatAnswers((lines, response, { url, headers }) => {
      batches.push(lines);
      requests.push(`${url} ${headers.authorization}`);
      response.writeHead(204).end();
    });
    expect(await storeAll(store, readings(24_000))).toEqual([]);
    // Each of these readings has a moment of its own.
    expect(batches.map(({ length }) => length / 2).toSorted((a, b) => b - a)).toEqual([10_000, 10_000, 4_000]);
    expect(batches[0]?.slice(4, 6)).toEqual([
      'received,device=d\\ 1,station=Đông\\ Hà at=1748736000137 1748736000002007',
      'level\\,m,device=d\\ 1,station=Đông\\ Hà suspect=0.5 1748736000002007',
    ]);
    expect(new Set(requests)).toEqual(new Set(['/api/v2/write?org=t%E1%BB%89nh&bucket=canh&precision=us Token t0ken']));
  });

  it.each([400, 413, 422])('finds the bad lines behind a %d and stores the others', async (status) => {
    const taken = new Set<string>();
    let asked = 0;
    const bad = (line: string) => / 17487360000(11|77)007$/.test(line);
    const store = await storeThatAnswers((lines, response) => {
      asked += 1;
      if (lines.some(bad)) return json(response, status, { code: 'invalid', message: 'partial write: dropped=1' });
      for (const line of lines) if (line.startsWith('level')) taken.add(line);
      return response.writeHead(204).end();
    });
    const all = readings(100);
    expect(await storeAll(store, all)).toEqual(
      [11, 77].map((at) => ({ at, answer: `${status}: partial write: dropped=1` })),
    );
    expect(taken.size).toBe(98);
    expect(asked).toBeLessThanOrEqual(1 + 2 * 2 * 7);
  });

  it('asks once when the answer says that every line was dropped', async () => {
    let asked = 0;
    const store = await storeThatAnswers((_, response) => {
      asked += 1;
      json(response, 422, {
        code: 'unprocessable entity',
        message: 'partial write: points beyond retention policy dropped=6000',
      });
    });
    expect(await storeAll(store, readings(3_000))).toHaveLength(3_000);
    expect(asked).toBe(1);
  });

  it('stops looking for bad lines when there is no end of them, and gives the batch back', async () => {
    let asked = 0;
    const store = await storeThatAnswers((_, response) => {
      asked += 1;
      json(response, 400, { code: 'invalid', message: 'no' });
    });
    await expect(storeAll(store, readings(5_000))).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    expect(asked).toBeLessThan(1_100);
  });

  it('takes a 201 without an error for success, and one with an error for a batch taken in part', async () => {
    const store = await storeThatAnswers((lines, response) => {
      if (lines.some((line) => line.includes('suspect=0.25 ')))
        json(response, 201, { code: 'invalid', message: 'line 2 is bad' });
      else response.writeHead(201).end();
    });
    expect(await storeAll(store, readings(8))).toEqual([{ at: 1, answer: '201: line 2 is bad' }]);
  });

  it.each([
    [429, '7', 7_000],
    [503, '30', 30_000],
    [500, undefined, null],
    [502, undefined, null],
  ])('is unavailable after a %d, for as long as the answer asks', async (status, retryAfter, retryAfterMs) => {
    const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
    const store = await storeThatAnswers((_, response) => json(response, status, { message: 'later' }, headers));
    const outcome = await storeAll(store, readings(3)).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(StoreUnavailable);
    expect(outcome).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retryAfterMs,
      message: expect.stringContaining('later'),
    });
  });

  it.each([
    [401, 'CANH_INFLUX_TOKEN'],
    [403, 'right to write'],
    [404, 'CANH_INFLUX_BUCKET'],
    [405, 'CANH_INFLUX_URL'],
    [302, 'CANH_INFLUX_URL'],
    [200, 'CANH_INFLUX_URL'],
  ])('is refused after a %d, with what to do, and no token in the message', async (status, wayOut) => {
    const store = await storeThatAnswers((_, response) => json(response, status, { message: 'no' }));
    const outcome = await storeAll(store, readings(3)).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: 'STORE_REFUSED', message: expect.stringContaining(wayOut) });
    expect(String(outcome)).not.toContain('t0ken');
  });

  it('is unavailable when the answer is late, never comes, or breaks off', async () => {
    const replies: Reply[] = [
      () => undefined,
      (_, response) => void response.writeHead(200, { 'content-length': '100' }).write('half'),
      (_, response) => void response.socket?.destroy(),
    ];
    for (const reply of replies) {
      const store = await storeThatAnswers(reply, { timeoutMs: 200 });
      await expect(storeAll(store, readings(1))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      server?.closeAllConnections();
      server?.close();
    }
  });

  it('reads nothing from a page that is no InfluxDB', async () => {
    const store = await storeThatAnswers(
      (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      { answersQueries: true },
    );
    await expect(store.latest()).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  });
});

describe('the lines of readings', () => {
  const allLinesOf = async (all: readonly FlaggedReading[]): Promise<string[]> => {
    const taken: string[] = [];
    const store = await storeThatAnswers((lines, response) => {
      taken.push(...lines);
      response.writeHead(204).end();
    });
    expect(await storeAll(store, all)).toEqual([]);
    return taken;
  };
  const linesOf = async (all: readonly FlaggedReading[]): Promise<string[]> =>
    (await allLinesOf(all)).filter((line) => !line.startsWith('received'));

  it('hold each value in digits that are read back as that very number', async () => {
    const random = seededRandom(1);
    const values = [
      ...[0, -0, 1, -1, 0.1, -0.1, 0.001, -0.001, 0.0005, 1.0005, 9.999, 10, 99.99, 100, -40.5, 1e9, 0.1 + 0.2, 1 / 3],
      ...[
        2 ** 31 / 1_000,
        2 ** 31,
        2 ** 53,
        1e21,
        -1e300,
        5e-324,
        Number.MAX_VALUE,
        4.35,
        1.005,
        2_147_483.647,
        2_147_483.648,
      ],
      ...Array.from({ length: 20_000 }, (_, nth) => Math.round(random() * 10 ** (nth % 10)) / 10 ** (nth % 5)),
      ...Array.from({ length: 5_000 }, (_, nth) => (random() - 0.5) * 10 ** ((nth % 40) - 20)),
    ];
    const [one] = readings(1);
    const lines = await linesOf(values.map((value, nth) => ({ ...one!, value, measuredAt: one!.measuredAt + nth })));
    const read = new Map(
      lines.map((line) => {
        const { value, us } = / suspect=(?<value>[^ ]+) (?<us>\d+)$/.exec(line)!.groups!;
        return [Math.floor(Number(us) / 1_000) - one!.measuredAt, value!];
      }),
    );
    // Minus nothing is nothing.
    const wrong = values.filter((value, nth) => !Object.is(Number(read.get(nth)), value + 0));
    expect(wrong).toEqual([]);
    expect(values.filter((value, nth) => read.get(nth)!.length > String(value).length)).toEqual([]);
  });

  it('hold the flag of each reading in the name of its field, and once for each moment of a device when it was received', async () => {
    const [one] = readings(1);
    const all = [
      { metric: 'b' },
      { metric: 'c', flag: Flag.good },
      { metric: 'd', flag: Flag.failed },
      { metric: 'd', sequence: 8 },
      { metric: 'b', sequence: 8, receivedAt: 1_748_736_000_138 },
      { metric: 'b', deviceId: 'e' },
    ].map((change) => ({ ...one!, deviceId: 'd', stationId: 's', ...change }));
    expect(await allLinesOf(all)).toEqual([
      'received,device=d,station=s at=1748736000137 1748736000000007',
      'b,device=d,station=s suspect=0 1748736000000007',
      'c,device=d,station=s value=0 1748736000000007',
      'd,device=d,station=s failed=0 1748736000000007',
      'received,device=d,station=s at=1748736000137 1748736000000008',
      'd,device=d,station=s suspect=0 1748736000000008',
      'received,device=d,station=s at=1748736000138 1748736000000008',
      'b,device=d,station=s suspect=0 1748736000000008',
      'received,device=e,station=s at=1748736000137 1748736000000007',
      'b,device=e,station=s suspect=0 1748736000000007',
    ]);
  });

  it('name the station where the device stood, also where it was moved in between', async () => {
    const moved = readings(4).map((reading, nth) => ({ ...reading, stationId: ['a', 'a', 'b', 'a'][nth]! }));
    expect((await linesOf(moved)).map((line) => /station=(\w)/.exec(line)![1])).toEqual(['a', 'a', 'b', 'a']);
  });
});

describe('a sift while something is being stored', () => {
  /** A store whose answers to writes are held back until they are let go with a status. */
  const slow = async () => {
    const held: ((status: number) => void)[] = [];
    const written: string[] = [];
    const store = await storeThatAnswers((lines, response) => {
      written.push(...lines);
      held.push((status) => void response.writeHead(status).end());
    });
    const answered = async (status: number) => {
      await eventually(() => expect(held.length).toBeGreaterThan(0));
      held.shift()!(status);
    };
    return { store, written, answered };
  };

  it('takes it for stored, and is as good as one afterwards', async () => {
    const { store, written, answered } = await slow();
    const [first, second, third] = readings(3);
    const storing = (await store.sift(ReadingColumns.of([first!, second!]))).store();
    const sifted = await store.sift(ReadingColumns.of([second!, { ...first!, value: 9 }, third!]));
    expect(sifted).toMatchObject({ duplicates: [0], conflicts: [{ at: 1, storedValue: 0 }] });
    await answered(204);
    await storing;
    const after = sifted.store();
    await answered(204);
    await after;
    expect(written.filter((line) => line.startsWith('level'))).toHaveLength(3);
  });

  it('does not take it for stored any more when it was not', async () => {
    const { store, answered } = await slow();
    const [first, second] = readings(2);
    const storing = (await store.sift(ReadingColumns.of([first!, second!]))).store();
    expect((await store.sift(ReadingColumns.of([second!]))).duplicates).toEqual([0]);
    const [outcome] = await Promise.all([storing.catch((error: unknown) => error), answered(503)]);
    expect(outcome).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect((await store.sift(ReadingColumns.of([second!, first!]))).duplicates).toEqual([]);
  });
});

describe('when the server was started', () => {
  const STARTED_S = 1_795_312_478;
  const metrics = (startedS: number) => `go_threads 9\nprocess_start_time_seconds ${startedS}\nprocess_uptime 3\n`;
  const at = (second: number) => ({ date: new Date(second * 1_000).toUTCString() });
  const victoria = (reply: Reply) => storeThatAnswers(reply, { version: 'victoria' });

  it('is asked of a VictoriaMetrics, and of nobody else', async () => {
    const store = await victoria((_, response, { url, headers }) => {
      expect([url, headers.authorization]).toEqual(['/metrics', 'Bearer t0ken']);
      response.writeHead(200, at(STARTED_S + 1)).end(metrics(STARTED_S));
    });
    expect(await store.startedAt()).toBe(STARTED_S * 1_000);
    const influx = await storeThatAnswers(() => expect.unreachable('it was asked'));
    expect(await influx.startedAt()).toBeNull();
  });

  it('is not told within its first second, since another start in that second would look the same', async () => {
    let now = STARTED_S;
    const store = await victoria((_, response) => response.writeHead(200, at(now)).end(metrics(STARTED_S)));
    await expect(store.startedAt()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    now += 1;
    expect(await store.startedAt()).toBe(STARTED_S * 1_000);
  });

  it.each([
    ['it is busy', 503, '', 'STORE_UNAVAILABLE', '503'],
    ['it does not let us look', 401, '', 'STORE_REFUSED', 'CANH_INFLUX_TOKEN'],
    ['it is something else', 200, '<html>', 'STORE_REFUSED', 'process_start_time_seconds'],
  ])('is not known when %s', async (_, status, body, code, message) => {
    const store = await victoria((_lines, response) => response.writeHead(status).end(body));
    await expect(store.startedAt()).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('makes what it says of stored readings worthless, until somebody has asked again', async () => {
    let startedS = STARTED_S;
    const store = await victoria((_, response, { url }) => {
      if (url === '/metrics') response.writeHead(200, at(startedS + 9)).end(metrics(startedS));
      else if (url?.startsWith('/api/v2/write') === true) response.writeHead(204).end();
      else if (url === '/api/v1/query') json(response, 200, { data: { result: [] } });
      else response.writeHead(200).end();
    });
    await store.startedAt();
    const [first, second] = readings(2);
    expect(await storeAll(store, [second!])).toEqual([]);
    startedS += 60;
    await expect(store.sift(ReadingColumns.of([first!]))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect((await store.sift(ReadingColumns.of([second!]))).duplicates).toEqual([0]);
    await store.startedAt();
    // What was written to the server before it was started anew is remembered no more.
    expect((await store.sift(ReadingColumns.of([first!, second!]))).duplicates).toEqual([]);
  });
});

describe('what the store is asked', () => {
  const asked = async (options: Partial<InfluxOptions> = {}) => {
    const urls: string[] = [];
    const store = await storeThatAnswers(
      (lines, response, { url }) => {
        urls.push(`${url?.split('?')[0]} ${decodeURIComponent(lines[0]!.replaceAll('+', ' ')).split(' ')[1]}`);
        if (url?.startsWith('/query') === true) response.writeHead(200).end('{"results":[{"statement_id":0}]}');
        else response.writeHead(204).end();
      },
      { answersQueries: true, ...options },
    );
    return { store, urls };
  };

  it('is nothing about readings that are newer than all that it has', async () => {
    const { store, urls } = await asked();
    const all = readings(300);
    await storeAll(store, all.slice(0, 100));
    expect(urls).toEqual(['/query last("value")', expect.stringContaining('/api/v2/write')]);
    urls.length = 0;
    await storeAll(store, all.slice(100, 200));
    await storeAll(store, all.slice(200).toReversed());
    expect(urls).toHaveLength(2);
  });

  it('is one question about a backlog, and some about one that is spread over days or over many devices', async () => {
    const { store, urls } = await asked();
    const [last, ...all] = readings(5_000).toReversed();
    await storeAll(store, [last!]);
    urls.length = 0;
    await store.sift(ReadingColumns.of(all));
    expect(urls).toEqual(['/query "device",']);
    urls.length = 0;
    await store.sift(
      ReadingColumns.of(all.map((reading, nth) => ({ ...reading, measuredAt: reading.measuredAt - nth * 60_000 }))),
    );
    expect(urls.length).toBeGreaterThan(10);
    expect(urls.length).toBeLessThan(20);
    urls.length = 0;
    const many = all.map((reading, nth) => ({ ...reading, deviceId: `device-${nth}`, measuredAt: last!.measuredAt }));
    await storeAll(store, many);
    expect(urls.filter((url) => url.startsWith('/query')).length).toBeLessThan(25);
  });
});

it.each(['', 'influx', 'ftp://host', 'http://', 'http:///x'])('says that %j is no address', async (url) => {
  await expect(
    InfluxSeriesStore.open({ url, token: '', org: '', bucket: 'b', version: '2', timeoutMs: 1 }),
  ).rejects.toMatchObject({
    code: 'BAD_STORE_URL',
  });
});
