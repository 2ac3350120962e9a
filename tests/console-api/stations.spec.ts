import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '@canh/core/time/instant';
import { NIGHT, raised } from '../contracts/records.story.js';
import {
  get,
  LiveStream,
  putThachHan,
  signIn,
  startConsole,
  thachHan,
  type Answer,
  type RunningConsole,
  until,
} from './console.parts.js';
import { startProcessor, type RunningProcessor } from './processor.parts.js';

let console: RunningConsole;
let processor: RunningProcessor;
let session: { cookie: string };

/** Ten minutes apart, from NIGHT on. */
const LEVELS = [3.1, 3.4, 3.9, 4.4, 5.2, 6.1, 6.3, 5.2];

beforeAll(async () => {
  console = await startConsole();
  await putThachHan(console.records);
  processor = await startProcessor(console.dataDir);
  session = await signIn(console);
  for (const [n, level] of LEVELS.entries())
    await processor.says(
      'logger-7',
      { ts: NIGHT + n * 10 * MINUTE_MS, values: { level_m: level } },
      NIGHT + n * 10 * MINUTE_MS,
    );
  await until(
    async () =>
      (await series({ metric: 'level_m', from: NIGHT, to: NIGHT + DAY_MS })).body.buckets?.length === LEVELS.length,
  );
});
afterAll(async () => {
  await processor.close();
  await console.close();
});

const series = (query: Readonly<Record<string, string | number>>, station = 'thach-han'): Promise<Answer> =>
  get(
    console,
    `/api/stations/${station}/series?${new URLSearchParams(query as Record<string, string>).toString()}`,
    session,
  );

describe('the list of stations', () => {
  it('has everything a row needs: names, place, the metrics of all its devices, limits, the newest value with its time', async () => {
    const { body } = await get(console, '/api/stations', session);
    expect(body).toHaveLength(1);
    expect(body[0]).toMatchObject({
      id: 'thach-han',
      names: { vi: 'Thạch Hãn', en: 'Thach Han' },
      kind: 'water',
      areaNames: { vi: 'xã Triệu Phong, tỉnh Quảng Trị', en: 'Trieu Phong commune, Quang Tri province' },
      ownerUnit: 'Đài Khí tượng Thủy văn',
      latitude: 16.7517,
      longitude: 107.1907,
      profileId: 'river-gauge',
      intervalMs: 10 * MINUTE_MS,
      limits: thachHan.limits,
    });
    const metrics = body[0].metrics.map(({ name }: { name: string }) => name);
    expect(metrics).toContain('level_m');
    expect(metrics).toContain('rain_mm');
    expect(new Set(metrics).size).toBe(metrics.length);
    const last = NIGHT + (LEVELS.length - 1) * 10 * MINUTE_MS;
    expect(body[0].latest).toEqual([{ metric: 'level_m', value: 5.2, flag: 1, measuredAt: last, receivedAt: last }]);
  });

  it('shows a station as soon as another process has added it', async () => {
    await console.records.inventoryDesk.putStation({
      ...thachHan,
      id: 'dong-ha',
      names: { vi: 'Đông Hà', en: 'Dong Ha' },
      limits: [],
    });
    const { body } = await get(console, '/api/stations', session);
    expect(body.find(({ id }: { id: string }) => id === 'dong-ha')).toMatchObject({
      names: { vi: 'Đông Hà' },
      limits: [],
      latest: [],
    });
  });

  it('leaves out a station of a model that nothing describes, and health says so', async () => {
    await console.records.inventoryDesk.putStation({ ...thachHan, id: 'odd', profileId: 'no-such-model' });
    const { body } = await get(console, '/api/stations', session);
    expect(body.map(({ id }: { id: string }) => id)).not.toContain('odd');
    const ready = await get(console, '/health/ready');
    expect(ready.body.parts.records.warnings.join()).toContain('no-such-model');
  });
});

describe('a series', () => {
  it('is drawn in steps of a round width with its limits in force and when an alert was firing', async () => {
    const asked = { metric: 'level_m', from: NIGHT, to: NIGHT + 80 * MINUTE_MS, steps: 16 };
    // The level stood over 6.0 m from minute 50 and had to for ten minutes; at minute 70 it was below.
    await until(async () => (await series(asked)).body.firing.length === 1);
    await until(async () => (await series(asked)).body.firing[0].to !== null);
    const { body } = await series(asked);
    expect(body).toMatchObject({
      stationId: 'thach-han',
      metric: 'level_m',
      unit: 'm',
      decimals: 2,
      from: asked.from,
      to: asked.to,
      bucketMs: 5 * MINUTE_MS,
    });
    expect(body.buckets.map(({ at, max }: { at: number; max: number }) => [at - NIGHT, max])).toEqual(
      LEVELS.map((level, n) => [n * 10 * MINUTE_MS, level]),
    );
    expect(body.limits).toEqual([thachHan.limits[1]]);
    expect(body.firing).toEqual([
      {
        alertId: expect.any(String),
        severity: 'critical',
        since: NIGHT + 50 * MINUTE_MS,
        from: NIGHT + 60 * MINUTE_MS,
        to: NIGHT + 70 * MINUTE_MS,
        steps: [{ at: NIGHT + 60 * MINUTE_MS, severity: 'critical' }],
      },
    ]);
    expect((await series({ ...asked, to: NIGHT + 50 * MINUTE_MS })).body.firing).toEqual([]);
  });

  it('tells for each alert how urgent it was when', async () => {
    const at = NIGHT - 10 * DAY_MS;
    const said = { ...raised('thach-han', at), ruleId: 'rain-heavy', since: at - 30 * MINUTE_MS };
    const rain = { ...said, evidence: { ...said.evidence, metric: 'rain_mm' } };
    await console.records.alertStore.apply(
      [
        { ...rain, kind: 'raised', severity: 'warning' },
        { ...rain, kind: 'severity-changed', severity: 'critical', previous: 'warning', at: at + HOUR_MS },
        { ...rain, kind: 'severity-changed', severity: 'major', previous: 'critical', at: at + 2 * HOUR_MS },
        { ...rain, kind: 'returned', previous: 'major', at: at + 3 * HOUR_MS },
      ],
      at,
    );
    const { body } = await series({ metric: 'rain_mm', from: at - DAY_MS, to: at + DAY_MS });
    expect(body.firing).toEqual([
      {
        alertId: expect.any(String),
        severity: 'critical',
        since: at - 30 * MINUTE_MS,
        from: at,
        to: at + 3 * HOUR_MS,
        steps: [
          { at, severity: 'warning' },
          { at: at + HOUR_MS, severity: 'critical' },
          { at: at + 2 * HOUR_MS, severity: 'major' },
        ],
      },
    ]);
  });

  it('gives several readings of a step as their least, greatest and mean', async () => {
    const { body } = await series({ metric: 'level_m', from: NIGHT, to: NIGHT + 30 * DAY_MS, steps: 30 });
    expect(body.bucketMs).toBe(DAY_MS);
    expect(body.buckets).toHaveLength(1);
    expect(body.buckets[0]).toMatchObject({ min: 3.1, max: 6.3, count: LEVELS.length, flag: 1 });
    expect(body.buckets[0].mean).toBeCloseTo(LEVELS.reduce((sum, level) => sum + level) / LEVELS.length, 9);
  });

  it('of a metric that has not been measured yet is empty, not an error', async () => {
    expect(await series({ metric: 'rain_mm', from: NIGHT, to: NIGHT + HOUR_MS })).toMatchObject({
      status: 200,
      body: { buckets: [], firing: [] },
    });
  });

  it.each([
    ['an unknown station', 'nowhere', { metric: 'level_m', from: NIGHT, to: NIGHT + 1 }, 404, 'unknown-station'],
    ['an unknown metric', 'thach-han', { metric: 'nonsense', from: NIGHT, to: NIGHT + 1 }, 404, 'unknown-metric'],
    ['no span', 'thach-han', { metric: 'level_m' }, 400, 'bad-request'],
    [
      'a span that ends before it begins',
      'thach-han',
      { metric: 'level_m', from: NIGHT, to: NIGHT - 1 },
      400,
      'bad-span',
    ],
    ['an empty span', 'thach-han', { metric: 'level_m', from: NIGHT, to: NIGHT }, 400, 'bad-span'],
    ['all of time', 'thach-han', { metric: 'level_m', from: -8e15, to: 8e15 }, 400, 'bad-span'],
    ['an infinite end', 'thach-han', { metric: 'level_m', from: NIGHT, to: '1e400' }, 400, 'bad-request'],
    ['words for times', 'thach-han', { metric: 'level_m', from: 'yesterday', to: 'now' }, 400, 'bad-request'],
    ['too few steps', 'thach-han', { metric: 'level_m', from: NIGHT, to: NIGHT + 1, steps: 9 }, 400, 'bad-request'],
    [
      'too many steps',
      'thach-han',
      { metric: 'level_m', from: NIGHT, to: NIGHT + 1, steps: 2_001 },
      400,
      'bad-request',
    ],
    ['half a step', 'thach-han', { metric: 'level_m', from: NIGHT, to: NIGHT + 1, steps: 10.5 }, 400, 'bad-request'],
    [
      'a question too many',
      'thach-han',
      { metric: 'level_m', from: NIGHT, to: NIGHT + 1, sql: '1' },
      400,
      'bad-request',
    ],
  ])('of %s is refused', async (_what, station, query, status, code) => {
    expect(await series(query as Record<string, string | number>, station)).toMatchObject({
      status,
      body: { statusCode: status, code },
    });
  });
});

describe('what could not be a reading', () => {
  it('is counted by reason and shown with its bytes, in which nothing is hidden', async () => {
    await processor.says('logger-7', '{"level_m": 1e400, \u202e"\u0007', NIGHT);
    await processor.says('logger-7', { level_m: '3,4' }, NIGHT);
    const quarantine = async () => (await get(console, '/api/quarantine', session)).body;
    await until(async () => (await quarantine()).newest.length >= 2);
    const { counts, newest } = await quarantine();
    expect(counts).toContainEqual({ reason: 'not-json', count: 1 });
    const broken = newest.find(({ reason }: { reason: string }) => reason === 'not-json');
    expect(broken).toMatchObject({
      deviceId: 'logger-7',
      receivedAt: NIGHT,
      excerpt: '{"level_m": 1e400, \\u{202e}"\\u{7}',
      detail: expect.any(String),
      bytes: 24,
    });
  });
});

describe('the live stream', () => {
  it('begins with a beat of the server’s clock and then brings new values of each station once', async () => {
    const stream = await LiveStream.open(console, session);
    try {
      const beat = await stream.first('beat');
      expect(stream.events[0]).toBe(beat);
      expect(beat.data).toMatchObject({
        kind: 'beat',
        readingsStored: expect.any(Number),
        journalBehindBytes: expect.any(Number),
      });
      expect(Math.abs(beat.data.now - Date.now())).toBeLessThan(60 * SECOND_MS);

      const at = NIGHT + 2 * HOUR_MS;
      await processor.says(
        'logger-7',
        [6.4, 6.5, 6.6].map((level, n) => ({ ts: at + n * SECOND_MS, values: { level_m: level } })),
        at,
      );
      const { data } = await stream.first('latest', (event) => event.data.stations[0].latest[0].value === 6.6);
      expect(data.stations).toEqual([
        {
          stationId: 'thach-han',
          latest: [{ metric: 'level_m', value: 6.6, flag: 1, measuredAt: at + 2 * SECOND_MS, receivedAt: at }],
        },
      ]);
    } finally {
      stream.close();
    }
  });
});
