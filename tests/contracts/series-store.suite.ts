import { ReadingColumns } from '@canh/core/quality/reading-columns';
import { Flag } from '@canh/core/quality/flag';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { Conflict, RefusedReading, SeriesSpan, SeriesStore } from '@canh/core/series/series-store';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '@canh/core/time/instant';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A store with what a test must be able to do around it. */
export interface StoreUnderTest {
  readonly store: SeriesStore;
  /** Closes the store and opens it again on what it holds, as a restart of Canh does. */
  reopen(): Promise<SeriesStore>;
  /** Resolves when everything that was appended can be read. */
  settle(): Promise<void>;
  /** Stops the server behind the store and starts it again; null where the store is no server. */
  readonly outage: { begin(): Promise<void>; end(): Promise<void> } | null;
  remove(): Promise<void>;
}

/** What a kind of store can't do, as its documentation says. */
export interface Limits {
  /** Tells readings apart by their sequence; otherwise it keeps whole milliseconds and one reading in each. */
  readonly sequences: boolean;
  /** Keeps every finite double to its last bit; otherwise about fifteen digits, and nothing beyond 1e12. */
  readonly everyDouble: boolean;
}

const SUNDAY = Date.UTC(2025, 5, 1);

/** Readings of one series, a minute apart from `from`: value, or value and flag. */
function river(
  stationId: string,
  values: readonly (number | readonly [number, Flag])[],
  from = SUNDAY,
): FlaggedReading[] {
  return values.map((given, minute) => {
    const [value, flag] = typeof given === 'number' ? [given, Flag.good] : given;
    const measuredAt = from + minute * MINUTE_MS;
    return {
      deviceId: `${stationId}-gauge`,
      stationId,
      metric: 'level_m',
      value,
      measuredAt,
      sequence: 0,
      receivedAt: measuredAt + 137,
      flag,
    };
  });
}

function day(stationId: string, metric = 'level_m'): SeriesSpan {
  return { stationId, metric, from: SUNDAY, to: SUNDAY + DAY_MS };
}

/** What became of readings that were sifted, and stored where they were new. */
export interface Appended {
  readonly stored: number;
  readonly duplicates: readonly number[];
  readonly conflicts: readonly Conflict[];
  readonly refused: readonly RefusedReading[];
}

export async function append(store: SeriesStore, readings: readonly FlaggedReading[]): Promise<Appended> {
  const sifted = await store.sift(ReadingColumns.of(readings));
  const refused = await sifted.store();
  const { duplicates, conflicts } = sifted;
  const stored = readings.length - duplicates.length - conflicts.length - refused.length;
  return { stored, duplicates, conflicts, refused };
}

/** What became of `stored` readings that were all new. */
export function allNew(stored: number): Appended {
  return { stored, duplicates: [], conflicts: [], refused: [] };
}

export function describeSeriesStore(
  name: string,
  open: () => Promise<StoreUnderTest>,
  limits: Limits,
  skipped = false,
): void {
  describe.skipIf(skipped)(`the series store in ${name}`, () => {
    let under: StoreUnderTest;
    let store: SeriesStore;

    beforeAll(async () => {
      under = await open();
      store = under.store;
    });
    afterAll(async () => {
      await store?.close();
      await under?.remove();
    });

    const appended = async (readings: readonly FlaggedReading[]) => {
      const outcome = await append(store, readings);
      await under.settle();
      return outcome;
    };

    it('gives back what it was given, in the order of time', async () => {
      const readings = river('gives-back', [3.4, 3.45, [3.5, Flag.suspect]]);
      expect(await appended(readings.toReversed())).toEqual(allNew(3));
      expect(await store.readings(day('gives-back'), 10)).toEqual(readings);
      expect(await store.summary(day('gives-back'))).toEqual({ count: 3, sum: expect.closeTo(10.35, 9) });
    });

    it('shows at once what was looked for a moment before, and was not there', async () => {
      expect(await store.readings(day('looked-for'), 10)).toEqual([]);
      expect(await store.summary(day('looked-for'))).toEqual({ count: 0, sum: 0 });
      const readings = river('looked-for', [1.5, 2.5]);
      expect(await appended(readings)).toEqual(allNew(2));
      expect(await store.readings(day('looked-for'), 10)).toEqual(readings);
      expect(await store.summary(day('looked-for'))).toEqual({ count: 2, sum: 4 });
      // Opened anew, it knows what is stored only by asking.
      store = await under.reopen();
      expect((await append(store, readings)).duplicates).toEqual([0, 1]);
    });

    it('has nothing of a station that never reported, nor of a span before and after its readings', async () => {
      await appended(river('spans', [1, 2, 3]));
      const empty = [
        day('never-heard-of'),
        day('spans', 'rain_mm'),
        { ...day('spans'), to: SUNDAY },
        { ...day('spans'), from: SUNDAY + HOUR_MS },
      ];
      for (const span of empty) {
        expect(await store.readings(span, 10)).toEqual([]);
        expect(await store.buckets(span, HOUR_MS)).toEqual([]);
        expect(await store.summary(span)).toEqual({ count: 0, sum: 0 });
      }
    });

    it('takes an append of nothing', async () => {
      expect(await append(store, [])).toEqual(allNew(0));
    });

    it('counts the first moment of a span and not the moment after it', async () => {
      await appended(river('edges', [1, 2, 4]));
      const span = { ...day('edges'), to: SUNDAY + 2 * MINUTE_MS };
      expect((await store.readings(span, 10)).map(({ value }) => value)).toEqual([1, 2]);
      expect(await store.summary(span)).toEqual({ count: 2, sum: 3 });
      expect(await store.buckets({ ...span, from: SUNDAY + MINUTE_MS }, MINUTE_MS)).toMatchObject([
        { at: SUNDAY + MINUTE_MS, mean: 2 },
      ]);
    });

    it('gives the first readings of a span, as many as were asked for', async () => {
      await appended(river('limited', [5, 6, 7, 8]));
      expect((await store.readings(day('limited'), 2)).map(({ value }) => value)).toEqual([5, 6]);
      expect(await store.readings(day('limited'), 0)).toEqual([]);
    });

    it('is not changed by the same batch again', async () => {
      const readings = river('twice', [1, 2, 3]);
      await appended(readings);
      expect(await appended(readings)).toEqual({ ...allNew(0), duplicates: [0, 1, 2] });
      expect(await store.readings(day('twice'), 10)).toEqual(readings);
    });

    it('stores each reading once, however the batches overlap and whatever their order', async () => {
      const readings = river(
        'overlap',
        Array.from({ length: 60 }, (_, minute) => minute / 4),
      );
      const batches = [
        readings.slice(20, 40),
        readings.slice(30, 60),
        readings.slice(0, 25).toReversed(),
        readings.slice(10, 50),
        readings,
      ];
      let stored = 0;
      for (const batch of batches) stored += (await appended(batch)).stored;
      expect(stored).toBe(60);
      expect(await store.readings(day('overlap'), 100)).toEqual(readings);
    });

    it('stores each reading once when one batch goes back and forth in time and repeats itself', async () => {
      const readings = river('back-and-forth', [1, 2, 3, 4, 5, 6]);
      await appended(readings.slice(2, 3));
      const order = [3, 0, 1, 5, 3, 2, 4, 1, 0, 5];
      expect(await appended(order.map((minute) => readings[minute]!))).toEqual({
        ...allNew(5),
        duplicates: [4, 5, 7, 8, 9],
      });
      expect(await store.readings(day('back-and-forth'), 100)).toEqual(readings);
    });

    it('keeps the readings of two devices at one station apart', async () => {
      const [left, right] = [
        river('shared', [1, 2]),
        river('shared', [10, 20]).map((reading) => ({ ...reading, deviceId: 'second-gauge' })),
      ];
      await appended([...left, ...right]);
      expect(await store.summary(day('shared'))).toEqual({ count: 4, sum: 33 });
      const found = await store.readings(day('shared'), 10);
      for (const reading of [...left, ...right]) expect(found).toContainEqual(reading);
    });

    it.runIf(limits.sequences)('tells two readings of one millisecond apart by their sequence', async () => {
      const [first] = river('burst', [1]);
      const burst = [0, 1, 999].map((sequence) => ({ ...first!, value: 1 + sequence, sequence }));
      expect(await appended([burst[2]!, burst[0]!, burst[1]!])).toEqual(allNew(3));
      expect(await appended(burst)).toEqual({ ...allNew(0), duplicates: [0, 1, 2] });
      expect(await store.readings(day('burst'), 10)).toEqual(burst);
    });

    it.skipIf(limits.sequences)('keeps the first reading of a millisecond, and not the others', async () => {
      const [first] = river('burst', [1]);
      const burst = [0, 1].map((sequence) => ({ ...first!, value: 1 + sequence, sequence }));
      const { stored, duplicates, conflicts, refused } = await appended([burst[0]!, burst[1]!, burst[0]!]);
      expect({ stored, duplicates, others: [...conflicts, ...refused] }).toMatchObject({
        stored: 1,
        duplicates: [2],
        others: [{ at: 1 }],
      });
      expect(await store.readings(day('burst'), 10)).toEqual([burst[0]]);
    });

    it.each([
      ['Vietnamese', 'Trạm Đông Hà', 'mực nước'],
      ['spaces, commas and equals signs', 'a b, c=d', 'x, y = z'],
      ['quotes', `the "old" one's`, `"it's"`],
      ['emoji', '🌊🇻🇳', '🌧️_mm'],
      ['code', `'; DROP TABLE readings; --`, '${x} {{y}} %s'],
      ['regular expressions', '.*|[a-z]+$', '(.+)_value'],
    ])('keeps ids with %s as they are', async (_, stationId, metric) => {
      const readings = river(stationId, [1.5, 2.5]).map((reading) => ({ ...reading, metric }));
      expect(await appended(readings)).toEqual(allNew(2));
      expect(await store.readings(day(stationId, metric), 10)).toEqual(readings);
      expect(await store.summary(day(stationId, metric))).toEqual({ count: 2, sum: 4 });
      expect(await store.buckets(day(stationId, metric), DAY_MS)).toMatchObject([{ at: SUNDAY, mean: 2, count: 2 }]);
      expect(await store.latest()).toContainEqual(readings[1]);
    });

    it('finds nothing by an id that only quotation marks and backslashes could make of another', async () => {
      await appended(river('guarded', [1]));
      for (const stationId of [`guarded' OR ''='`, `guarded\\`, `guarded"} or {a="`, 'guarded\n', '%', '.*'])
        expect(await store.summary(day(stationId))).toEqual({ count: 0, sum: 0 });
    });

    it('keeps values below zero, and those with many digits', async () => {
      const values = [-12.75, 0, 0.1, -0.000_123, 1_234_567.891, 987_654_321_012];
      await appended(river('values', values));
      expect((await store.readings(day('values'), 10)).map(({ value }) => value)).toEqual(values);
    });

    it.runIf(limits.everyDouble)('keeps the smallest and the largest numbers that there are', async () => {
      const values = [
        Number.MIN_VALUE,
        1e-300,
        Number.EPSILON,
        0.1 + 0.2,
        Number.MAX_SAFE_INTEGER,
        1e21,
        -1e300,
        Number.MAX_VALUE,
      ];
      await appended(river('extremes', values));
      expect((await store.readings(day('extremes'), 10)).map(({ value }) => value)).toEqual(values);
    });

    it.skipIf(limits.everyDouble)('refuses a number so large that its neighbours would be lost', async () => {
      const [good, spike] = river('spike', [3.25, 1e300]);
      expect((await appended([good!, spike!])).refused).toEqual([
        { at: 1, answer: expect.stringContaining('too large') },
      ]);
      expect(await store.readings(day('spike'), 10)).toEqual([good]);
    });

    it('draws a line from what did not fail, each step with its least trusted flag', async () => {
      const hour = [2, [4, Flag.suspect], [99, Flag.failed], [3, Flag.notEvaluated]] as const;
      const next = [[7, Flag.notEvaluated], 9] as const;
      await appended([
        ...river('line', hour),
        ...river('line', next, SUNDAY + HOUR_MS),
        ...river('line', [[50, Flag.failed]], SUNDAY + 3 * HOUR_MS),
      ]);
      expect(await store.buckets(day('line'), HOUR_MS)).toEqual([
        { at: SUNDAY, min: 2, max: 4, mean: 3, count: 3, flag: Flag.suspect },
        { at: SUNDAY + HOUR_MS, min: 7, max: 9, mean: 8, count: 2, flag: Flag.notEvaluated },
      ]);
      expect(await store.summary(day('line'))).toEqual({ count: 7, sum: 174 });
      expect(await store.readings(day('line'), 100)).toHaveLength(7);
    });

    it('lays steps out from the epoch, wherever the span begins', async () => {
      await appended(river('aligned', [1, 2, 3, 4, 5, 6, 7]));
      const buckets = await store.buckets({ ...day('aligned'), from: SUNDAY + 2 * MINUTE_MS }, 3 * MINUTE_MS);
      expect(buckets.map(({ at, mean, count }) => [(at - SUNDAY) / MINUTE_MS, mean, count])).toEqual([
        [0, 3, 1],
        [3, 5, 3],
        [6, 7, 1],
      ]);
    });

    it.each([0, -1, 0.5, Number.NaN])('says that steps of %d ms are none', async (bucketMs) => {
      await expect(store.buckets(day('line'), bucketMs)).rejects.toMatchObject({ code: 'BAD_SPAN' });
    });

    it('says that a span has too many steps instead of running out of memory', async () => {
      await expect(store.buckets(day('line'), 1)).rejects.toMatchObject({ code: 'BAD_SPAN' });
    });

    it('knows the newest reading of each station and metric, after a restart too', async () => {
      const levels = river('newest', [1, 2, 3]);
      const late = river('newest', [0.5], SUNDAY - HOUR_MS);
      const rain = river('newest', [[8, Flag.failed]], SUNDAY - DAY_MS).map((reading) => ({
        ...reading,
        metric: 'rain_mm',
      }));
      await appended(levels);
      await appended([...late, ...rain]);
      const ofStation = async () =>
        (await store.latest())
          .filter(({ stationId }) => stationId === 'newest')
          .toSorted((a, b) => (a.metric < b.metric ? -1 : 1));
      expect(await ofStation()).toEqual([levels[2], rain[0]]);
      store = await under.reopen();
      expect(await ofStation()).toEqual([levels[2], rain[0]]);
      expect(await appended([...levels, ...late])).toEqual({ ...allNew(0), duplicates: [0, 1, 2, 3] });
      expect(await store.summary({ ...day('newest'), from: 0 })).toEqual({ count: 4, sum: 6.5 });
    });

    it('knows what a clock that ran ahead by more than a day has left, beside what is of today, after a restart too', async () => {
      const now = Math.floor(Date.now() / SECOND_MS) * SECOND_MS;
      const [today] = river('ahead', [1], now);
      // VictoriaMetrics takes nothing that is two days ahead.
      const [ahead] = river('ahead', [2], now + 1.5 * DAY_MS);
      await appended([today!, ahead!]);
      store = await under.reopen();
      const again = await appended([ahead!, { ...ahead!, value: 9 }]);
      expect(again).toMatchObject({ stored: 0, duplicates: [0], conflicts: [{ at: 1, storedValue: 2 }] });
    });

    it('knows 12,000 readings of one series again, after a restart too', async () => {
      const readings = Array.from({ length: 12_000 }, (_, second) => ({
        ...river('long', [1])[0]!,
        value: second,
        measuredAt: SUNDAY + second * SECOND_MS,
        receivedAt: SUNDAY + second * SECOND_MS,
      }));
      expect(await appended(readings)).toEqual(allNew(12_000));
      store = await under.reopen();
      expect((await appended(readings)).duplicates.length).toBe(12_000);
      expect((await store.readings(day('long'), 20_000)).map(({ value }) => value)).toEqual(
        readings.map(({ value }) => value),
      );
    });

    it('takes 50,000 readings of 500 series in one append', async () => {
      const readings = Array.from({ length: 50_000 }, (_, nth) => {
        const measuredAt = SUNDAY + Math.floor(nth / 500) * 10 * SECOND_MS;
        const ids = { deviceId: `mass-${nth % 500}`, stationId: `mass-${nth % 500}`, metric: 'level_m' };
        return {
          ...ids,
          value: (nth % 977) / 8,
          measuredAt,
          sequence: 0,
          receivedAt: measuredAt + 90,
          flag: Flag.good,
        };
      });
      expect(await appended(readings)).toEqual(allNew(50_000));
      const summaries = await Promise.all(Array.from({ length: 500 }, (_, nth) => store.summary(day(`mass-${nth}`))));
      expect(summaries.every(({ count }) => count === 100)).toBe(true);
      expect(summaries.reduce((total, { sum }) => total + sum, 0)).toBe(
        readings.reduce((total, { value }) => total + value, 0),
      );
      expect((await store.latest()).filter(({ stationId }) => stationId.startsWith('mass-'))).toHaveLength(500);
    });

    it('keeps the value that is stored, and names it where another one comes for the same time', async () => {
      const readings = river('conflict', [1, 2, 3]);
      await appended(readings);
      const others = [{ ...readings[1]!, value: 2.5 }, ...river('conflict', [4], SUNDAY + HOUR_MS), readings[2]!];
      expect(await appended(others)).toEqual({ ...allNew(1), conflicts: [{ at: 0, storedValue: 2 }], duplicates: [2] });
      expect(await store.readings(day('conflict'), 10)).toEqual([...readings, others[1]]);
    });

    it('takes the first of two readings of one time that come together, in whatever order', async () => {
      const [first, second] = river('together', [1, 2]);
      const other = { ...first!, value: 1.5 };
      expect(await appended([second!, first!, other, first!])).toEqual({
        ...allNew(2),
        conflicts: [{ at: 2, storedValue: 1 }],
        duplicates: [3],
      });
      const [third, fourth] = river('together', [3, 4], SUNDAY + HOUR_MS);
      expect(await appended([third!, { ...third!, value: 9 }, fourth!, third!])).toEqual({
        ...allNew(2),
        conflicts: [{ at: 1, storedValue: 3 }],
        duplicates: [3],
      });
      expect(await store.readings(day('together'), 10)).toEqual([first, second, third, fourth]);
    });

    it('is the same reading whatever its flag, and whenever it was received', async () => {
      const [reading] = river('same', [1]);
      await appended([reading!]);
      const again = { ...reading!, flag: Flag.suspect, receivedAt: reading!.receivedAt + HOUR_MS };
      expect(await appended([again])).toEqual({ ...allNew(0), duplicates: [0] });
      expect(await store.readings(day('same'), 10)).toEqual([reading]);
    });

    it('has nothing of what was sifted and not stored, and tells it as new again', async () => {
      const readings = river('not-stored', [1, 2, 3]);
      expect(await store.sift(ReadingColumns.of(readings))).toMatchObject({ duplicates: [], conflicts: [] });
      await under.settle();
      expect(await store.readings(day('not-stored'), 10)).toEqual([]);
      const changed = readings.map((reading) => ({ ...reading, value: reading.value + 10 })).toReversed();
      expect(await appended(changed)).toEqual(allNew(3));
      expect(await store.readings(day('not-stored'), 10)).toEqual(changed.toReversed());
    });

    it('stores once what is told to be stored twice', async () => {
      const readings = river('store-twice', [1, 2]);
      const sifted = await store.sift(ReadingColumns.of(readings));
      await Promise.all([sifted.store(), sifted.store()]);
      await sifted.store();
      await under.settle();
      expect(await store.readings(day('store-twice'), 10)).toEqual(readings);
    });

    it('says that it is unavailable while its server is down, and goes on when the server is back', async ({
      skip,
    }) => {
      if (under.outage === null) skip('this store is in our own process');
      const [before, during] = [river('outage', [1]), river('outage', [2], SUNDAY + HOUR_MS)];
      await appended(before);
      const sifted = await store.sift(ReadingColumns.of(during));
      await under.outage!.begin();
      await expect(sifted.store()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await expect(append(store, during)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await expect(store.readings(day('outage'), 10)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await expect(store.latest()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await under.outage!.end();
      expect(await appended(during)).toEqual(allNew(1));
      expect(await store.readings(day('outage'), 10)).toEqual([...before, ...during]);
    });
  });
}
