import { setTimeout as delay } from 'node:timers/promises';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import type { InfluxVersion } from '@canh/adapters/series-influx/influx-http';
import { InfluxSeriesStore } from '@canh/adapters/series-influx/influx-series-store';
import { describe, expect, it } from 'vitest';
import { Gauge } from '../../processor/gauge.js';
import { eventually } from '../../support/eventually.js';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { startInfluxDb } from '../../support/servers/influx.js';
import { missing, type SeriesServer } from '../../support/servers/series-server.js';
import { startVictoriaMetrics } from '../../support/servers/victoria.js';
import { booksOf, EVERYTHING, quarantinedOf, Story, violations } from './story.js';

// Real servers, ended as a power cut ends them while readings come in. VictoriaMetrics answers before its data is on disk, and loses it.

const KILLS = process.env['CANH_FAULTS'] === 'long' ? 20 : 3;
const READ_BYTES = 4 * 2 ** 20;
const LIVES_FOR_MS = 4_000;
const DOWN_FOR_MS = 1_500;
/** Now and then it is back at once, or nobody asks for anything while it is away: then no request fails. */
const AT_ONCE = 0.3;
const QUIET = 0.02;
const QUIET_FOR_MS = 3_000;
const NOTICED_WITHIN_MS = 60_000;

const random = seededRandom(faultSeed('server kills'));

interface Killed {
  readonly server: SeriesServer;
  readonly bucket: string;
  /** Resolves when everything that was written can be read. */
  readonly settle: () => Promise<void>;
}

const influxDb = async (): Promise<Killed> => {
  const server = await startInfluxDb();
  return { server, bucket: server.database, settle: () => Promise.resolve() };
};
const victoriaMetrics = async (): Promise<Killed> => {
  const server = await startVictoriaMetrics();
  return { server, bucket: 'canh', settle: () => server.settle() };
};

describeKills('InfluxDB 1.6', '1', influxDb, missing('influxd', 'influxdb'));
describeKills('VictoriaMetrics', 'victoria', victoriaMetrics, missing('victoria-metrics', 'victoria-metrics'));

function describeKills(name: string, version: InfluxVersion, start: () => Promise<Killed>, skipped: boolean): void {
  describe.skipIf(skipped)(`${name}, killed in the middle`, () => {
    it(
      `has every reading once after ${KILLS} kills, and the books are exact`,
      async () => {
        const { server, bucket, settle } = await start();
        const gauge = await Gauge.open();
        const openStore = () =>
          InfluxSeriesStore.open({ url: server.url, token: '', org: '', bucket, version, timeoutMs: 5_000 });
        const store = await openStore();
        const running = await gauge.start(store, READ_BYTES);
        const story = new Story(gauge, random, false);
        let telling = true;
        const told = (async () => {
          while (telling) {
            await story.tell(1 + Math.floor(random() * 10));
            await delay(random() * (random() < QUIET ? QUIET_FOR_MS : 60));
          }
        })();
        try {
          let lost = 0;
          for (let kill = 0; kill < KILLS; kill += 1) {
            await delay(random() * LIVES_FOR_MS);
            await server.kill();
            if (random() >= AT_ONCE) await delay(random() * DOWN_FOR_MS);
            await server.restart();
            lost += await missingIn(openStore, story);
          }
          const startedAt = await eventuallyStarted(await openStore());
          const checkpoints = new SqlCheckpoints(gauge.records);
          await eventually(
            async () => expect((await checkpoints.storeSeen())?.startedAt ?? null).toBe(startedAt),
            NOTICED_WITHIN_MS,
          );
          telling = false;
          await told;
          await eventually(() => expect(running.writer.kept).toBeGreaterThanOrEqual(story.end), NOTICED_WITHIN_MS);
          await running.close();
          await settle();

          const held = await (await openStore()).readings(EVERYTHING, 1_000_000);
          expect(
            violations(
              story,
              held.map(({ measuredAt, value }) => [measuredAt, value]),
            ),
          ).toEqual([]);
          const books = story.ledger();
          expect(await booksOf(gauge)).toEqual(books);
          expect((await quarantinedOf(gauge))['conflict'] ?? 0).toBe(books.conflict);
          console.info(
            `${name}: ${KILLS} kills, ${lost} readings gone or waiting after them, ${JSON.stringify(books)}`,
          );
        } finally {
          telling = false;
          await told;
          await running.close();
          await gauge.remove();
          await server.remove();
        }
      },
      120_000 + KILLS * 30_000,
    );
  });
}

/** How many of the acknowledged readings the server has not at this moment: lost by it, or not yet written. */
async function missingIn(open: () => Promise<InfluxSeriesStore>, story: Story): Promise<number> {
  const expected = story.stored().size;
  return expected - (await (await open()).summary(EVERYTHING)).count;
}

/** A server that was started a moment ago does not say when, for a second. */
async function eventuallyStarted(store: InfluxSeriesStore): Promise<number | null> {
  let startedAt: number | null = null;
  await eventually(async () => {
    startedAt = await store.startedAt();
  });
  return startedAt;
}
