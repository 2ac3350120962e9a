import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { InfluxVersion } from '@canh/adapters/series-influx/influx-http';
import { InfluxSeriesStore } from '@canh/adapters/series-influx/influx-series-store';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import { describe, expect, it } from 'vitest';
import { Gauge } from '../../processor/gauge.js';
import { eventually } from '../../support/eventually.js';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { startInfluxDb } from '../../support/servers/influx.js';
import { missing, type SeriesServer } from '../../support/servers/series-server.js';
import { startVictoriaMetrics } from '../../support/servers/victoria.js';
import { pathChild } from './path-child.js';
import { booksOf, EVERYTHING, quarantinedOf, Story, violations } from './story.js';

// Processor and store on one machine, which loses its power: both are gone at once, and come back in any order.

const CUTS = process.env['CANH_FAULTS'] === 'long' ? 20 : 3;
/** VictoriaMetrics has on disk what it answered for some five seconds ago: so it loses now all, now some. */
const LIVES_FOR_MS = 12_000;
const APART_MS = 1_000;
const CAUGHT_UP_WITHIN_MS = 60_000;

const random = seededRandom(faultSeed('power cuts'));

const stores: readonly [string, InfluxVersion, () => Promise<SeriesServer>, boolean][] = [
  ['InfluxDB 1.6', '1', () => startInfluxDb(), missing('influxd', 'influxdb')],
  ['VictoriaMetrics', 'victoria', () => startVictoriaMetrics(), missing('victoria-metrics', 'victoria-metrics')],
];

describe.each(stores)('a power cut of processor and %s', (name, version, start, skipped) => {
  it.skipIf(skipped)(
    `leaves every reading stored once after ${CUTS} times, and the books exact`,
    async () => {
      const server = await start();
      const gauge = await Gauge.open();
      const story = new Story(gauge, random, false);
      let processor: ChildProcess | null = null;
      let telling = true;
      // A door of another machine: the journal goes on meanwhile.
      const told = (async () => {
        while (telling) {
          await story.tell(1 + Math.floor(random() * 10));
          await delay(random() * 60);
        }
      })();
      const startProcessor = (): void => {
        processor = pathChild(gauge.folder, server.url, version, 'canh');
      };
      const end = async (signal: NodeJS.Signals): Promise<void> => {
        const ending = processor;
        if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
        const gone = once(ending, 'exit');
        ending.kill(signal);
        await gone;
      };
      const checkpoints = new SqlCheckpoints(gauge.records);
      try {
        startProcessor();
        for (let cut = 0; cut < CUTS; cut += 1) {
          // Not before it has stored something: a cut while it starts would show nothing.
          const before = await checkpoints.offset('store');
          await eventually(
            async () => expect(await checkpoints.offset('store')).toBeGreaterThan(before),
            CAUGHT_UP_WITHIN_MS,
          );
          await delay(random() * LIVES_FOR_MS);
          await Promise.all([end('SIGKILL'), server.kill()]);
          const processorFirst = random() < 0.5;
          if (processorFirst) startProcessor();
          await delay(random() * APART_MS);
          await server.restart();
          if (!processorFirst) {
            await delay(random() * APART_MS);
            startProcessor();
          }
        }
        telling = false;
        await told;
        await eventually(
          async () => expect(await checkpoints.offset('store')).toBeGreaterThanOrEqual(story.end),
          CAUGHT_UP_WITHIN_MS,
        );
        await end('SIGTERM');

        const store = await InfluxSeriesStore.open({
          url: server.url,
          token: '',
          org: '',
          bucket: 'canh',
          version,
          timeoutMs: 30_000,
        });
        // VictoriaMetrics shows within a second what it took.
        await eventually(async () => {
          const held = await store.readings(EVERYTHING, 1_000_000);
          const values = held.map(({ measuredAt, value }): [number, number] => [measuredAt, value]);
          expect(violations(story, values)).toEqual([]);
        });
        const books = story.ledger();
        expect(await booksOf(gauge)).toEqual(books);
        expect((await quarantinedOf(gauge))['conflict'] ?? 0).toBe(books.conflict);
        console.info(`${name}: ${CUTS} power cuts, ${JSON.stringify(books)}`);
      } finally {
        telling = false;
        await told;
        await end('SIGKILL');
        await gauge.remove();
        await server.remove();
      }
    },
    120_000 + CUTS * 60_000,
  );
});
