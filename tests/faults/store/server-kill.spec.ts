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
  /** At most, from its start to its kill. */
  readonly livesForMs: number;
  /** Resolves when everything that was written can be read. */
  readonly settle: () => Promise<void>;
}

const influxDb = async (): Promise<Killed> => {
  const server = await startInfluxDb();
  return { server, bucket: server.database, livesForMs: 4_000, settle: () => Promise.resolve() };
};
const victoriaMetrics = async (): Promise<Killed> => {
  const server = await startVictoriaMetrics();
  // Some five seconds after it has answered, it has written to disk: so it loses now all, now some.
  return { server, bucket: 'canh', livesForMs: 15_000, settle: () => server.settle() };
};

describeKills('InfluxDB 1.6', '1', influxDb, missing('influxd', 'influxdb'));
describeKills('VictoriaMetrics', 'victoria', victoriaMetrics, missing('victoria-metrics', 'victoria-metrics'));

function describeKills(name: string, version: InfluxVersion, start: () => Promise<Killed>, skipped: boolean): void {
  describe.skipIf(skipped)(`${name}, killed in the middle`, () => {
    it(
      `has every reading once after ${KILLS} kills, and the books are exact`,
      async () => {
        const { server, bucket, livesForMs, settle } = await start();
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
          let [some, all] = [0, 0];
          for (let kill = 0; kill < KILLS; kill += 1) {
            await delay(random() * livesForMs);
            await server.kill();
            if (random() >= AT_ONCE) await delay(random() * DOWN_FOR_MS);
            await server.restart();
            const expected = story.stored().size;
            const { count } = await (await openStore()).summary(EVERYTHING);
            if (count === 0) all += 1;
            else if (count < expected) some += 1;
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
            `${name}: ${KILLS} kills, after ${some} of them it had not all, after ${all} nothing, ${JSON.stringify(books)}`,
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

/** A server that was started a moment ago does not say when, for a second. */
async function eventuallyStarted(store: InfluxSeriesStore): Promise<number | null> {
  let startedAt: number | null = null;
  await eventually(async () => {
    startedAt = await store.startedAt();
  });
  return startedAt;
}
