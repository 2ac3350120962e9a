import { InfluxSeriesStore } from '@canh/adapters/series-influx/influx-series-store';
import type { SeriesStore } from '@canh/core/series/series-store';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Gauge, type RunningPath } from '../../processor/gauge.js';
import { eventually } from '../../support/eventually.js';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { type Behaviour, ScriptedInflux } from './scripted-influx.js';
import { booksOf, POISON_M, quarantinedOf, Story, violations } from './story.js';

// Every answer that a store can give, and none, in the way of real readings: from the journal's acknowledgement to what the store holds.

const READ_BYTES = 4 * 2 ** 20;
const ANSWERS_WITHIN_MS = 250;
const random = seededRandom(faultSeed('store answers'));

let server: ScriptedInflux;
let gauge: Gauge;
let store: SeriesStore;
let running: RunningPath;
let story: Story;

const openStore = () =>
  InfluxSeriesStore.open({
    url: server.url,
    token: '',
    org: '',
    bucket: 'canh',
    version: '1',
    timeoutMs: ANSWERS_WITHIN_MS,
  });

beforeEach(async () => {
  server = await ScriptedInflux.start();
  gauge = await Gauge.open();
  story = new Story(gauge, random, true);
  server.poison = { value: POISON_M, status: 400 };
  store = await openStore();
  running = await gauge.start(store, READ_BYTES);
});

afterEach(async () => {
  await running.close();
  await store.close();
  await server.down();
  await gauge.remove();
});

/** As whoever restarts the process: nothing of it is left in memory. */
async function restart(): Promise<void> {
  await running.close();
  store = await openStore();
  running = await gauge.start(store, READ_BYTES);
}

const caughtUp = () =>
  eventually(() => {
    expect(running.writer.problem).toBeNull();
    expect(running.writer.kept).toBeGreaterThanOrEqual(story.end);
  });

async function expectExactly(): Promise<void> {
  await caughtUp();
  await running.close();
  expect(violations(story, server.held())).toEqual([]);
  const books = story.ledger();
  expect(await booksOf(gauge)).toEqual(books);
  const { conflict = 0, 'store-refused': refused = 0 } = await quarantinedOf(gauge);
  expect({ conflict, refused }).toEqual({ conflict: books.conflict, refused: books['store-refused'] });
}

const named = (behaviour: Behaviour): string =>
  typeof behaviour === 'string' ? behaviour : `answering ${behaviour.status}`;

/** What is stored in spite of them, or is asked once more at once. */
const HARMLESS: readonly Behaviour[] = ['small', 'up-with-201'];
const FAULTS: readonly Behaviour[] = [
  'slow',
  'hanging',
  'cut',
  'reply-lost',
  { status: 500 },
  { status: 502 },
  { status: 503 },
  { status: 429, retryAfterS: 1 },
  { status: 401 },
  { status: 403 },
  { status: 404 },
];
const CASES = [
  ...[...HARMLESS, ...FAULTS].map((behaviour) => ({ behaviour, kind: 'write' as const })),
  ...FAULTS.map((behaviour) => ({ behaviour, kind: 'query' as const })),
];

describe('readings on their way to a store', () => {
  it.each(CASES.map(({ behaviour, kind }) => [named(behaviour), kind, behaviour] as const))(
    'that is %s to every %s for a while: all are kept, once, with their value, and the books say so',
    async (_, kind, behaviour) => {
      await story.tell(60);
      await eventually(() => expect(server.points.size).toBeGreaterThan(0));
      let met = 0;
      server.next = (asked) => {
        if (asked !== kind) return 'up';
        met += 1;
        return behaviour;
      };
      await story.tell(60);
      await eventually(() => expect(met).toBeGreaterThan(HARMLESS.includes(behaviour) ? 0 : 1));
      server.next = () => 'up';
      await story.tell(20);
      await expectExactly();
    },
  );

  it('that is down for a while', async () => {
    await story.tell(60);
    await eventually(() => expect(server.points.size).toBeGreaterThan(0));
    await server.down();
    await story.tell(60);
    await eventually(() => expect(running.writer.problem?.message).toContain('does not answer'));
    await server.listen();
    await story.tell(20);
    await expectExactly();
  });

  it('that is down when the process starts, and is not asked for what it had before it answers', async () => {
    await story.tell(60);
    await expectExactly();
    await server.down();
    await restart();
    await story.tell(60);
    await eventually(() => expect(running.writer.problem?.message).toContain('does not answer'));
    await restart();
    await server.listen();
    await expectExactly();
  });

  it.each(['reply-lost', 'slow'] as const)(
    'that stores and whose answer is lost (%s), when the process ends before it has asked again',
    async (behaviour) => {
      await story.tell(60);
      await caughtUp();
      server.next = (asked) => (asked === 'write' ? behaviour : 'up');
      const before = server.points.size;
      await story.tell(60);
      await eventually(() => expect(server.points.size).toBeGreaterThan(before));
      await eventually(() => expect(running.writer.problem).not.toBeNull());
      await restart();
      server.next = () => 'up';
      await story.tell(20);
      await expectExactly();
    },
  );

  it('that asks to be left alone for a second, and is', async () => {
    server.next = () => ({ status: 429, retryAfterS: 2 });
    await story.tell(5);
    await eventually(() => expect(server.requests.length).toBeGreaterThan(2));
    const times = server.requests.map(({ at }) => at);
    for (const [nth, at] of times.slice(1).entries()) expect(at - times[nth]!).toBeGreaterThanOrEqual(1_990);
    server.next = () => 'up';
    await expectExactly();
  });

  it.each([400, 422] as const)('that refuses one of a thousand with %d, which is found by halving', async (status) => {
    await running.close();
    server.poison = { value: POISON_M, status };
    story = new Story(gauge, random, false);
    await story.tell(300);
    await story.send({ at: 1_800_000_000_000, level: POISON_M });
    await story.tell(300);
    store = await openStore();
    running = await gauge.start(store, READ_BYTES);
    await expectExactly();
    const batch = server.requests.find(({ kind, lines }) => kind === 'write' && lines > 500)!.lines;
    const refusals = server.requests.filter((request) => request.status === status).length;
    expect(refusals).toBeGreaterThan(1);
    expect(refusals).toBeLessThanOrEqual(Math.ceil(Math.log2(batch)) + 1);
  });

  it('that does anything at all, while the process is restarted now and then', async () => {
    const mischief: readonly Behaviour[] = [...FAULTS, ...HARMLESS, 'down'];
    server.next = () => (random() < 0.25 ? mischief[Math.floor(random() * mischief.length)]! : 'up');
    for (let chapter = 0; chapter < 12; chapter += 1) {
      const before = server.requests.length;
      await story.tell(1 + Math.floor(random() * 40));
      if (random() < 0.3) await restart();
      else await eventually(() => expect(server.requests.length).toBeGreaterThan(before));
    }
    server.next = () => 'up';
    await story.tell(20);
    await expectExactly();
  });
});
