import { ReadingColumns } from '@canh/core/quality/reading-columns';
import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import { Flag } from '@canh/core/quality/flag';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import { DAY_MS, MINUTE_MS } from '@canh/core/time/instant';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, open, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { allNew, append } from './series-store.suite.js';
import { BATCH_MS, BATCH_ROWS, killedBatch, spanOfBatches } from './series-duckdb.readings.js';

const SUNDAY = Date.UTC(2025, 5, 1);
const FILE = 'readings.duckdb';

let folder: string;
let children: ChildProcess[] = [];
let stores: DuckDbSeriesStore[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canh-duckdb-'));
  children = [];
  stores = [];
});
afterEach(async () => {
  for (const child of children) await killed(child);
  for (const store of stores) await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function opened(directory = folder) {
  const open = await DuckDbSeriesStore.open(directory);
  stores.push(open.store);
  return open;
}

function reading(given: Partial<FlaggedReading> = {}): FlaggedReading {
  const ids = { deviceId: 'gauge', stationId: 'bridge', metric: 'level_m' };
  return { ...ids, value: 3.4, measuredAt: SUNDAY, sequence: 0, receivedAt: SUNDAY + 137, flag: Flag.good, ...given };
}

/** A process of its own that appends from the `first` batch on, and an answer for each as it comes. */
function appendingChild(first: number, directory = folder): { child: ChildProcess; answered: AsyncIterator<string> } {
  const source = join(import.meta.dirname, 'series-duckdb.child.ts');
  const imports = join(import.meta.dirname, '../support/source-imports.mjs');
  const args = [
    '--experimental-transform-types',
    '--no-warnings',
    '--import',
    imports,
    source,
    directory,
    String(first),
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return { child, answered: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('a DuckDB file whose process is killed while it appends', () => {
  it('holds every batch that was answered for, once, and each other batch whole or not at all', async () => {
    let first = 0;
    let answeredFor = -1;
    for (const answers of [1, 4, 9, 2, 6, 13]) {
      const { child, answered } = appendingChild(first);
      for (let heard = 0; heard < answers; heard++)
        answeredFor = Math.max(answeredFor, Number((await answered.next()).value));
      await killed(child);
      for await (const more of { [Symbol.asyncIterator]: () => answered })
        answeredFor = Math.max(answeredFor, Number(more));

      const { store, setAside, rebuilt } = await opened();
      expect({ setAside, rebuilt }).toEqual({ setAside: null, rebuilt: false });
      const counts = (await store.buckets(spanOfBatches(0, answeredFor + 10), BATCH_MS)).map(({ count }) => count);
      expect(counts.slice(0, answeredFor + 1)).toEqual(Array.from({ length: answeredFor + 1 }, () => BATCH_ROWS));
      expect([[], [BATCH_ROWS]]).toContainEqual(counts.slice(answeredFor + 1));
      await store.close();
      // The next process plays some batches again, as from a journal's committed offset.
      first = Math.max(0, answeredFor - 2);
    }
    const { store } = await opened();
    const again = await append(store, Array.from({ length: answeredFor + 1 }, (_, nth) => killedBatch(nth)).flat());
    expect(again.stored).toBe(0);
  });
});

describe('a DuckDB file that will not open', () => {
  const damages: [string, (file: string) => Promise<void>][] = [
    ['is not a database', (file) => writeFile(file, 'Đây không phải cơ sở dữ liệu')],
    ['is empty', (file) => writeFile(file, '')],
    ['was cut in half', async (file) => truncate(file, Math.floor((await stat(file)).size / 2))],
    ['has wrong bytes in its blocks', (file) => overwritten(file, 12_300)],
    ['has wrong bytes in its head', (file) => overwritten(file, 8)],
    [
      'has wrong bytes in its write-ahead log',
      async (file) => overwritten(`${file}.wal`, Math.floor((await stat(`${file}.wal`)).size / 2)),
    ],
  ];

  // An orderly end leaves a file alone, a killed process a write-ahead log beside it: here are both.
  let whole: string;
  beforeAll(async () => {
    whole = await mkdtemp(join(tmpdir(), 'canh-duckdb-whole-'));
    const { store } = await DuckDbSeriesStore.open(whole);
    await append(store, killedBatch(0));
    await store.close();
    const { child, answered } = appendingChild(1, whole);
    await answered.next();
    await killed(child);
  });
  afterAll(() => rm(whole, { recursive: true, force: true }));

  it.each(damages)('because it %s is kept aside, and an empty one takes its place', async (_, damage) => {
    await cp(whole, folder, { recursive: true });
    await damage(join(folder, FILE));

    const { store, setAside, rebuilt } = await opened();
    expect({ setAside, rebuilt }).toEqual({
      setAside: { keptAs: join(folder, `${FILE}.broken-1`), reason: expect.stringMatching(/.{10}/) },
      rebuilt: true,
    });
    expect(existsSync(join(folder, `${FILE}.broken-1`))).toBe(true);
    expect(await store.latest()).toEqual([]);
    expect(await append(store, killedBatch(0))).toEqual(allNew(BATCH_ROWS));
    await store.close();
    expect(await opened()).toMatchObject({ setAside: null, rebuilt: false });
  });

  it('is kept beside the one that was kept before', async () => {
    for (const nth of [1, 2]) {
      await writeFile(join(folder, FILE), 'broken');
      const { store, setAside } = await opened();
      expect(setAside?.keptAs).toBe(join(folder, `${FILE}.broken-${nth}`));
      await store.close();
    }
  });

  it('because another process has it stays where it is, and says so', async () => {
    const { answered } = appendingChild(0);
    await answered.next();
    await expect(opened()).rejects.toMatchObject({
      code: 'STORE_NOT_OPENED',
      message: expect.stringContaining('lock'),
    });
    expect((await readdir(folder)).some((name) => name.includes('broken'))).toBe(false);
  });

  it('because this process has it already stays where it is, and can be opened once it was closed', async () => {
    const { store } = await opened();
    await expect(opened()).rejects.toMatchObject({ code: 'STORE_NOT_OPENED' });
    await append(store, [reading()]);
    await store.close();
    expect(await (await opened()).store.readings({ ...reading(), from: 0, to: SUNDAY * 2 }, 10)).toEqual([reading()]);
  });

  it('because there is no folder for it says so', async () => {
    await writeFile(join(folder, 'a-file'), '');
    await expect(opened(join(folder, 'a-file'))).rejects.toMatchObject({ code: 'STORE_NOT_OPENED' });
  });
});

describe('a DuckDB store', () => {
  it('is to be filled from the journal as long as nothing is in it', async () => {
    const first = await opened();
    expect(first.rebuilt).toBe(true);
    await first.store.close();
    const second = await opened();
    expect(second.rebuilt).toBe(true);
    await append(second.store, [reading()]);
    await second.store.close();
    expect((await opened()).rebuilt).toBe(false);
  });

  it('fails what waits and everything after it when its thread dies', async () => {
    const thread = once(process, 'worker') as Promise<[Worker]>;
    const { store } = await opened();
    const [worker] = await thread;
    // No question: it dies of that before it comes to those behind. (Ended from outside in the middle of a query, it takes the process along.)
    worker.postMessage(null);
    const waiting = [append(store, killedBatch(0)), store.latest(), store.summary(spanOfBatches(0, 1))];
    for (const outcome of await Promise.allSettled(waiting))
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'STORE_UNAVAILABLE' } });
    await expect(append(store, [reading()])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.latest()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await store.close();
  });

  it('refuses more to sift than it can hold, and takes it later', async () => {
    const { store } = await opened();
    const readings = Array.from({ length: 1_000 }, (_, minute) => reading({ measuredAt: SUNDAY + minute * MINUTE_MS }));
    const outcomes = await Promise.allSettled(readings.map((one) => store.sift(ReadingColumns.of([one]))));
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused).not.toHaveLength(0);
    for (const outcome of refused) expect(outcome).toMatchObject({ reason: { code: 'STORE_UNAVAILABLE' } });
    expect(await append(store, readings)).toEqual(allNew(1_000));
  });

  it('lets go of what was sifted when more is sifted', async () => {
    const { store } = await opened();
    const first = await store.sift(ReadingColumns.of([reading()]));
    const second = await store.sift(ReadingColumns.of([reading({ value: 4 })]));
    await expect(first.store()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await second.store();
    expect(await append(store, [reading()])).toEqual({ ...allNew(0), conflicts: [{ at: 0, storedValue: 4 }] });
  });

  it('knows a reading again after its device moved to another station', async () => {
    const { store } = await opened();
    const before = [0, 1].map((minute) => reading({ measuredAt: SUNDAY + minute * MINUTE_MS }));
    const after = reading({ stationId: 'harbour', measuredAt: SUNDAY + 2 * MINUTE_MS });
    await append(store, [...before, after]);
    // A replay looks the station up anew, and finds the new one for the old readings too.
    expect(await append(store, [...before.map((old) => ({ ...old, stationId: 'harbour' })), after])).toEqual({
      ...allNew(0),
      duplicates: [0, 1, 2],
    });
    const back = reading({ measuredAt: SUNDAY + 90_000 });
    expect(await append(store, [back])).toEqual(allNew(1));
    const newest = (await store.latest()).toSorted((a, b) => (a.stationId < b.stationId ? -1 : 1));
    expect(newest).toEqual([back, after]);
    await store.close();
    expect((await (await opened()).store.latest()).toSorted((a, b) => (a.stationId < b.stationId ? -1 : 1))).toEqual([
      back,
      after,
    ]);
  });

  it('loses nothing on a full disk, and goes on when there is space again', async ({ skip }) => {
    const disk = join(folder, 'disk');
    try {
      execFileSync('sh', ['-c', 'mkdir "$0" && mount -t tmpfs -o size=8m tmpfs "$0"', disk], { stdio: 'pipe' });
    } catch (error) {
      console.warn(`SKIPPED: a small disk cannot be mounted here, so a full one was not tested: ${String(error)}`);
      skip('needs the right to mount');
    }
    try {
      const { store } = await opened(disk);
      const batch = (nth: number) =>
        Array.from({ length: 20_000 }, (_, row) =>
          reading({ deviceId: `gauge-${nth}`, value: Math.sqrt(nth * 20_000 + row), measuredAt: SUNDAY + row }),
        );
      let stored = 0;
      let nth = 0;
      for (; stored === nth * 20_000; nth++) stored += (await append(store, batch(nth)).catch(unavailable)).stored;
      await expect(append(store, batch(nth))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      const span = { stationId: 'bridge', metric: 'level_m', from: 0, to: SUNDAY * 2 };
      expect((await store.summary(span)).count).toBe(stored);
      execFileSync('mount', ['-o', 'remount,size=64m', disk]);
      expect(await append(store, [...batch(0), ...batch(nth - 1), ...batch(nth)])).toMatchObject({ stored: 40_000 });
      expect((await store.summary(span)).count).toBe(stored + 40_000);
      // Sealing needs space, too: without it, all stays as it is.
      const [now, keep] = [SUNDAY + 3 * DAY_MS, { raw: 400, '5min': 1_100, '1h': 3_660 }];
      execFileSync('sh', ['-c', 'head -c 1G /dev/zero > "$0/filler" || true', disk], { stdio: 'pipe' });
      expect((await store.maintain(now, keep)).failed).toEqual([
        { what: '2025-06-01', reason: expect.stringContaining('space') },
      ]);
      await rm(join(disk, 'filler'));
      expect((await append(store, batch(0))).duplicates).toHaveLength(20_000);
      expect((await store.summary(span)).count).toBe(stored + 40_000);
      expect((await store.maintain(now, keep)).sealed).toContain('2025-06-01.v1.parquet');
      expect((await store.summary(span)).count).toBe(stored + 40_000);
      await store.close();
      expect(await opened(disk)).toMatchObject({ setAside: null, rebuilt: false });
    } finally {
      for (const store of stores) await store.close();
      execFileSync('umount', [disk]);
    }
  });
});

function unavailable(error: unknown): { stored: number } {
  expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  return { stored: 0 };
}

async function overwritten(file: string, from: number): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(Buffer.alloc(256, 0xaa), 0, 256, from);
  await handle.close();
}
