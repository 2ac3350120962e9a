import { ReadingColumns } from '@canh/core/quality/reading-columns';
import { InfluxSeriesStore } from '@canh/adapters/series-influx/influx-series-store';
import { Flag } from '@canh/core/quality/flag';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { SeriesStore } from '@canh/core/series/series-store';
import { DAY_MS, SECOND_MS } from '@canh/core/time/instant';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InfluxDbServer, startInfluxDb } from '../support/servers/influx.js';
import { missing } from '../support/servers/series-server.js';

const SUNDAY = Date.UTC(2025, 5, 1);
const skipped = missing('influxd', 'influxdb');

function storeOn(server: InfluxDbServer, { bucket = server.database, token = '' } = {}): Promise<InfluxSeriesStore> {
  return InfluxSeriesStore.open({ url: server.url, token, org: '', bucket, version: '1', timeoutMs: 20_000 });
}

const storeAll = async (store: SeriesStore, all: readonly FlaggedReading[]) =>
  (await store.sift(ReadingColumns.of(all))).store();

function readings(metric: string, count: number, from = SUNDAY): FlaggedReading[] {
  return Array.from({ length: count }, (_, second) => {
    const measuredAt = from + second * SECOND_MS;
    return {
      deviceId: `gauge-${second % 3}`,
      stationId: 'bridge',
      metric,
      value: 1,
      measuredAt,
      sequence: 0,
      receivedAt: measuredAt,
      flag: Flag.good,
    };
  });
}

describe.skipIf(skipped)('InfluxDB 1.6 that refuses lines', () => {
  let server: InfluxDbServer;
  let store: InfluxSeriesStore;
  const write = async (lines: string) => {
    const answer = await fetch(`${server.url}/write?db=${server.database}&precision=ms`, {
      method: 'POST',
      body: lines,
    });
    expect(answer.status).toBe(204);
  };
  const stored = (metric: string) =>
    store.summary({ stationId: 'bridge', metric, from: SUNDAY - DAY_MS, to: SUNDAY + DAY_MS });

  beforeAll(async () => {
    server = await startInfluxDb();
    store = await storeOn(server);
  });
  afterAll(() => server?.remove());

  it('stores a batch without the readings of a metric that somebody else writes as whole numbers, and names those', async () => {
    await write(`counted,device=other,station=other value=1i ${SUNDAY}`);
    const [good, bad] = [readings('level_m', 6_000), readings('counted', 40)];
    const mixed = good.flatMap((reading, nth) =>
      nth % 150 === 7 ? [bad[Math.floor(nth / 150)]!, reading] : [reading],
    );
    const refused = await storeAll(store, mixed);
    expect(refused).toHaveLength(40);
    for (const reading of bad)
      expect(refused).toContainEqual({
        at: mixed.indexOf(reading),
        answer: expect.stringContaining('field type conflict'),
      });
    expect(await stored('level_m')).toEqual({ count: 6_000, sum: 6_000 });
    expect(await stored('counted')).toEqual({ count: 0, sum: 0 });
  });

  it('finds single bad lines among thousands of the same metric', async () => {
    // A type belongs to a week's shard: a whole number in another week spoils the readings of that week only.
    const otherWeek = SUNDAY + 30 * DAY_MS;
    await write(`mixed,device=other,station=other value=1i ${otherWeek}`);
    const good = readings('mixed', 5_000);
    const bad = readings('mixed', 2, otherWeek);
    const refused = await storeAll(store, [...good.slice(0, 1_234), bad[1]!, ...good.slice(1_234), bad[0]!]);
    expect(refused.map(({ at }) => at).toSorted((a, b) => a - b)).toEqual([1_234, 5_001]);
    expect(await stored('mixed')).toEqual({ count: 5_000, sum: 5_000 });
  });

  it('refuses alone what is older than the database keeps', async () => {
    await server.influxQl(`CREATE DATABASE "short" WITH DURATION 1h REPLICATION 1 NAME "hour"`);
    const short = await storeOn(server, { bucket: 'short' });
    const now = Date.now();
    const [fresh, old] = [readings('level_m', 5, now - 60 * SECOND_MS), readings('level_m', 700, SUNDAY)];
    const refused = await storeAll(short, [...old.slice(0, 300), ...fresh, ...old.slice(300)]);
    expect(refused).toHaveLength(700);
    expect(refused[0]?.answer).toContain('retention policy');
    expect((await short.summary({ stationId: 'bridge', metric: 'level_m', from: 0, to: now + DAY_MS })).count).toBe(5);
  });

  it.each([
    ['a backslash at the end of an id', { stationId: 'bridge\\' }, 'backslash'],
    ['a new line in an id', { deviceId: 'gauge\nlevel_m value=9' }, 'control character'],
    ['half a character in an id', { deviceId: 'gauge \ud83c' }, 'control character'],
    ['no id', { deviceId: '' }, 'empty'],
    ['a metric that would be a comment', { metric: '#level_m' }, 'comment'],
    ['a value that is none', { value: Number.NaN }, 'finite'],
  ])('keeps %s to itself, and sends the rest', async (_, wrong, why) => {
    const [good, other] = readings('guarded', 2);
    const bad = { ...other!, ...wrong };
    expect(await storeAll(store, [good!, bad])).toEqual([{ at: 1, answer: expect.stringContaining(why) }]);
    expect(await stored('guarded')).toEqual({ count: 1, sum: 1 });
    expect((await store.latest()).filter(({ deviceId }) => deviceId === '' || deviceId.includes('\\'))).toEqual([]);
  });

  it('says what to do about a database that is not there, in both directions', async () => {
    const nowhere = await storeOn(server, { bucket: 'không có' });
    const complaint = { code: 'STORE_REFUSED', message: expect.stringMatching(/không có.*404.*CANH_INFLUX_BUCKET/) };
    await expect(storeAll(nowhere, readings('level_m', 1))).rejects.toMatchObject(complaint);
    await expect(nowhere.latest()).rejects.toMatchObject(complaint);
  });
});

describe.skipIf(skipped)('InfluxDB 1.6 behind a password', () => {
  let server: InfluxDbServer;
  beforeAll(async () => {
    server = await startInfluxDb({ admin: 'admin:mật khẩu' });
    await server.influxQl(`CREATE USER "reader" WITH PASSWORD 'r'`);
    await server.influxQl(`GRANT READ ON "canh" TO "reader"`);
  });
  afterAll(() => server?.remove());

  it('takes readings from whoever knows it', async () => {
    const store = await storeOn(server, { token: 'admin:mật khẩu' });
    expect(await storeAll(store, readings('level_m', 3))).toEqual([]);
    expect(await store.latest()).toHaveLength(1);
  });

  it.each([
    ['no password', ''],
    ['a wrong password', 'admin:wrong'],
    ['a token, which this version does not know', 'a-token'],
  ])('refuses %s, which keeps the readings waiting and not in quarantine', async (_, token) => {
    const store = await storeOn(server, { token });
    const complaint = { code: 'STORE_REFUSED', message: expect.stringMatching(/40[13].*CANH_INFLUX_TOKEN/) };
    await expect(storeAll(store, readings('level_m', 3))).rejects.toMatchObject(complaint);
    await expect(store.latest()).rejects.toMatchObject(complaint);
  });

  it('lets a reader read and not write', async () => {
    const store = await storeOn(server, { token: 'reader:r' });
    await expect(storeAll(store, readings('rain_mm', 3))).rejects.toMatchObject({
      code: 'STORE_REFUSED',
      message: expect.stringContaining('403'),
    });
    expect(await store.latest()).toHaveLength(1);
  });
});

describe.skipIf(skipped)('InfluxDB 1.6 that answers with so many rows only', () => {
  let server: InfluxDbServer;
  beforeAll(async () => {
    server = await startInfluxDb({ rows: 50 });
  });
  afterAll(() => server?.remove());

  it('is asked in a way that it does not cut short', async () => {
    const store = await storeOn(server);
    await storeAll(store, readings('level_m', 120));
    const span = { stationId: 'bridge', metric: 'level_m', from: SUNDAY, to: SUNDAY + DAY_MS };
    expect(await store.readings(span, 50)).toHaveLength(50);
    expect(await store.readings(span, 100)).toHaveLength(100);
    expect(await store.buckets(span, SECOND_MS)).toHaveLength(120);
    const again = await storeOn(server);
    expect((await again.sift(ReadingColumns.of(readings('level_m', 120)))).duplicates).toHaveLength(120);
    await store.close();
    await again.close();
  });
});
