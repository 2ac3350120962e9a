import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Gauge } from '../../processor/gauge.js';
import { eventually } from '../../support/eventually.js';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { pathChild } from './path-child.js';
import { ScriptedInflux } from './scripted-influx.js';
import { booksOf, POISON_M, quarantinedOf, Story, violations } from './story.js';

// A processor of its own process, killed around its writes to a store that overwrites, and so cannot say afterwards what was new.

const KILLS = process.env['CANH_FAULTS'] === 'long' ? 20 : 3;
const MOMENTS = ['before', 'stored', 'answered', 'any'] as const;
/** From the first write of one to its books, at most about so long; after it, it is quiet. */
const ANY_WITHIN_MS = 400;

const random = seededRandom(faultSeed('processor kills'));
let server: ScriptedInflux;
let gauge: Gauge;
let child: ChildProcess | null = null;

beforeEach(async () => {
  server = await ScriptedInflux.start();
  server.poison = { value: POISON_M, status: 400 };
  gauge = await Gauge.open();
});

afterEach(async () => {
  if (child !== null && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await server.down();
  await gauge.remove();
});

const startChild = (): ChildProcess => pathChild(gauge.folder, server.url, '1', 'canh');
const isGone = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

it.each(MOMENTS)(
  `counts nothing twice and forgets nothing over ${KILLS} kills of the processor (%s of a write)`,
  async (moment) => {
    const story = new Story(gauge, random, true);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const victim = (child = startChild());
      let left = 1 + Math.floor(random() * 4);
      server.onWrite = (now) => {
        if (moment === 'any' && now === 'before' && left > 0) {
          left = 0;
          void delay(random() * ANY_WITHIN_MS).then(() => victim.kill('SIGKILL'));
        } else if (now === moment && (left -= 1) === 0) victim.kill('SIGKILL');
      };
      while (!isGone(victim)) {
        const before = server.requests.length;
        await story.tell(1 + Math.floor(random() * 20));
        await eventually(() => expect(isGone(victim) || server.requests.length > before).toBe(true));
      }
      expect(victim.signalCode).toBe('SIGKILL');
    }
    server.onWrite = () => undefined;
    const last = (child = startChild());
    await story.tell(20);
    const checkpoints = new SqlCheckpoints(gauge.records);
    await eventually(async () => expect(await checkpoints.offset('store')).toBeGreaterThanOrEqual(story.end));
    last.kill('SIGTERM');
    await once(last, 'exit');
    expect(last.exitCode).toBe(0);

    expect(violations(story, server.held())).toEqual([]);
    const books = story.ledger();
    expect(await booksOf(gauge)).toEqual(books);
    const { conflict = 0, 'store-refused': refused = 0 } = await quarantinedOf(gauge);
    expect({ conflict, refused }).toEqual({ conflict: books.conflict, refused: books['store-refused'] });
    console.info(`processor kills (${moment}): ${KILLS} kills, ${JSON.stringify(books)}`);
  },
  60_000 + KILLS * 20_000,
);
