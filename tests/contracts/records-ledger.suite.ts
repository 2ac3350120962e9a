import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { START } from '@canh/core/readings/journal';
import type { QuarantineReason } from '@canh/core/readings/quarantine';
import type { LedgerLine } from '@canh/core/series/ledger';
import { Tally } from '@canh/core/series/tally';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';
import { buildChildren, type Children } from './records.children.js';
import { openRecordsAt, type Records, type RecordsPlace } from './records.parts.js';
import { countsOf, linesUpTo, NIGHT, stretchOf, STRETCHES_SETTLED_AT_ONCE } from './records.story.js';

const ALWAYS = { from: 0, to: NIGHT + 10_000 * DAY_MS };

export function ledgerSuite(kind: string, newPlace: () => Promise<RecordsPlace>): void {
  describe(`the ledger in ${kind}`, () => {
    let children: Children;
    let place: RecordsPlace;
    let records: Records;

    beforeAll(async () => {
      children = await buildChildren();
    });
    afterAll(() => children.end());
    beforeEach(async () => {
      place = await newPlace();
      records = await openRecordsAt(place.address);
    });
    afterEach(async () => {
      await records.close();
      await place.remove();
    });

    const line = (deviceId: string, hour: number, more: Partial<LedgerLine> = {}): LedgerLine => ({
      deviceId,
      hour,
      messages: 1,
      received: 2,
      stored: 2,
      duplicate: 0,
      late: 0,
      quarantined: {},
      missing: 0,
      ...more,
    });
    const correction = (deviceId: string, hour: number, missing: number): LedgerLine =>
      line(deviceId, hour, { messages: 0, received: 0, stored: 0, missing });
    let next = START;
    beforeEach(() => (next = START));
    const settle = (lines: readonly LedgerLine[], at = NIGHT) =>
      records.ledger.settle({ next: (next += 16), lines, counts: [], at });
    const all = () => records.ledgerDesk.lines(ALWAYS, 100_000);

    it('begins empty, at the beginning of the journal', async () => {
      expect(await records.ledger.place()).toEqual({ offset: START, begun: [], counts: [] });
      expect(await all()).toEqual([]);
    });

    it('adds lines up by device and hour, also what is taken back', async () => {
      await settle([
        line('a', NIGHT, {
          received: 5,
          stored: 3,
          duplicate: 1,
          late: 2,
          quarantined: { 'bad-time': 1 },
          missing: 7,
        }),
        line('b', NIGHT),
      ]);
      await settle([
        line('a', NIGHT, {
          received: 4,
          stored: -1,
          duplicate: 2,
          late: -1,
          quarantined: { 'bad-time': 1, conflict: 2 },
        }),
        line('a', NIGHT + HOUR_MS),
        correction('b', NIGHT, -1),
        correction('a', NIGHT, -1),
      ]);
      await settle([correction('a', NIGHT, -1)]);
      expect(await all()).toEqual([
        line('a', NIGHT + HOUR_MS),
        line('a', NIGHT, {
          messages: 2,
          received: 9,
          stored: 2,
          duplicate: 3,
          late: 1,
          quarantined: { 'bad-time': 2, conflict: 2 },
          missing: 5,
        }),
        line('b', NIGHT, { missing: -1 }),
      ]);
    });

    it('shows the lines of a span and a device, newest hour first, then by device, and no more than asked for', async () => {
      const quarantined = { refused: 2 };
      for (const hour of [1, 3, 2])
        await settle(['b', '', 'c', 'a'].map((id) => line(id, NIGHT + hour * HOUR_MS, { received: 4, quarantined })));
      const found = async (query: object, limit = 100) =>
        (await records.ledgerDesk.lines({ ...ALWAYS, ...query }, limit)).map((row) => {
          expect(row.quarantined).toEqual(quarantined);
          return `${(row.hour - NIGHT) / HOUR_MS}${row.deviceId}`;
        });
      expect(await found({})).toEqual(['3', '3a', '3b', '3c', '2', '2a', '2b', '2c', '1', '1a', '1b', '1c']);
      expect(await found({}, 6)).toEqual(['3', '3a', '3b', '3c', '2', '2a']);
      expect(await found({ from: NIGHT + HOUR_MS, to: NIGHT + 3 * HOUR_MS, deviceId: 'b' })).toEqual(['2b', '1b']);
      expect(await found({ deviceId: '' }, 2)).toEqual(['3', '2']);
      expect(await found({ deviceId: 'nobody' })).toEqual([]);
    });

    it('keeps received = stored + duplicate + quarantined, and equals one sum of everything, however it is cut into pieces', async () => {
      const reasons: QuarantineReason[] = ['bad-time', 'conflict', 'store-refused'];
      const event = fc.record({
        device: fc.constantFrom('a', 'b', 'Ấp Bắc'),
        hour: fc.integer({ min: 0, max: 2 }).map((n) => NIGHT + n * HOUR_MS),
        late: fc.boolean(),
        reason: fc.constantFrom(...reasons),
        what: fc.constantFrom('message', 'stored', 'duplicate', 'fault', 'quarantined', 'missing'),
      });
      type Event = typeof event extends fc.Arbitrary<infer One> ? One : never;
      const count = (tally: Tally, { device, hour, late, reason, what }: Event) => {
        if (what === 'message') tally.message(device, hour);
        else if (what === 'fault') tally.fault(device, hour, reason);
        else if (what === 'missing') {
          tally.message(device, hour);
          tally.missing(device, hour, late ? 4 : -1);
        } else {
          tally.readings(device, hour, 1, late ? 1 : 0);
          if (what === 'duplicate') tally.wasDuplicate(device, hour, late);
          if (what === 'quarantined') tally.wasQuarantined(device, hour, late, reason);
        }
      };
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(event, { maxLength: 30 }), { maxLength: 8 }), async (pieces) => {
          const fresh = await newPlace();
          const books = await openRecordsAt(fresh.address);
          const whole = new Tally();
          for (const [n, piece] of pieces.entries()) {
            const tally = new Tally();
            for (const one of piece) {
              count(tally, one);
              count(whole, one);
            }
            await books.ledger.settle({ next: n + 1, lines: [...tally.lines()], counts: [], at: NIGHT + n });
          }
          const lines = await books.ledgerDesk.lines(ALWAYS, 1_000);
          const inOrder = (one: LedgerLine, other: LedgerLine) =>
            other.hour - one.hour || (one.deviceId < other.deviceId ? -1 : 1);
          expect(lines).toEqual([...whole.lines()].toSorted(inOrder));
          for (const { received, stored, duplicate, quarantined } of lines)
            expect(stored + duplicate + Object.values(quarantined).reduce((sum, n) => sum + n, 0)).toBe(received);
          await books.close();
          await fresh.remove();
        }),
        { numRuns: 25 },
      );
    });

    it('keeps what was begun until that is settled, in the order of the journal', async () => {
      const stretch = (from: number, to: number) => ({
        from,
        next: to,
        lines: [line(`d${from}`, NIGHT, { received: 3, quarantined: { conflict: 1 } })],
      });
      await records.ledger.begin(stretch(32, 64));
      await records.ledger.begin(stretch(START, 32));
      await records.ledger.begin(stretch(64, 96));
      // An attempt that failed for its sender, and reached the disk after all.
      await records.ledger.begin(stretch(64, 96));
      const restarted = await openRecordsAt(place.address);
      expect(await restarted.ledger.place()).toEqual({
        offset: START,
        begun: [stretch(START, 32), stretch(32, 64), stretch(64, 96)],
        counts: [],
      });
      expect(await all()).toEqual([]);
      await restarted.ledger.settle({ next: 64, lines: [line('a', NIGHT)], counts: [], at: NIGHT });
      expect(await records.ledger.place()).toEqual({ offset: 64, begun: [stretch(64, 96)], counts: [] });
      expect(await records.checkpoints.offset('store')).toBe(64);
      await restarted.close();
    });

    it('keeps what each device counted last', async () => {
      const state = (last: number) => ({ last, gaps: [{ from: 2, to: 5, hour: NIGHT }] });
      const counted = (of: Record<string, number>) =>
        Object.entries(of).map(([deviceId, last]) => ({ deviceId, state: state(last) }));
      await records.ledger.settle({ next: 16, lines: [], counts: counted({ a: 7, b: 9 }), at: NIGHT });
      await records.ledger.settle({ next: 32, lines: [], counts: counted({ b: 10 }), at: NIGHT });
      const { counts } = await records.ledger.place();
      expect(counts.toSorted((one, other) => one.deviceId.localeCompare(other.deviceId))).toEqual(
        counted({ a: 7, b: 10 }),
      );
    });

    it('adds nothing for a place that it has reached, so that settling can be tried again, and moves the store alone', async () => {
      const settled = { next: 64, lines: [line('a', NIGHT)], counts: [], at: NIGHT };
      await records.ledger.settle(settled);
      await records.ledger.begin({ from: 64, next: 96, lines: [line('a', NIGHT)] });
      await records.ledger.settle(settled);
      expect(await all()).toEqual([line('a', NIGHT)]);
      expect((await records.ledger.place()).begun).toHaveLength(1);

      // A store that is filled again, and is where the ledger is at last.
      await records.checkpoints.rewindStore(16);
      expect(await records.checkpoints.offset('store')).toBe(16);
      expect((await records.ledger.place()).offset).toBe(64);
      await records.ledger.settle({ ...settled, lines: [] });
      expect(await records.checkpoints.offset('store')).toBe(64);
      expect(await all()).toEqual([line('a', NIGHT)]);
    });

    it('lets old hours go, and is not begun again by a number that comes after all', async () => {
      for (const hour of [0, 1, 2, 3])
        await settle(
          ['a', 'b'].map((id) => line(id, NIGHT + hour * HOUR_MS, { received: 3, quarantined: { conflict: 1 } })),
        );
      expect(await records.ledger.forget(NIGHT)).toBe(0);
      expect(await records.ledger.forget(NIGHT + 2 * HOUR_MS)).toBe(4);
      expect(await records.ledger.forget(NIGHT + 2 * HOUR_MS)).toBe(0);
      await settle([correction('a', NIGHT, -1), correction('b', NIGHT + 3 * HOUR_MS, -1)]);
      expect((await all()).map(({ hour, deviceId, missing }) => [(hour - NIGHT) / HOUR_MS, deviceId, missing])).toEqual(
        [
          [3, 'a', 0],
          [3, 'b', -1],
          [2, 'a', 0],
          [2, 'b', 0],
        ],
      );
      // What was quarantined in those hours is gone with them.
      await settle([line('a', NIGHT), line('a', NIGHT + HOUR_MS)]);
      expect((await all()).slice(-2)).toEqual([line('a', NIGHT + HOUR_MS), line('a', NIGHT)]);
    });

    describe('knows when the store was how far', () => {
      const storedAt = (time: number) => records.checkpoints.storedAt(time);

      it('as far back as it is asked: to the minute, and further back to ten', async () => {
        const MINUTES = 400;
        const NEWEST = 120;
        expect(await storedAt(NIGHT)).toBe(START);
        for (let minute = 1; minute <= MINUTES; minute += 1)
          for (const second of [0, 30_000])
            await records.ledger.settle({
              next: minute * 100 + second / 1_000,
              lines: [],
              counts: [],
              at: NIGHT + minute * MINUTE_MS + second,
            });
        const marks = new Set<number>();
        for (let minute = 0; minute <= MINUTES; minute += 1) {
          const offset = await storedAt(NIGHT + minute * MINUTE_MS);
          marks.add(offset);
          const behind = minute - offset / 100;
          expect(behind).toBeGreaterThanOrEqual(0);
          expect(behind).toBeLessThan(minute > MINUTES - NEWEST ? 1 : 10);
        }
        expect(marks.size).toBeLessThanOrEqual(NEWEST + Math.ceil((MINUTES - NEWEST) / 10) + 1);
        expect(await storedAt(NIGHT + 10 * DAY_MS)).toBe(MINUTES * 100);
      });

      it('for as long as a journal is ever kept', async () => {
        await settle([], NIGHT);
        await settle([], NIGHT + DAY_MS);
        await settle([], NIGHT + 365 * DAY_MS);
        expect(await storedAt(NIGHT)).toBe(16);
        await settle([], NIGHT + 366 * DAY_MS + HOUR_MS);
        expect(await storedAt(NIGHT)).toBe(START);
        expect(await storedAt(NIGHT + DAY_MS)).toBe(32);
      });

      it('not beyond a place that it was taken back to', async () => {
        for (const minute of [1, 2, 3]) await settle([], NIGHT + minute * MINUTE_MS);
        await records.checkpoints.rewindStore(16);
        expect(await storedAt(NIGHT + 3 * MINUTE_MS)).toBe(16);
        await records.checkpoints.rewindStore(32);
        expect(await storedAt(NIGHT + 3 * MINUTE_MS)).toBe(16);
        await records.checkpoints.rewindStore(START);
        expect(await storedAt(NIGHT + 3 * MINUTE_MS)).toBe(START);
      });

      it('also by a clock that was put back: never further than it was', async () => {
        await settle([], NIGHT);
        await settle([], NIGHT + HOUR_MS);
        await settle([], NIGHT + 10 * MINUTE_MS);
        expect(await storedAt(NIGHT + 5 * MINUTE_MS)).toBe(16);
        expect(await storedAt(NIGHT + 10 * MINUTE_MS)).toBe(48);
        await settle([], NIGHT + HOUR_MS);
        expect(await storedAt(NIGHT + 30 * MINUTE_MS)).toBe(48);
      });

      it('and when its server was started, as it was last seen', async () => {
        expect(await records.checkpoints.storeSeen()).toBeNull();
        await records.checkpoints.keepStoreSeen(NIGHT, NIGHT + 5);
        await records.checkpoints.keepStoreSeen(NIGHT + 1, NIGHT + 7);
        const restarted = await openRecordsAt(place.address);
        expect(await restarted.checkpoints.storeSeen()).toEqual({ startedAt: NIGHT + 1, seenAt: NIGHT + 7 });
        await restarted.close();
      });
    });

    describe('killed', () => {
      /** What must hold wherever it was stopped: all of so many stretches, and of the others at most that they were begun. */
      async function expectExact(books: Records): Promise<number> {
        const { offset, begun, counts } = await books.ledger.place();
        const settled = offset / stretchOf(0).next;
        expect(settled % STRETCHES_SETTLED_AT_ONCE).toBe(0);
        expect(await books.checkpoints.offset('store')).toBe(offset);
        expect(await books.checkpoints.storedAt(ALWAYS.to)).toBe(offset);
        expect(await books.ledgerDesk.lines(ALWAYS, 1_000)).toEqual(linesUpTo(settled));
        expect(begun).toEqual(begun.map((_, n) => stretchOf(settled + n)));
        expect(counts).toEqual(settled === 0 ? [] : countsOf(settled - 1));
        return settled;
      }

      it('has all of what is settled together or nothing of it, after whichever statement it dies', async () => {
        let died = 0;
        for (let statements = 1; ; statements += 1) {
          const fresh = await newPlace();
          await (await openRecordsAt(fresh.address)).close();
          const child = children.start({ kind: 'die-settling', address: fresh.address, statements });
          await child.ready;
          child.say();
          const survived = await child.result.then(
            () => true,
            () => false,
          );
          await child.gone;
          const afterwards = await openRecordsAt(fresh.address);
          const settled = await expectExact(afterwards);
          if (survived) expect(settled).toBe(STRETCHES_SETTLED_AT_ONCE);
          await afterwards.close();
          await fresh.remove();
          if (survived) break;
          died += 1;
        }
        // Two stretches begun, of each line a row and of some a reason, a count, two places, a mark.
        expect(died).toBeGreaterThanOrEqual(15);
      });

      it('counts every stretch once, twenty times killed anywhere', async () => {
        let settled = 0;
        for (let kill = 0; kill < 20; kill += 1) {
          const child = children.start({ kind: 'settle-forever', address: place.address });
          await child.ready;
          child.say();
          await child.steps(1 + Math.floor(Math.random() * 20));
          child.kill();
          await child.gone;
          const now = await expectExact(records);
          expect(now).toBeGreaterThan(settled);
          settled = now;
        }
      });
    });
  });
}
