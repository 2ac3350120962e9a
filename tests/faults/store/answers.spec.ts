import { InfluxSeriesStore } from '@canh/adapters/series-influx/influx-series-store';
import type { SeriesStore } from '@canh/core/series/series-store';
import { describe, expect, it, type TestContext } from 'vitest';
import { Gauge, type RunningPath } from '../../processor/gauge.js';
import { eventually } from '../../support/eventually.js';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { type Behaviour, ScriptedInflux } from './scripted-influx.js';
import { booksOf, POISON_M, quarantinedOf, Story, violations } from './story.js';

// Every answer that a store can give, and none, in the way of real readings: from the journal's acknowledgement to what the store holds.

const READ_BYTES = 4 * 2 ** 20;
/** Short, so that a server that hangs is left soon; one that does work and is slow on a busy machine is asked again. */
const ANSWERS_WITHIN_MS = 250;
/** For tests that count requests, in which none may be asked again for being slow. */
const SURELY_ANSWERS_WITHIN_MS = 30_000;
/** How many processes meet a store that does anything at all. */
const LIVES = process.env['CANH_FAULTS'] === 'long' ? 100 : 3;
/** Halving takes a dozen requests in a row, each failure is followed by a longer wait: more than this, and it does nothing but wait. */
const MISCHIEF = 0.12;
const seed = faultSeed('store answers');

/** One store, one gauge and its story: each test has its own, since most of each is waiting. */
class World {
  readonly chance: () => number;
  readonly server: ScriptedInflux;
  readonly gauge: Gauge;
  story: Story;
  private store!: SeriesStore;
  private open: RunningPath | null = null;

  private constructor(
    nth: number,
    server: ScriptedInflux,
    gauge: Gauge,
    poisoned: boolean,
    private readonly timeoutMs: number,
  ) {
    [this.server, this.gauge] = [server, gauge];
    this.chance = seededRandom(seed + nth);
    this.story = new Story(gauge, this.chance, poisoned);
  }

  /** `nth`: which test, so that each draws numbers of its own, in whatever order they run. */
  static async start(
    { onTestFinished }: TestContext,
    nth: number,
    { poisoned = true, timeoutMs = ANSWERS_WITHIN_MS } = {},
  ): Promise<World> {
    const world = new World(nth, await ScriptedInflux.start(), await Gauge.open(), poisoned, timeoutMs);
    world.server.poison = { value: POISON_M, status: 400 };
    onTestFinished(async () => {
      await world.end();
      await world.server.down();
      await world.gauge.remove();
    });
    return world;
  }

  get running(): RunningPath {
    if (this.open === null) throw new Error('Start the process first.');
    return this.open;
  }

  /** As whoever starts the process: nothing of an earlier one is left in memory. */
  async begin(): Promise<void> {
    await this.end();
    this.store = await InfluxSeriesStore.open({
      url: this.server.url,
      token: '',
      org: '',
      bucket: 'canh',
      version: '1',
      timeoutMs: this.timeoutMs,
    });
    this.open = await this.gauge.start(this.store, READ_BYTES);
  }

  async end(): Promise<void> {
    if (this.open === null) return;
    await this.open.close();
    await this.store.close();
    this.open = null;
  }

  async caughtUp(): Promise<void> {
    await eventually(() => {
      expect(this.running.writer.problem).toBeNull();
      expect(this.running.writer.kept).toBeGreaterThanOrEqual(this.story.end);
    });
  }

  async expectExactly(): Promise<void> {
    await this.caughtUp();
    expect(violations(this.story, this.server.held())).toEqual([]);
    const books = this.story.ledger();
    expect(await booksOf(this.gauge)).toEqual(books);
    const { conflict = 0, 'store-refused': refused = 0 } = await quarantinedOf(this.gauge);
    expect({ conflict, refused }).toEqual({ conflict: books.conflict, refused: books['store-refused'] });
  }
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

// Each failure is followed by a longer wait, up to ten seconds.
describe.concurrent('readings on their way to a store', { timeout: 180_000 }, () => {
  it.for(CASES.map(({ behaviour, kind }, nth) => [named(behaviour), kind, behaviour, nth] as const))(
    'that is %s to every %s for a while: all are kept, once, with their value, and the books say so',
    async ([, kind, behaviour, nth], context) => {
      const world = await World.start(context, nth);
      const { server, story } = world;
      await world.begin();
      await story.tell(60);
      await world.caughtUp();
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
      await world.expectExactly();
    },
  );

  it('that is down for a while', async (context) => {
    const world = await World.start(context, 101);
    await world.begin();
    await world.story.tell(60);
    await world.caughtUp();
    await world.server.down();
    await world.story.tell(60);
    await eventually(() => expect(world.running.writer.problem?.message).toContain('does not answer'));
    await world.server.listen();
    await world.story.tell(20);
    await world.expectExactly();
  });

  it('that is down when the process starts, and is not asked for what it had before it answers', async (context) => {
    const world = await World.start(context, 102);
    await world.begin();
    await world.story.tell(60);
    await world.expectExactly();
    await world.server.down();
    await world.begin();
    await world.story.tell(60);
    await eventually(() => expect(world.running.writer.problem?.message).toContain('does not answer'));
    await world.begin();
    await world.server.listen();
    await world.expectExactly();
  });

  it.for([
    ['reply-lost', 103],
    ['slow', 104],
  ] as const)(
    'that stores and whose answer is lost (%s), when the process ends before it has asked again',
    async ([behaviour, nth], context) => {
      const world = await World.start(context, nth);
      const { server, story } = world;
      await world.begin();
      await story.tell(60);
      await world.caughtUp();
      server.next = (asked) => (asked === 'write' ? behaviour : 'up');
      const before = server.points.size;
      await story.tell(60);
      await eventually(() => expect(server.points.size).toBeGreaterThan(before));
      await eventually(() => expect(world.running.writer.problem).not.toBeNull());
      await world.begin();
      server.next = () => 'up';
      await story.tell(20);
      await world.expectExactly();
    },
  );

  it('that asks to be left alone for two seconds, and is', async (context) => {
    const world = await World.start(context, 105, { timeoutMs: SURELY_ANSWERS_WITHIN_MS });
    const { server } = world;
    server.next = () => ({ status: 429, retryAfterS: 2 });
    await world.begin();
    await world.story.tell(5);
    await eventually(() => expect(server.requests.length).toBeGreaterThan(2));
    const times = server.requests.map(({ at }) => at);
    for (const [nth, at] of times.slice(1).entries()) expect(at - times[nth]!).toBeGreaterThanOrEqual(1_990);
    server.next = () => 'up';
    await world.expectExactly();
  });

  it.for([400, 422] as const)(
    'that refuses one of a thousand with %d, which is found by halving',
    async (status, context) => {
      const world = await World.start(context, status, { poisoned: false, timeoutMs: SURELY_ANSWERS_WITHIN_MS });
      const { server, story } = world;
      server.poison = { value: POISON_M, status };
      await story.tell(300);
      await story.send({ at: 1_800_000_000_000, level: POISON_M });
      await story.tell(300);
      await world.begin();
      await world.expectExactly();
      const batch = server.requests.find(({ kind, lines }) => kind === 'write' && lines > 500)!.lines;
      const refusals = server.requests.filter((request) => request.status === status).length;
      expect(refusals).toBeGreaterThan(1);
      expect(refusals).toBeLessThanOrEqual(Math.ceil(Math.log2(batch)) + 1);
    },
  );

  it.for(Array.from({ length: LIVES }, (_, nth) => nth))(
    'that does anything at all, while the process is restarted now and then (%d)',
    async (nth, context) => {
      const world = await World.start(context, 1_000 + nth);
      const { server, story, chance } = world;
      const mischief: readonly Behaviour[] = [...FAULTS, ...HARMLESS, 'down'];
      server.next = () => (chance() < MISCHIEF ? mischief[Math.floor(chance() * mischief.length)]! : 'up');
      await world.begin();
      for (let chapter = 0; chapter < 12; chapter += 1) {
        const before = server.requests.length;
        await story.tell(1 + Math.floor(chance() * 40));
        if (chance() < 0.3) await world.begin();
        else await eventually(() => expect(server.requests.length).toBeGreaterThan(before));
      }
      server.next = () => 'up';
      await story.tell(20);
      await world.expectExactly();
    },
  );
});
