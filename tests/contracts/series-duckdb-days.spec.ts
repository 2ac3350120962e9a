import { ReadingColumns } from '@canh/core/quality/reading-columns';
import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import { Flag } from '@canh/core/quality/flag';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { Bucket, SeriesSpan, SeriesStore } from '@canh/core/series/series-store';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';
import { DuckDBInstance } from '@duckdb/node-api';
import { copyFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../support/seeded.js';
import { allNew, append } from './series-store.suite.js';

const SUNDAY = Date.UTC(2025, 5, 1);
const KEEP = { raw: 400, '5min': 1_100, '1h': 3_660 };
const STATIONS = ['bridge', 'harbour', "Trạm 'Đông Hà'"];
const METRICS = ['level_m', 'rain_mm'];

let folder: string;
let stores: DuckDbSeriesStore[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canh-duckdb-[days]-'));
  stores = [];
});
afterEach(async () => {
  for (const store of stores) await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function opened() {
  const open = await DuckDbSeriesStore.open(folder);
  stores.push(open.store);
  return open;
}

async function reopened(store: DuckDbSeriesStore) {
  await store.close();
  return opened();
}

/** The moment in which the `nth` day from Sunday on is over. */
function over(nth: number): number {
  return SUNDAY + (nth + 1) * DAY_MS + 2 * HOUR_MS;
}

const days = async () => (await readdir(join(folder, 'days'))).toSorted();

function reading(given: Partial<FlaggedReading> = {}): FlaggedReading {
  const ids = { deviceId: 'gauge', stationId: 'bridge', metric: 'level_m' };
  return { ...ids, value: 3.4, measuredAt: SUNDAY, sequence: 0, receivedAt: SUNDAY + 137, flag: Flag.good, ...given };
}

/** Some hundred readings a day of each station and metric, of two devices, with every flag, in the order of time. */
function province(seed: number, fromDay: number, toDay: number): FlaggedReading[] {
  const random = seededRandom(seed);
  const flags = [Flag.good, Flag.good, Flag.good, Flag.notEvaluated, Flag.suspect, Flag.failed];
  const readings: FlaggedReading[] = [];
  for (let at = SUNDAY + fromDay * DAY_MS; at < SUNDAY + toDay * DAY_MS; at += 10 * MINUTE_MS)
    for (const stationId of STATIONS)
      for (const metric of METRICS)
        for (const device of [0, 1]) {
          const measuredAt = at + Math.floor(random() * 10 * MINUTE_MS);
          readings.push({
            deviceId: `${stationId}-${device}`,
            stationId,
            metric,
            value: Math.round(random() * 1_000) / 100,
            measuredAt,
            sequence: Math.floor(random() * 3),
            receivedAt: measuredAt + Math.floor(random() * MINUTE_MS),
            flag: flags[Math.floor(random() * flags.length)]!,
          });
        }
  return readings.toSorted((a, b) => a.measuredAt - b.measuredAt || a.sequence - b.sequence);
}

const always = { from: SUNDAY - 10 * DAY_MS, to: SUNDAY + 100 * DAY_MS };
const SPANS: SeriesSpan[] = [
  { stationId: 'bridge', metric: 'level_m', ...always },
  { stationId: STATIONS[2]!, metric: 'rain_mm', from: SUNDAY + DAY_MS - HOUR_MS, to: SUNDAY + DAY_MS + HOUR_MS },
  { stationId: 'harbour', metric: 'level_m', from: SUNDAY + 7 * MINUTE_MS, to: SUNDAY + 2 * DAY_MS + 61_234 },
  { stationId: 'harbour', metric: 'never', ...always },
];
const STEPS = [MINUTE_MS, 5 * MINUTE_MS, 7 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS, 7 * DAY_MS];

const LINES = SPANS.flatMap((span) => STEPS.map((step) => ({ span, step }))).filter(
  ({ span, step }) => (span.to - span.from) / step < 50_000,
);

async function lines(store: SeriesStore): Promise<Bucket[][]> {
  const found: Bucket[][] = [];
  for (const { span, step } of LINES) found.push(await store.buckets(span, step));
  return found;
}

function expectSameLines(found: Bucket[][], expected: Bucket[][]): void {
  expect(found).toEqual(
    expected.map((line) => line.map((bucket) => ({ ...bucket, mean: expect.closeTo(bucket.mean, 9) }))),
  );
}

/** All that a store answers, but for lines. */
async function answers(store: SeriesStore): Promise<object> {
  const latest = await store.latest();
  const found = [];
  for (const span of SPANS) {
    const { count, sum } = await store.summary(span);
    found.push([await store.readings(span, 100_000), await store.readings(span, 7), count, sum.toFixed(6)]);
  }
  return { found, latest: latest.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)) };
}

function key({ stationId, metric, deviceId, measuredAt, sequence }: FlaggedReading): string {
  return [stationId, metric, deviceId, measuredAt, sequence].join('|');
}

describe('days that are over', () => {
  it('are sealed in files, and every question has the answer that it had before', async () => {
    const { store } = await opened();
    const readings = province(1, 0, 4);
    await append(store, readings);
    const [before, drawn] = [await answers(store), await lines(store)];
    expect(await store.maintain(over(1), KEEP)).toEqual({
      sealed: ['2025-06-01', '2025-06-02'].flatMap((day) =>
        ['.1h', '.5min', ''].map((kind) => `${day}${kind}.v1.parquet`),
      ),
      removed: [],
      failed: [],
      setAside: [],
    });
    expect(await answers(store)).toEqual(before);
    expectSameLines(await lines(store), drawn);
    const again = (await reopened(store)).store;
    expect(await answers(again)).toEqual(before);
    expectSameLines(await lines(again), drawn);
  });

  it('are left alone for two hours after their end', async () => {
    const { store } = await opened();
    await append(store, province(2, 0, 1));
    expect((await store.maintain(over(0) - 1, KEEP)).sealed).toEqual([]);
    expect(await days()).toEqual([]);
    expect((await store.maintain(over(0), KEEP)).sealed).toHaveLength(3);
    expect((await store.maintain(over(0), KEEP)).sealed).toEqual([]);
  });

  it('can be read by anything that reads Parquet, and are in the order of series and time', async () => {
    const { store } = await opened();
    const readings = province(3, 0, 1);
    await append(store, readings);
    await store.maintain(over(0), KEEP);
    const other = await DuckDBInstance.create(':memory:');
    const connection = await other.connect();
    const file = join(folder, 'days', '2025-06-01.v1.parquet').replaceAll(/[[]/g, '[[]');
    const columns = await connection.runAndReadAll(`DESCRIBE FROM read_parquet('${file}')`);
    expect(columns.getRows().map((row) => row.slice(0, 2).join(' '))).toEqual([
      'device_id VARCHAR',
      'station_id VARCHAR',
      'metric VARCHAR',
      'measured_at TIMESTAMP',
      'sequence USMALLINT',
      'received_at TIMESTAMP',
      'value DOUBLE',
      'flag UTINYINT',
    ]);
    const rows = await connection.runAndReadAll(
      `SELECT device_id, station_id, metric, epoch_ms(measured_at)::DOUBLE, "sequence", epoch_ms(received_at)::DOUBLE, value, flag FROM read_parquet('${file}')`,
    );
    const found = rows
      .getRows()
      .map(([deviceId, stationId, metric, measuredAt, sequence, receivedAt, value, flag]) => ({
        deviceId,
        stationId,
        metric,
        measuredAt,
        sequence,
        receivedAt,
        value,
        flag,
      })) as FlaggedReading[];
    const ordered = readings.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
    expect(found.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))).toEqual(ordered);
    const series = found.map(({ stationId, metric, deviceId }) => `${stationId}|${metric}|${deviceId}`);
    expect(new Set(series.filter((name, row) => name !== series[row - 1])).size).toBe(
      series.filter((name, row) => name !== series[row - 1]).length,
    );
    other.closeSync();
  });

  it('are sealed in parts when they have more rows than one file may have, with the same answers', async () => {
    const { store } = await opened();
    const readings = province(15, 0, 2);
    const most = Math.ceil(readings.length / 8);
    await append(store, readings);
    const [before, drawn] = [await answers(store), await lines(store)];
    const { sealed, failed } = await store.maintain(over(0), KEEP, most);
    const parts = ['', '.p2', '.p3', '.p4', '.p5'].slice(0, sealed.length / 3);
    expect({ sealed, failed }).toEqual({
      sealed: parts.flatMap((part) => ['.1h', '.5min', ''].map((kind) => `2025-06-01${part}${kind}.v1.parquet`)),
      failed: [],
    });
    expect(parts.length).toBeGreaterThan(3);
    expect(await days()).toEqual(sealed.toSorted());
    const rows = await rowsOf(sealed.filter((name) => !name.includes('5min') && !name.includes('1h')));
    expect(Math.max(...rows)).toBeLessThanOrEqual(most);
    expect(rows.reduce((sum, count) => sum + count, 0)).toBe(
      readings.filter(({ measuredAt }) => measuredAt < SUNDAY + DAY_MS).length,
    );
    expect(await answers(store)).toEqual(before);
    expectSameLines(await lines(store), drawn);
    expect(await store.oldestUnsealed()).toBe(
      Math.min(...readings.filter(({ measuredAt }) => measuredAt >= SUNDAY + DAY_MS).map((one) => one.receivedAt)),
    );
    const again = await reopened(store);
    expect(await answers(again.store)).toEqual(before);
    expectSameLines(await lines(again.store), drawn);
    expect((await append(again.store, readings)).stored).toBe(0);
  });

  it('in parts take in what comes late in one of them, or in one more where none has room', async () => {
    const { store } = await opened();
    const readings = province(16, 0, 1);
    const most = Math.ceil(readings.length / 4);
    // So many come late, of all hours, that one part is filled up and another begun.
    const isLate = (nth: number) => nth % 5 < 2;
    const late = readings.filter((_, nth) => isLate(nth));
    await append(
      store,
      readings.filter((_, nth) => !isLate(nth)),
    );
    expect((await store.maintain(over(0), KEEP, most)).sealed).toHaveLength(9);
    const written: string[][] = [];
    for (let at = 0; at < late.length; at += 100) {
      await append(store, late.slice(at, at + 100));
      written.push([...(await store.maintain(over(1), KEEP, most)).sealed]);
    }
    expect(written.map((names) => names.length)).toEqual(written.map(() => 3));
    const raw = (await days()).filter((name) => !name.includes('5min') && !name.includes('1h'));
    expect(raw.filter((name) => name.endsWith('.v1.parquet')).length).toBeGreaterThan(0);
    expect(raw.length).toBeGreaterThan(3);
    expect(Math.max(...(await rowsOf(raw)))).toBeLessThanOrEqual(most);
    const { store: plain } = await DuckDbSeriesStore.open(join(folder, 'plain'));
    stores.push(plain);
    await append(plain, readings);
    expect(await answers(store)).toEqual(await answers(plain));
    expectSameLines(await lines(store), await lines(plain));

    // A lost hot file finds all parts again.
    await store.close();
    await rm(join(folder, 'readings.duckdb'));
    const { store: filled } = await opened();
    expect((await append(filled, readings)).stored).toBe(0);
    expect(await answers(filled)).toEqual(await answers(plain));
    expectSameLines(await lines(filled), await lines(plain));
  });

  it('of a version from before there were parts are read, and go on as the first part', async () => {
    const { store } = await opened();
    const readings = province(17, 0, 1);
    await append(
      store,
      readings.filter((_, nth) => nth % 2 === 0),
    );
    await store.maintain(over(0), KEEP);
    await store.close();
    const instance = await DuckDBInstance.create(join(folder, 'readings.duckdb'));
    const connection = await instance.connect();
    await connection.run('ALTER TABLE sealed DROP COLUMN part');
    connection.closeSync();
    instance.closeSync();
    const { store: newer } = await opened();
    await append(
      newer,
      readings.filter((_, nth) => nth % 2 === 1),
    );
    // The part from before is larger than a file may be today, and stays as it is.
    const { sealed } = await newer.maintain(over(1), KEEP, Math.ceil(readings.length / 2.5));
    expect(sealed.every((name) => name.includes('.p'))).toBe(true);
    expect(await days()).toContain('2025-06-01.v1.parquet');
    expect((await newer.summary({ stationId: 'bridge', metric: 'level_m', ...always })).count).toBe(
      readings.filter(({ stationId, metric }) => stationId === 'bridge' && metric === 'level_m').length,
    );
  });

  it('take in what comes late, which is seen meanwhile too, as a new version', async () => {
    const { store } = await opened();
    const readings = province(4, 0, 2);
    const late = readings.filter((_, nth) => nth % 5 === 0);
    await append(
      store,
      readings.filter((_, nth) => nth % 5 !== 0),
    );
    await store.maintain(over(1), KEEP);
    expect(await append(store, late)).toEqual(allNew(late.length));
    const [before, drawn] = [await answers(store), await lines(store)];
    await store.maintain(over(1), KEEP);
    expect(await days()).toEqual(
      ['2025-06-01', '2025-06-02'].flatMap((day) => ['.1h', '.5min', ''].map((kind) => `${day}${kind}.v2.parquet`)),
    );
    expect(await answers(store)).toEqual(before);
    expectSameLines(await lines(store), drawn);
    expect((await store.readings(SPANS[0]!, 10_000)).length).toBe(
      readings.filter(({ stationId, metric }) => stationId === 'bridge' && metric === 'level_m').length,
    );
  });

  it('take it in once it has waited for three hours, and not each time that something came', async () => {
    const { store } = await opened();
    await append(store, province(14, 0, 1));
    await store.maintain(over(0), KEEP);
    const receivedAt = over(0);
    await append(store, [reading({ measuredAt: SUNDAY + 1, receivedAt })]);
    expect((await store.maintain(receivedAt + 3 * HOUR_MS - 1, KEEP)).sealed).toEqual([]);
    expect((await store.maintain(receivedAt + 3 * HOUR_MS, KEEP)).sealed).toHaveLength(3);
  });

  it('are seen once while they are sealed, with what comes late meanwhile', async () => {
    const { store } = await opened();
    const readings = province(12, 0, 6);
    const span = { stationId: 'bridge', metric: 'level_m', ...always };
    const isLate = (nth: number) => nth % 50 < 5;
    await append(
      store,
      readings.filter((_, nth) => !isLate(nth)),
    );
    const late = readings.filter((_, nth) => isLate(nth));
    let { count } = await store.summary(span);
    let asked = 0;
    let sealing = true;
    const sealed = store.maintain(over(5), KEEP).finally(() => (sealing = false));
    for (; sealing; asked++) {
      const batch = late.splice(0, 20);
      expect((await append(store, batch)).stored).toBe(batch.length);
      count += batch.filter(({ stationId, metric }) => stationId === 'bridge' && metric === 'level_m').length;
      expect((await store.summary(span)).count).toBe(count);
      expect((await store.buckets(span, DAY_MS)).reduce((sum, bucket) => sum + bucket.count, 0)).toBeLessThan(count);
    }
    expect((await sealed).sealed).toHaveLength(18);
    expect(asked).toBeGreaterThan(3);
    await append(store, late);
    await store.maintain(over(5), KEEP);
    expect(await store.readings(span, 100_000)).toEqual(
      readings.filter(({ stationId, metric }) => stationId === 'bridge' && metric === 'level_m'),
    );
  });

  it('stay whole when the store is closed while they are sealed', async () => {
    const { store } = await opened();
    await append(store, province(13, 0, 6));
    const before = await answers(store);
    const sealing = store.maintain(over(5), KEEP).catch((error: unknown) => error);
    const closed = store.close();
    expect(await sealing).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await closed;
    const { store: again } = await opened();
    expect(await answers(again)).toEqual(before);
    await again.maintain(over(5), KEEP);
    expect(await answers(again)).toEqual(before);
    expect((await days()).length).toBe(18);
  });

  it('are looked through for what is stored already, or with another value', async () => {
    const { store } = await opened();
    const readings = province(5, 0, 3);
    await append(store, readings);
    await store.maintain(over(2), KEEP);
    for (const open of [async () => store, async () => (await reopened(store)).store]) {
      const asked = await open();
      const changed = readings.map((one, nth) => (nth % 100 === 7 ? { ...one, value: one.value + 1 } : one));
      const fresh = readings.slice(0, 3).map((one) => ({ ...one, sequence: one.sequence + 500 }));
      const { duplicates, conflicts } = await asked.sift(ReadingColumns.of([...changed, ...fresh]));
      expect(conflicts).toEqual(
        readings.flatMap(({ value }, at) => (at % 100 === 7 ? [{ at, storedValue: value }] : [])),
      );
      expect(duplicates).toEqual(readings.flatMap((_, at) => (at % 100 === 7 ? [] : [at])));
    }
  });

  it('still give the newest reading of a station that has been silent since', async () => {
    const { store } = await opened();
    const last = reading({ measuredAt: SUNDAY + HOUR_MS, stationId: 'silent', deviceId: 'silent' });
    await append(store, [reading(), last, reading({ measuredAt: SUNDAY + 5 * DAY_MS })]);
    await store.maintain(over(0), KEEP);
    const { store: again } = await reopened(store);
    expect(await again.latest()).toContainEqual(last);
    expect(await append(again, [last])).toEqual({ ...allNew(0), duplicates: [0] });
  });

  it('are let go of when they are old: the readings first, then the shorter steps, then the hours', async () => {
    const { store } = await opened();
    await append(store, province(6, 0, 2));
    const drawn = await lines(store);
    await store.maintain(over(1), KEEP);
    expect((await store.maintain(SUNDAY + 401 * DAY_MS, KEEP)).removed).toEqual(['2025-06-01.v1.parquet']);
    expect((await store.maintain(SUNDAY + 402 * DAY_MS, KEEP)).removed).toEqual(['2025-06-02.v1.parquet']);
    expect(await days()).toEqual(
      ['2025-06-01', '2025-06-02'].flatMap((day) => ['.1h', '.5min'].map((kind) => `${day}${kind}.v1.parquet`)),
    );
    // What begins and ends with a step of five minutes can still be drawn, in such steps.
    const inSteps = LINES.map(({ span, step }) =>
      [span.from, span.to, step].every((time) => time % (5 * MINUTE_MS) === 0),
    );
    expect(inSteps.filter(Boolean).length).toBeGreaterThan(8);
    expectSameLines(
      (await lines(store)).filter((_, nth) => inSteps[nth]),
      drawn.filter((_, nth) => inSteps[nth]),
    );
    expect(await store.readings(SPANS[0]!, 10)).toEqual([]);
    expect(await store.summary(SPANS[0]!)).toEqual({ count: 0, sum: 0 });

    expect((await store.maintain(SUNDAY + 1_102 * DAY_MS, KEEP)).removed).toHaveLength(2);
    expect(await days()).toEqual(['2025-06-01.1h.v1.parquet', '2025-06-02.1h.v1.parquet']);
    const daily = LINES.findIndex(({ span, step }) => span === SPANS[0] && step === DAY_MS);
    expectSameLines([await store.buckets(SPANS[0]!, DAY_MS)], [drawn[daily]!]);
    await store.maintain(SUNDAY + 3_662 * DAY_MS, KEEP);
    expect(await days()).toEqual([]);
    expect(await store.buckets(SPANS[0]!, DAY_MS)).toEqual([]);
  });

  it('keep the counts of a day whose readings are gone when one more comes', async () => {
    const { store } = await opened();
    await append(
      store,
      [1, 2, 3].map((value) => reading({ value, sequence: value, measuredAt: SUNDAY + value })),
    );
    await store.maintain(SUNDAY + 401 * DAY_MS, KEEP);
    expect(await days()).toEqual(['2025-06-01.1h.v1.parquet', '2025-06-01.5min.v1.parquet']);
    await append(store, [reading({ value: 10, measuredAt: SUNDAY + 9 })]);
    for (let maintained = 0; maintained < 2; maintained++) {
      expect(await store.buckets(SPANS[0]!, HOUR_MS)).toEqual([
        { at: SUNDAY, min: 1, max: 10, mean: 4, count: 4, flag: Flag.good },
      ]);
      await store.maintain(SUNDAY + 401 * DAY_MS, KEEP);
    }
    expect(await days()).toEqual(['2025-06-01.1h.v2.parquet', '2025-06-01.5min.v2.parquet']);
  });
});

describe('what goes wrong beside sealed days', () => {
  it('a lost hot file finds them again, and takes from the journal only what they have not', async () => {
    const { store } = await opened();
    const readings = province(7, 0, 4);
    await append(store, readings);
    const [before, drawn] = [await answers(store), await lines(store)];
    await store.maintain(over(1), KEEP);
    await store.close();
    await writeFile(join(folder, 'readings.duckdb'), 'broken');
    const broken = await opened();
    expect(broken).toMatchObject({ rebuilt: true, setAside: { keptAs: join(folder, 'readings.duckdb.broken-1') } });
    // As long as nothing was stored, it is still to be filled.
    const { store: filled, rebuilt } = await reopened(broken.store);
    expect(rebuilt).toBe(true);
    const { stored, conflicts } = await append(filled, readings);
    expect({ stored, conflicts }).toEqual({
      stored: readings.filter(({ measuredAt }) => measuredAt >= SUNDAY + 2 * DAY_MS).length,
      conflicts: [],
    });
    expect(await answers(filled)).toEqual(before);
    expectSameLines(await lines(filled), drawn);
    expect((await reopened(filled)).rebuilt).toBe(false);
  });

  it('a lost hot file is filled, too, by a journal that brings nothing but what is sealed', async () => {
    const { store } = await opened();
    const readings = province(7, 0, 1);
    await append(store, readings);
    await store.maintain(over(1), KEEP);
    await store.close();
    await rm(join(folder, 'readings.duckdb'));
    const lost = await opened();
    expect(lost.rebuilt).toBe(true);
    expect((await append(lost.store, readings)).stored).toBe(0);
    expect((await reopened(lost.store)).rebuilt).toBe(false);
  });

  it('a lost hot file takes of each day the last version that was finished, and lets go of the others', async () => {
    const { store } = await opened();
    const readings = province(11, 0, 3);
    await append(store, readings);
    const [before, drawn] = [await answers(store), await lines(store)];
    await store.maintain(over(1), KEEP);
    await store.close();
    const path = (name: string) => join(folder, 'days', name);
    // A crash came when the first of three new files had its name, and another one before the old ones were removed.
    await copyFile(path('2025-06-02.1h.v1.parquet'), path('2025-06-01.1h.v2.parquet'));
    for (const kind of ['', '.5min', '.1h'])
      await copyFile(path(`2025-06-02${kind}.v1.parquet`), path(`2025-06-02${kind}.v2.parquet`));
    for (const name of ['readings.duckdb', 'readings.duckdb.wal']) await rm(join(folder, name), { force: true });
    const { store: filled } = await opened();
    await append(filled, readings);
    expect(await answers(filled)).toEqual(before);
    expectSameLines(await lines(filled), drawn);
    expect((await filled.maintain(over(1), KEEP)).setAside).toEqual([]);
    expect(await days()).toEqual([
      ...['.1h', '.5min', ''].map((kind) => `2025-06-01${kind}.v1.parquet`),
      ...['.1h', '.5min', ''].map((kind) => `2025-06-02${kind}.v2.parquet`),
    ]);
  });

  it.each([
    ['cut short', (file: string) => truncate(file, 200)],
    ['other bytes', (file: string) => writeFile(file, 'not Parquet at all, though long enough to be looked into')],
    ['zeros in its middle', zeroedInside],
    ['removed', (file: string) => rm(file)],
  ])('a file with %s is named and set aside, and the other days still answer', async (how, damage) => {
    const { store } = await opened();
    const readings = province(8, 0, 3);
    await append(store, readings);
    await store.maintain(over(2), KEEP);
    await damage(join(folder, 'days', '2025-06-02.v1.parquet'));
    const others = readings.filter(({ measuredAt }) => Math.floor((measuredAt - SUNDAY) / DAY_MS) !== 1);
    const ofBridge = others.filter(({ stationId, metric }) => stationId === 'bridge' && metric === 'level_m');
    expect(await store.readings(SPANS[0]!, 100_000)).toEqual(ofBridge);
    const { setAside } = await store.maintain(over(2), KEEP);
    expect(setAside).toEqual([
      { keptAs: expect.stringContaining('2025-06-02.v1.parquet'), reason: expect.stringMatching(/.{10}/) },
    ]);
    expect((await days()).filter((name) => name.includes('broken'))).toEqual(
      how === 'removed' ? [] : ['2025-06-02.v1.parquet.broken-1'],
    );
    // Its steps are another file, and there.
    expect((await store.buckets(SPANS[0]!, DAY_MS)).length).toBe(3);
    const again = await reopened(store);
    expect(await again.store.readings(SPANS[0]!, 100_000)).toEqual(ofBridge);
    // What is sent once more is stored once more.
    expect((await append(again.store, readings)).stored).toBe(readings.length - others.length);
  });

  it('does not keep readings out when they are compared with a damaged file', async () => {
    const { store } = await opened();
    await append(store, [reading(), reading({ measuredAt: SUNDAY + 3 * DAY_MS })]);
    await store.maintain(over(0), KEEP);
    await truncate(join(folder, 'days', '2025-06-01.v1.parquet'), 100);
    expect(await append(store, [reading({ measuredAt: SUNDAY + 5 })])).toEqual(allNew(1));
    expect((await store.maintain(over(0), KEEP)).setAside).toHaveLength(1);
  });

  it('steps whose file is damaged are made anew from the readings', async () => {
    const { store } = await opened();
    await append(store, province(9, 0, 1));
    const drawn = await lines(store);
    await store.maintain(over(0), KEEP);
    for (const kind of ['5min', '1h']) await truncate(join(folder, 'days', `2025-06-01.${kind}.v1.parquet`), 300);
    expectSameLines(await lines(store), drawn);
    const { sealed, setAside } = await store.maintain(over(0), KEEP);
    expect(sealed).toEqual(['2025-06-01.1h.v1.parquet', '2025-06-01.5min.v1.parquet']);
    expect(setAside).toHaveLength(2);
    expectSameLines(await lines(store), drawn);
  });

  it('a folder that cannot be had keeps the store closed, and its hot file where it is', async () => {
    const { store } = await opened();
    await append(store, [reading()]);
    await store.close();
    await rm(join(folder, 'days'), { recursive: true });
    await writeFile(join(folder, 'days'), '');
    await expect(opened()).rejects.toMatchObject({ code: 'STORE_NOT_OPENED' });
    await rm(join(folder, 'days'));
    const again = await opened();
    expect(again).toMatchObject({ setAside: null, rebuilt: false });
    expect(await again.store.latest()).toEqual([reading()]);
  });

  it('a file of a day that is not on the list is left alone, and named', async () => {
    const { store } = await opened();
    await append(store, province(10, 0, 2));
    await store.maintain(over(0), KEEP);
    const kept = await readFile(join(folder, 'days', '2025-06-01.v1.parquet'));
    await store.close();
    await writeFile(join(folder, 'days', '2025-05-20.v3.parquet'), kept);
    const { store: again } = await opened();
    expect((await again.maintain(over(0), KEEP)).setAside).toEqual([
      { keptAs: join(folder, 'days', '2025-05-20.v3.parquet'), reason: expect.stringContaining('list') },
    ]);
    expect(await days()).toContain('2025-05-20.v3.parquet');
  });
});

async function zeroedInside(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes.fill(0, 100, bytes.length - 3_000);
  await writeFile(file, bytes);
}

/** How many rows each of these files of the days folder has. */
async function rowsOf(names: readonly string[]): Promise<number[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const counts: number[] = [];
  for (const name of names) {
    const file = join(folder, 'days', name).replaceAll('[', '[[]');
    counts.push(
      Number((await connection.runAndReadAll(`SELECT count(*)::DOUBLE FROM read_parquet('${file}')`)).getRows()[0]![0]),
    );
  }
  connection.closeSync();
  instance.closeSync();
  return counts;
}
