// What the embedded store takes, keeps and answers: 20 M points of 1,000 series, a point each 30 seconds. It takes some minutes and about
// a gigabyte under the folder of temporary files. With fewer points: CANH_BENCH_POINTS=3000000.
//   node_modules/node/bin/node --experimental-transform-types --no-warnings --import ./tests/support/source-imports.mjs tests/bench/series/run.ts
import { ReadingColumns } from '@canh/core/quality/reading-columns';
import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import { Flag } from '@canh/core/quality/flag';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import { DAY_MS, HOUR_MS, SECOND_MS } from '@canh/core/time/instant';
import { DuckDBInstance } from '@duckdb/node-api';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../../support/seeded.js';

const POINTS = Number(process.env['CANH_BENCH_POINTS'] ?? 20_000_000);
const SERIES = 1_000;
const STEP_MS = 30 * SECOND_MS;
const ROUNDS_AT_ONCE = 20;
const FROM = Date.UTC(2025, 5, 1);
const KEEP = { raw: 400, '5min': 1_100, '1h': 3_660 };

const random = seededRandom(1);
const levels = Float64Array.from({ length: SERIES }, () => 2 + random() * 6);
const names = Array.from({ length: SERIES }, (_, nth) => ({
  deviceId: `gauge-${nth}`,
  stationId: `station-${nth >> 2}`,
  metric: ['level_m', 'rain_mm', 'ph', 'temperature_c'][nth % 4]!,
}));

/** All series, `rounds` points each from the `first` round on: a random walk of two decimals, received within a quarter of a second. */
function batch(first: number, rounds: number): FlaggedReading[] {
  const readings: FlaggedReading[] = [];
  for (let round = first; round < first + rounds; round++)
    for (let nth = 0; nth < SERIES; nth++) {
      if (random() < 0.2) levels[nth]! += Math.round((random() - 0.5) * 10) / 100;
      const measuredAt = FROM + round * STEP_MS + ((nth * 7_919) % STEP_MS);
      const value = Math.round(levels[nth]! * 100) / 100;
      const flag = random() < 0.002 ? Flag.suspect : Flag.good;
      readings.push({
        ...names[nth]!,
        value,
        measuredAt,
        sequence: 0,
        receivedAt: measuredAt + 20 + Math.floor(random() * 200),
        flag,
      });
    }
  return readings;
}

const folder = await mkdtemp(join(tmpdir(), 'canh-bench-series-'));
const { store } = await DuckDbSeriesStore.open(folder);
const say = (what: string, value: string) => console.log(`${what.padEnd(64)} ${value}`);
const ms = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
const at = (sorted: readonly number[], part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; answer: T }> {
  const begin = performance.now();
  const answer = await work();
  return { ms: performance.now() - begin, answer };
}

/** The middle of five runs, after one that warms up. */
async function middle(work: () => Promise<unknown>): Promise<string> {
  await work();
  const runs: number[] = [];
  for (let run = 0; run < 5; run++) runs.push((await timed(work)).ms);
  return ms(
    at(
      runs.toSorted((a, b) => a - b),
      0.5,
    ),
  );
}

async function bytesIn(path: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(path, { recursive: true })) {
    const entry = await stat(join(path, name));
    if (entry.isFile()) bytes += entry.size;
  }
  return bytes;
}

const rounds = Math.ceil(POINTS / SERIES);
const alone: number[] = [];
const besideSealing: number[] = [];
let sealing: Promise<void> | null = null;
let sealed = 0;
let spentMs = 0;
for (let round = 0; round < rounds; round += ROUNDS_AT_ONCE) {
  const readings = batch(round, Math.min(ROUNDS_AT_ONCE, rounds - round));
  const beside: boolean = sealing !== null;
  const sift = await timed(() => store.sift(ReadingColumns.of(readings)));
  const stored = await timed(() => sift.answer.store());
  spentMs += sift.ms + stored.ms;
  (beside ? besideSealing : alone).push(sift.ms + stored.ms);
  const now = FROM + (round + ROUNDS_AT_ONCE) * STEP_MS;
  if (sealing === null && Math.floor((now - FROM - 26 * HOUR_MS) / DAY_MS) > sealed) {
    sealed += 1;
    sealing = timed(() => store.maintain(now, KEEP)).then(({ ms: took }) => {
      say(`sealing a day of ${(SERIES * DAY_MS) / STEP_MS} points beside appends`, ms(took));
      sealing = null;
    });
  }
}
await sealing;
say('points stored in a second', Math.round((rounds * SERIES * 1_000) / spentMs).toLocaleString('en'));
for (const [name, runs] of [
  ['alone', alone],
  ['beside sealing', besideSealing],
] as const) {
  const sorted = runs.toSorted((a, b) => a - b);
  say(
    `${SERIES * ROUNDS_AT_ONCE} points stored ${name} (${sorted.length}): p50, p99, longest`,
    [0.5, 0.99, 1].map((part) => ms(at(sorted, part))).join(', '),
  );
}
const days = Math.ceil((rounds * STEP_MS) / DAY_MS);
const rest = await timed(() => store.maintain(FROM + (days + 3) * DAY_MS, KEEP));
say(`sealing the rest (${rest.answer.sealed.length / 3} days)`, ms(rest.ms));
say(
  'bytes a point in sealed days, with their steps',
  ((await bytesIn(join(folder, 'days'))) / (rounds * SERIES)).toFixed(2),
);

const day = FROM + Math.max(0, Math.floor(rounds / 2_880) - 1) * DAY_MS;
const span = { ...names[77]!, from: day, to: day + DAY_MS };
say('readings of one series of a day', await middle(() => store.readings(span, 10_000)));
say('its steps of 1 minute', await middle(() => store.buckets(span, 60_000)));
say('its steps of 1 hour', await middle(() => store.buckets(span, HOUR_MS)));
const whole = { ...span, from: FROM, to: FROM + days * DAY_MS };
say(`its steps of 1 hour over ${days} days`, await middle(() => store.buckets(whole, HOUR_MS)));
say(`its readings summed up over ${days} days`, await middle(() => store.summary(whole)));
say(
  'steps of 1 hour of a day of each of the 1,000 series, asked one by one',
  await middle(() => Promise.all(names.map((name) => store.buckets({ ...span, ...name }, HOUR_MS)))),
);
// As any tool that reads Parquet would ask.
const other = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
for (const [kind, hour, value] of [
  ['.v1', "date_trunc('hour', measured_at)", 'avg(value)'],
  ['.1h.v1', 'begins_at', 'avg("mean")'],
] as const) {
  const file = join(folder, 'days', `${new Date(day).toISOString().slice(0, 10)}${kind}.parquet`);
  const sql = `SELECT device_id, station_id, metric, ${hour}, ${value} FROM read_parquet('${file}') GROUP BY ALL`;
  say(`hourly averages of all series of a day, from ${kind.slice(1)}`, await middle(() => other.runAndReadAll(sql)));
}
say('newest reading of each series', await middle(() => store.latest()));
const again = batch(0, 1).concat(batch(2_880, 1));
say(
  '2,000 readings found to be stored already, in two sealed days',
  await middle(() => store.sift(ReadingColumns.of(again))),
);
await store.close();
say('bytes a point of all files', ((await bytesIn(folder)) / (rounds * SERIES)).toFixed(2));
const opened = await timed(() => DuckDbSeriesStore.open(folder));
say('opening', ms(opened.ms));
await opened.answer.store.close();
await rm(folder, { recursive: true, force: true });
