import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Alert } from '@canh/core/alerts/alert';
import type { Operator } from '@canh/core/alerts/operators';
import type { Contact, Delivery, Notice, SingleDelivery } from '@canh/core/dispatch/notice';
import type { Outbox } from '@canh/core/dispatch/outbox';
import { USUAL_BOUNDS, type TellingBounds } from '@canh/core/dispatch/telling-bounds';
import type { Transition } from '@canh/core/rules/transition';
import { severityRank } from '@canh/core/rules/rule';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';
import { buildChildren, type Children } from './records.children.js';
import { openRecordsAt, type Records, type RecordsPlace } from './records.parts.js';
import { changed, logger, NIGHT, quangTri, raised, returned, thachHan, wordOfTheRule } from './records.story.js';

/** What every kind of records promises. `newPlace` makes an empty one. */
export function recordsSuite(kind: string, newPlace: () => Promise<RecordsPlace>): void {
  describe(`records in ${kind}`, () => {
    let children: Children;
    let place: RecordsPlace;
    let records: Records;
    const opened: Records[] = [];

    /** One more connection to the same records, as another process has one. */
    async function open(): Promise<Records> {
      const one = await openRecordsAt(place.address);
      opened.push(one);
      return one;
    }

    beforeAll(async () => {
      children = await buildChildren();
    });
    afterAll(() => children.end());
    beforeEach(async () => {
      place = await newPlace();
      records = await open();
    });
    afterEach(async () => {
      for (const one of opened.splice(0)) await one.close();
      await place.remove();
    });

    describe('the inventory', () => {
      async function setUp(): Promise<void> {
        await records.inventoryDesk.putArea(quangTri);
        await records.inventoryDesk.putStation(thachHan);
        await records.inventoryDesk.putDevice(logger);
      }

      it('shows what was put, its limits in their order, and a higher version after each change', async () => {
        const versions = [await records.registry.version()];
        await records.inventoryDesk.putArea(quangTri);
        versions.push(await records.registry.version());
        await records.inventoryDesk.putStation(thachHan);
        versions.push(await records.registry.version());
        await records.inventoryDesk.putDevice(logger);
        versions.push(await records.registry.version());

        expect(new Set(versions).size).toBe(4);
        expect(versions).toEqual(versions.toSorted((a, b) => a - b));
        expect(await records.registry.inventory()).toEqual({
          areas: [quangTri],
          stations: [thachHan],
          devices: [logger],
          former: [],
        });
      });

      it('shows a change to whoever has the records open elsewhere', async () => {
        const elsewhere = await open();
        const before = await elsewhere.registry.version();
        await setUp();
        expect(await elsewhere.registry.version()).toBeGreaterThan(before);
        expect((await elsewhere.registry.inventory()).stations).toEqual([thachHan]);
      });

      it('replaces a station whole: a limit that is no longer named is gone', async () => {
        await setUp();
        const moved = { ...thachHan, ownerUnit: 'Chi cục Thủy lợi', limits: thachHan.limits.slice(2) };
        await records.inventoryDesk.putStation(moved);
        expect((await records.registry.inventory()).stations).toEqual([moved]);
      });

      it('refuses what refers to something that is not there, and changes nothing by it', async () => {
        await setUp();
        const version = await records.registry.version();
        const { inventoryDesk } = records;
        await expect(inventoryDesk.putArea({ ...quangTri, id: 'dong-ha', parentId: 'nowhere' })).rejects.toMatchObject({
          code: 'UNKNOWN_AREA',
        });
        await expect(inventoryDesk.putStation({ ...thachHan, areaId: 'nowhere' })).rejects.toMatchObject({
          code: 'UNKNOWN_AREA',
        });
        await expect(inventoryDesk.putDevice({ ...logger, stationId: 'nowhere' })).rejects.toMatchObject({
          code: 'UNKNOWN_STATION',
        });
        await expect(inventoryDesk.putDevice({ ...logger, gatewayId: 'nowhere' })).rejects.toMatchObject({
          code: 'UNKNOWN_DEVICE',
        });
        expect(await records.registry.version()).toBe(version);
        expect(await records.registry.inventory()).toEqual({
          areas: [quangTri],
          stations: [thachHan],
          devices: [logger],
          former: [],
        });
      });

      it('keeps where a device stood, and until when, however often it is put there again', async () => {
        await setUp();
        const [began, bridge] = [Date.now(), { ...thachHan, id: 'bridge' }];
        await records.inventoryDesk.putStation(bridge);
        await records.inventoryDesk.putDevice(logger);
        await records.inventoryDesk.putDevice({ ...logger, stationId: 'bridge' });
        await records.inventoryDesk.putDevice({ ...logger, stationId: 'bridge' });
        const { devices, former } = await records.registry.inventory();
        expect(devices).toEqual([{ ...logger, stationId: 'bridge' }]);
        expect(former).toEqual([{ device: logger, until: expect.any(Number) }]);
        expect(former![0]!.until).toBeGreaterThanOrEqual(began);
        expect(former![0]!.until).toBeLessThanOrEqual(Date.now());
      });

      it('refuses an area that would lie in itself', async () => {
        await records.inventoryDesk.putArea(quangTri);
        await records.inventoryDesk.putArea({ ...quangTri, id: 'dong-ha', parentId: 'quang-tri' });
        const turned = records.inventoryDesk.putArea({ ...quangTri, parentId: 'dong-ha' });
        await expect(turned).rejects.toMatchObject({ code: 'AREA_CYCLE' });
      });

      it('keeps the newest of each attribute, in whichever order they arrive', async () => {
        const said = (deviceId: string, values: Record<string, unknown>, at: number) => ({ deviceId, values, at });
        await records.attributes.merge([
          said('logger-7', { firmware: '1.2', gps: { latitude: 16.75 }, behind: null }, NIGHT),
          said('logger-7', { firmware: '1.1', serial: 'A7' }, NIGHT - 1),
        ]);
        await records.attributes.merge([said('logger-7', { firmware: '1.0' }, NIGHT - 2)]);
        await records.attributes.merge([
          said('logger-7', { firmware: '1.3' }, NIGHT + 1),
          said('logger-8', { firmware: '9' }, NIGHT),
        ]);
        await records.attributes.merge([said('logger-8', {}, NIGHT)]);
        await records.attributes.merge([]);
        const own = { firmware: '1.3', gps: { latitude: 16.75 }, behind: null, serial: 'A7' };
        expect(await records.attributes.of('logger-7')).toEqual(own);
        expect(await records.attributes.of('nobody')).toEqual({});
      });

      it('does not grow with a device that invents attribute names', async () => {
        for (let n = 0; n < 10; n += 1) {
          const invented = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`a${n}-${i}`, n]));
          await records.attributes.merge([{ deviceId: 'logger-7', values: invented, at: NIGHT + n }]);
        }
        await records.attributes.merge([
          { deviceId: 'logger-7', values: JSON.parse('{"__proto__":1}') as Record<string, unknown>, at: NIGHT + 10 },
        ]);
        const kept = await records.attributes.of('logger-7');
        expect(Object.keys(kept)).toHaveLength(256);
        expect(kept).toHaveProperty('a9-0', 9);
        expect(Object.getOwnPropertyDescriptor(kept, '__proto__')?.value).toBe(1);
      });
    });

    describe('the checkpoints', () => {
      it('start at the beginning, and keep each follower its own place', async () => {
        expect(await records.checkpoints.offset('judge')).toBe(0);
        expect(await records.checkpoints.offset('store')).toBe(0);
        await records.checkpoints.keepJudge(4_096, []);
        await records.ledger.settle({ next: 2 ** 50 + 1, lines: [], counts: [], at: NIGHT });
        const restarted = await open();
        expect(await restarted.checkpoints.offset('judge')).toBe(4_096);
        expect(await restarted.checkpoints.offset('store')).toBe(2 ** 50 + 1);
      });

      it('keep the latest state of each rule and station', async () => {
        const row = (stationId: string, state: unknown) => ({ ruleId: 'river-level', stationId, state });
        await records.checkpoints.keepJudge(1, [
          row('thach-han', { since: NIGHT, level: null }),
          row('gia-vong', null),
        ]);
        await records.checkpoints.keepJudge(2, [
          row('thach-han', 'old'),
          row('thach-han', { since: NIGHT, level: 'critical' }),
        ]);
        const states = await (await open()).checkpoints.ruleStates();
        expect(states.toSorted((a, b) => a.stationId.localeCompare(b.stationId))).toEqual([
          row('gia-vong', null),
          row('thach-han', { since: NIGHT, level: 'critical' }),
        ]);
      });

      it('keep 5,000 changed states in one go', async () => {
        const states = Array.from({ length: 5_000 }, (_, n) => ({
          ruleId: 'river-level',
          stationId: `s${n}`,
          state: { since: n },
        }));
        await records.checkpoints.keepJudge(1, states);
        await records.checkpoints.keepJudge(
          2,
          states.map((row) => ({ ...row, state: { since: -1 } })),
        );
        const kept = await records.checkpoints.ruleStates();
        expect(kept).toHaveLength(5_000);
        expect(kept.every(({ state }) => (state as { since: number }).since === -1)).toBe(true);
      });
    });

    describe('alerts', () => {
      const alertId = `river-level.thach-han.${(NIGHT - 10 * MINUTE_MS).toString(36)}`;

      it('saves a raised alert with its event and the wish to tell of it', async () => {
        expect(await records.alertStore.apply([raised('thach-han', NIGHT, 'major')], NIGHT + 2_000)).toBe(1);
        const [alert] = await records.alertDesk.list('open', 10);
        expect(alert).toMatchObject({
          id: alertId,
          state: 'active',
          severity: 'major',
          since: NIGHT - 10 * MINUTE_MS,
          raisedAt: NIGHT,
          version: 1,
        });
        expect(await records.alertDesk.one(alertId)).toEqual({
          alert,
          history: [{ kind: 'raised', at: NIGHT, severity: 'major', by: null, note: null, evidence: alert?.evidence }],
        });
        expect(await records.outbox.unplanned(10)).toEqual([
          { id: `${alertId}.raised.major.${NIGHT.toString(36)}`, event: 'raised', createdAt: NIGHT + 2_000, alert },
        ]);
      });

      it('goes through a night: worse, acknowledged, better, over', async () => {
        await records.alertStore.apply(
          [raised('thach-han', NIGHT), changed('thach-han', NIGHT + 1, 'warning', 'critical')],
          NIGHT,
        );
        const answer = await records.alertDesk.acknowledge(alertId, 2, 'lan', NIGHT + 5, 'đang sơ tán');
        expect(answer).toMatchObject({ kind: 'done', step: { alert: { state: 'acknowledged', version: 3 } } });
        await records.alertStore.apply(
          [changed('thach-han', NIGHT + 9, 'critical', 'warning'), returned('thach-han', NIGHT + 20)],
          NIGHT,
        );

        const shown = await records.alertDesk.one(alertId);
        expect(shown?.alert).toMatchObject({
          state: 'closed',
          by: 'lan',
          acknowledgedAt: NIGHT + 5,
          returnedAt: NIGHT + 20,
          worst: 'critical',
        });
        expect(shown?.history.map(({ kind, by, note }) => ({ kind, by, note }))).toEqual([
          { kind: 'raised', by: null, note: null },
          { kind: 'severity-changed', by: null, note: null },
          { kind: 'acknowledged', by: 'lan', note: 'đang sơ tán' },
          { kind: 'severity-changed', by: null, note: null },
          { kind: 'returned', by: null, note: null },
        ]);
        expect((await records.outbox.unplanned(10)).map(({ event }) => event)).toEqual([
          'raised',
          'escalated',
          'returned',
        ]);
        expect(await records.alertDesk.list('open', 10)).toEqual([]);
        expect(await records.alertDesk.list('all', 10)).toEqual([shown?.alert]);
      });

      it('answers an acknowledgement that comes too late, from too old a page, or for nothing, and changes nothing', async () => {
        await records.alertStore.apply(
          [raised('thach-han', NIGHT), changed('thach-han', NIGHT + 1, 'warning', 'critical')],
          NIGHT,
        );
        expect(await records.alertDesk.acknowledge(alertId, 1, 'lan', NIGHT, null)).toEqual({
          kind: 'stale',
          version: 2,
        });
        expect(await records.alertDesk.acknowledge('nothing', 1, 'lan', NIGHT, null)).toBeNull();
        await records.alertDesk.acknowledge(alertId, 2, 'lan', NIGHT, null);
        const change = await records.alertDesk.latestChange();
        expect(await records.alertDesk.acknowledge(alertId, 3, 'minh', NIGHT, null)).toEqual({
          kind: 'already',
          state: 'acknowledged',
          by: 'lan',
        });
        expect(await records.alertDesk.latestChange()).toBe(change);
      });

      it('never has two open alerts of one rule and station', async () => {
        await records.alertStore.apply(
          [raised('thach-han', NIGHT), raised('thach-han', NIGHT + HOUR_MS), raised('gia-vong', NIGHT)],
          NIGHT,
        );
        const open = await records.alertDesk.list('open', 10);
        expect(open.map(({ stationId }) => stationId).toSorted()).toEqual(['gia-vong', 'thach-han']);
      });

      it('opens a new alert when the last one was closed', async () => {
        await records.alertStore.apply([raised('thach-han', NIGHT), returned('thach-han', NIGHT + 1)], NIGHT);
        await records.alertDesk.acknowledge(alertId, 2, 'lan', NIGHT, null);
        await records.alertStore.apply([raised('thach-han', NIGHT + HOUR_MS)], NIGHT);
        expect((await records.alertDesk.list('all', 10)).map(({ state }) => state)).toEqual(['active', 'closed']);
      });

      it('passes over a beginning that was raised and closed before, even when a changed rule dates the raising differently', async () => {
        await records.alertStore.apply([raised('thach-han', NIGHT), returned('thach-han', NIGHT + HOUR_MS)], NIGHT);
        await records.alertDesk.acknowledge(alertId, 2, 'lan', NIGHT, null);
        const longerHold = { ...raised('thach-han', NIGHT + MINUTE_MS), since: NIGHT - 10 * MINUTE_MS };
        expect(await records.alertStore.apply([longerHold], NIGHT)).toBe(0);
        expect(await records.outbox.unplanned(10)).toHaveLength(2);
      });

      it('says what changed since a number, each alert once as it is now', async () => {
        expect(await records.alertDesk.latestChange()).toBe(0);
        await records.alertStore.apply([raised('thach-han', NIGHT), raised('gia-vong', NIGHT)], NIGHT);
        const seen = await records.alertDesk.latestChange();
        await records.alertStore.apply(
          [changed('thach-han', NIGHT + 1, 'warning', 'major'), raised('dong-ha', NIGHT)],
          NIGHT,
        );
        await records.alertStore.apply([returned('thach-han', NIGHT + 2, 'major')], NIGHT);

        const changes = await records.alertDesk.changedAfter(seen, 10);
        expect(changes.map(({ alert }) => [alert.stationId, alert.state])).toEqual([
          ['dong-ha', 'active'],
          ['thach-han', 'returned'],
        ]);
        expect(changes.at(-1)?.change).toBe(await records.alertDesk.latestChange());
        const [first] = await records.alertDesk.changedAfter(0, 1);
        expect(first?.alert.stationId).toBe('gia-vong');
        expect(await records.alertDesk.changedAfter(changes.at(-1)?.change ?? 0, 10)).toEqual([]);
      });

      it('finds the alerts of a station that were firing in a span', async () => {
        await records.alertStore.apply([raised('thach-han', NIGHT), returned('thach-han', NIGHT + HOUR_MS)], NIGHT);
        await records.alertDesk.acknowledge(alertId, 2, 'lan', NIGHT, null);
        await records.alertStore.apply([raised('thach-han', NIGHT + 3 * HOUR_MS), raised('gia-vong', NIGHT)], NIGHT);
        const firing = async (from: number, to: number): Promise<number[]> =>
          (await records.alertDesk.ofStation('thach-han', NIGHT + from, NIGHT + to)).map(
            ({ raisedAt }) => raisedAt - NIGHT,
          );
        expect(await firing(-HOUR_MS, 0)).toEqual([]);
        expect(await firing(-HOUR_MS, 1)).toEqual([0]);
        expect(await firing(HOUR_MS - 1, HOUR_MS)).toEqual([0]);
        expect(await firing(HOUR_MS, 2 * HOUR_MS)).toEqual([]);
        expect(await firing(0, 4 * HOUR_MS)).toEqual([0, 3 * HOUR_MS]);
        expect(await firing(90 * HOUR_MS, 91 * HOUR_MS)).toEqual([3 * HOUR_MS]);
      });

      it('is not changed by a replay of the journal, from whatever place and however often', async () => {
        const all = Array.from({ length: 60 }, (_, index) => wordOfTheRule(index));
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.tuple(fc.nat(59), fc.nat(59)), { maxLength: 4 }),
            fc.integer({ min: 1, max: 60 }),
            async (replays, batch) => {
              const fresh = await newPlace();
              const once = await openRecordsAt(fresh.address);
              try {
                for (let at = 0; at < all.length; at += batch)
                  await once.alertStore.apply(all.slice(at, at + batch), NIGHT);
                const before = await everything(once);
                for (const [from, to] of replays)
                  expect(await once.alertStore.apply(all.slice(from, Math.max(from, to)), NIGHT + HOUR_MS)).toBe(0);
                expect(await everything(once)).toEqual(before);
              } finally {
                await once.close();
                await fresh.remove();
              }
            },
          ),
          { numRuns: 15 },
        );
      });

      it('saves what it can of a replay that was cut off in the middle', async () => {
        const all = Array.from({ length: 250 }, (_, index) => wordOfTheRule(index));
        await records.alertStore.apply(all.slice(0, 130), NIGHT);
        expect(await records.alertStore.apply(all, NIGHT)).toBe(120);
        await expectWhole(records);
      });
    });

    describe('the outbox', () => {
      const lan: Contact = {
        id: 'lan',
        name: 'Lan',
        channel: 'email',
        address: 'lan@quangtri.example',
        language: 'vi',
        fromSeverity: 'warning',
      };
      const hook: Contact = {
        id: 'phòng/trực',
        name: 'IOC',
        channel: 'webhook',
        address: 'https://ioc.example/hook',
        language: 'en',
        fromSeverity: 'warning',
      };

      const plan = (
        { outbox }: Records,
        notices: readonly Notice[],
        contacts: readonly Contact[],
        now = NIGHT,
        bounds = USUAL_BOUNDS,
      ): ReturnType<Outbox['plan']> => outbox.plan(notices, contacts, bounds, now);
      const singles = (found: readonly Delivery[]): SingleDelivery[] =>
        found.filter((delivery) => delivery.kind === 'single');

      /** Of all channels; each is asked for separately. */
      async function due(now: number, limit: number): Promise<SingleDelivery[]> {
        return singles([
          ...(await records.outbox.due(now, limit, 'email')),
          ...(await records.outbox.due(now, limit, 'webhook')),
        ]);
      }

      async function planned(): Promise<string[]> {
        await records.alertStore.apply([raised('thach-han', NIGHT)], NIGHT);
        const [notice] = await records.outbox.unplanned(1);
        if (notice === undefined) throw new Error('a raised alert has a notice');
        await plan(records, [notice], [lan, hook]);
        return (await due(NIGHT, 10)).map(({ id }) => id);
      }

      it('makes one delivery for each contact, once, with names that fit into a header', async () => {
        const ids = await planned();
        const found = await due(NIGHT, 10);
        expect(found.map(({ contact, attempts, notice }) => ({ contact, attempts, event: notice.event }))).toEqual([
          { contact: lan, attempts: 0, event: 'raised' },
          { contact: hook, attempts: 0, event: 'raised' },
        ]);
        for (const id of ids) expect(id).toMatch(/^[\w-]+$/);

        expect(await records.outbox.unplanned(10)).toEqual([]);
        const [delivery] = found;
        if (delivery !== undefined) await plan(await open(), [delivery.notice], [hook, lan]);
        expect((await due(NIGHT, 10)).map(({ id }) => id)).toEqual(ids);
        expect(await due(NIGHT - 1, 10)).toEqual([]);
      });

      it('plans a notice that nobody is told of, and does not offer it again', async () => {
        await records.alertStore.apply([raised('thach-han', NIGHT)], NIGHT);
        const { nobody } = await plan(records, await records.outbox.unplanned(10), []);
        expect(nobody).toHaveLength(1);
        expect(await records.outbox.unplanned(10)).toEqual([]);
        expect(await due(NIGHT, 10)).toEqual([]);
      });

      it('keeps every attempt, and offers a delivery again only when its time has come', async () => {
        const [first = '', second = ''] = await planned();
        await records.outbox.record(
          first,
          { at: NIGHT + 1, outcome: { kind: 'failed', answer: '451 hãy thử lại' } },
          { state: 'pending', nextAttemptAt: NIGHT + 9 },
        );
        await records.outbox.record(
          second,
          { at: NIGHT + 2, outcome: { kind: 'refused', answer: '410' } },
          { state: 'refused', nextAttemptAt: null },
        );
        expect(await due(NIGHT + 8, 10)).toEqual([]);
        expect(await due(NIGHT + 9, 10)).toMatchObject([{ id: first, attempts: 1 }]);
        // The clock was a day ahead when this time was written down, and is set right now.
        expect(await due(NIGHT + 9 - DAY_MS, 10)).toMatchObject([{ id: first }]);
        await records.outbox.record(
          first,
          { at: NIGHT + 9, outcome: { kind: 'accepted', answer: '250 '.repeat(9_999) } },
          { state: 'accepted', nextAttemptAt: null },
        );

        const [alert] = await records.alertDesk.list('all', 1);
        const shown = await records.outbox.ofAlert(alert?.id ?? '');
        expect(shown).toMatchObject([
          {
            id: first,
            event: 'raised',
            contactName: 'Lan',
            channel: 'email',
            address: 'lan@quangtri.example',
            state: 'accepted',
            nextAttemptAt: null,
            attempts: [
              { at: NIGHT + 1, outcome: { kind: 'failed', answer: '451 hãy thử lại' } },
              { at: NIGHT + 9, outcome: { kind: 'accepted' } },
            ],
          },
          {
            id: second,
            contactName: 'IOC',
            state: 'refused',
            nextAttemptAt: null,
            attempts: [{ at: NIGHT + 2, outcome: { kind: 'refused', answer: '410' } }],
          },
        ]);
        expect(shown[0]?.attempts[1]?.outcome.answer).toHaveLength(2_000);
        expect(await due(NIGHT + 24 * HOUR_MS, 10)).toEqual([]);
      });

      it('does not take up again what was accepted meanwhile', async () => {
        const [first = ''] = await planned();
        await records.outbox.record(
          first,
          { at: NIGHT, outcome: { kind: 'accepted', answer: '250' } },
          { state: 'accepted', nextAttemptAt: null },
        );
        await records.outbox.record(
          first,
          { at: NIGHT + 1, outcome: { kind: 'failed', answer: 'reset' } },
          { state: 'pending', nextAttemptAt: NIGHT + 2 },
        );
        expect((await due(NIGHT + HOUR_MS, 10)).map(({ id }) => id)).not.toContain(first);
        const [alert] = await records.alertDesk.list('all', 1);
        expect((await records.outbox.ofAlert(alert?.id ?? ''))[0]).toMatchObject({
          state: 'accepted',
          attempts: [{}, {}],
        });
      });

      it('refuses the attempt of a delivery that is not there', async () => {
        const attempt = { at: NIGHT, outcome: { kind: 'accepted', answer: '' } } as const;
        await expect(
          records.outbox.record('nothing', attempt, { state: 'accepted', nextAttemptAt: null }),
        ).rejects.toMatchObject({ code: 'UNKNOWN_DELIVERY' });
      });

      it('gives notices and deliveries in their order, and no more than asked for', async () => {
        await records.alertStore.apply(
          ['a', 'b', 'c'].map((station) => raised(station, NIGHT)),
          NIGHT,
        );
        const notices = await records.outbox.unplanned(2);
        expect(notices.map(({ alert }) => alert.stationId)).toEqual(['a', 'b']);
        await plan(records, notices, [lan, hook]);
        const found = singles(await records.outbox.due(NIGHT, 1, 'webhook'));
        expect(found.map(({ notice, contact }) => [notice.alert.stationId, contact.id])).toEqual([['a', 'phòng/trực']]);
        expect((await due(NIGHT, 10)).map(({ notice, contact }) => [notice.alert.stationId, contact.id])).toEqual([
          ['a', 'lan'],
          ['b', 'lan'],
          ['a', 'phòng/trực'],
          ['b', 'phòng/trực'],
        ]);
      });

      it('tells nobody of the end before they were told of the beginning', async () => {
        await records.alertStore.apply([raised('thach-han', NIGHT), returned('thach-han', NIGHT + 1)], NIGHT);
        await plan(records, await records.outbox.unplanned(10), [lan, hook]);
        const waiting = async () => (await due(NIGHT + 5, 10)).map(({ notice, contact }) => [contact.id, notice.event]);
        expect(await waiting()).toEqual([
          ['lan', 'raised'],
          ['phòng/trực', 'raised'],
        ]);
        const [mail] = await due(NIGHT, 1);
        const accepted = { at: NIGHT, outcome: { kind: 'accepted', answer: '250' } } as const;
        await records.outbox.record(mail?.id ?? '', accepted, { state: 'accepted', nextAttemptAt: null });
        expect(await waiting()).toEqual([
          ['lan', 'returned'],
          ['phòng/trực', 'raised'],
        ]);
      });

      it('keeps a delivery as it was planned, whatever happens to the contact', async () => {
        await records.contactBook.put(lan);
        const ids = await planned();
        await records.contactBook.put({ ...lan, address: 'new@quangtri.example' });
        await records.contactBook.remove('lan');
        expect((await due(NIGHT, 10)).map(({ id, contact }) => [id, contact.address])).toContainEqual([
          ids[0],
          'lan@quangtri.example',
        ]);
      });

      describe('when there is more than an address takes', () => {
        const BOUNDS: TellingBounds = {
          windowMs: 10 * MINUTE_MS,
          any: 1,
          first: 2,
          critical: 3,
          digestWaitMs: MINUTE_MS,
          digestEveryMs: 5 * MINUTE_MS,
          digestIncidents: 2,
        };
        const accepted = { kind: 'accepted', answer: '250' } as const;
        const accept = (id: string, at: number): Promise<void> =>
          records.outbox.record(id, { at, outcome: accepted }, { state: 'accepted', nextAttemptAt: null });
        const said = async (at: number, ...words: readonly Transition[]): Promise<void> => {
          await records.alertStore.apply(words, at);
          await plan(records, await records.outbox.unplanned(100), [lan], at, BOUNDS);
        };
        const digests = async (now: number): Promise<[string, string[]][]> =>
          (await records.outbox.due(now, 100, 'email')).flatMap((found): [string, string[]][] =>
            found.kind === 'digest'
              ? [[found.id, found.notices.map(({ alert, event }) => `${alert.stationId} ${event}`)]]
              : [],
          );
        const alertOf = (station: string): string => `river-level.${station}.${(NIGHT - 10 * MINUTE_MS).toString(36)}`;
        const shownOf = (station: string) => records.outbox.ofAlert(alertOf(station));

        it('puts the rest into digests, which close together and then never change', async () => {
          await said(NIGHT, ...['a', 'b', 'c', 'd', 'e'].map((station) => raised(station, NIGHT)));
          expect((await due(NIGHT, 10)).map(({ notice }) => notice.alert.stationId)).toEqual(['a', 'b']);
          const [waiting] = await shownOf('e');
          expect(waiting).toMatchObject({
            digest: true,
            state: 'pending',
            nextAttemptAt: NIGHT + MINUTE_MS,
            attempts: [],
          });
          expect(await records.outbox.closeDigests(BOUNDS, NIGHT + MINUTE_MS - 1)).toBe(0);
          expect(await digests(NIGHT + HOUR_MS)).toEqual([]);
          expect(await (await open()).outbox.closeDigests(BOUNDS, NIGHT + MINUTE_MS)).toBe(2);
          const closed = await digests(NIGHT + MINUTE_MS);
          expect(closed.map(([, told]) => told)).toEqual([['c raised', 'd raised'], ['e raised']]);
          expect(closed[1]?.[0]).toBe(waiting?.deliveryId);

          const later = NIGHT + 2 * MINUTE_MS;
          await said(later, returned('e', later), raised('f', later));
          expect(await digests(later)).toEqual(closed);
          expect(await shownOf('e')).toMatchObject([
            { event: 'raised', deliveryId: waiting?.deliveryId },
            // After the digest before it, by five minutes.
            { event: 'returned', digest: true, nextAttemptAt: NIGHT + 6 * MINUTE_MS },
          ]);
          for (const [id] of closed) await accept(id, later);
          expect(await shownOf('d')).toMatchObject([
            { state: 'accepted', attempts: [{ at: later, outcome: accepted }] },
          ]);
          expect(await records.outbox.closeDigests(BOUNDS, NIGHT + 6 * MINUTE_MS)).toBe(1);
          expect((await digests(NIGHT + 6 * MINUTE_MS)).map(([, told]) => told)).toEqual([['e returned', 'f raised']]);
        });

        it('counts what was planned within the window, and what waits since before it', async () => {
          await said(NIGHT, raised('a', NIGHT), raised('b', NIGHT));
          const [first] = await due(NIGHT, 1);
          await accept(first?.id ?? '', NIGHT);
          const later = NIGHT + 10 * MINUTE_MS;
          await said(later, raised('c', later), raised('d', later));
          expect((await due(later, 10)).map(({ notice }) => notice.alert.stationId)).toEqual(['b', 'c']);
          // A clock that is an hour behind what it was has seen none of them; what nobody took yet still counts.
          const before = NIGHT - HOUR_MS;
          await accept((await due(later, 10)).find(({ notice }) => notice.alert.stationId === 'b')?.id ?? '', later);
          await said(before, raised('e', before), raised('f', before));
          expect((await due(later, 10)).map(({ notice }) => notice.alert.stationId)).toEqual(['e', 'c']);
        });

        it('plans what is critical first, with all that waits of the same alert', async () => {
          await records.alertStore.apply(
            [
              ...['a', 'b', 'c', 'd'].map((station) => raised(station, NIGHT)),
              changed('c', NIGHT + 1, 'warning', 'critical'),
            ],
            NIGHT,
          );
          const waiting = await records.outbox.unplanned(3);
          expect(waiting.map(({ alert, event }) => [alert.stationId, event])).toEqual([
            ['c', 'raised'],
            ['c', 'escalated'],
            ['a', 'raised'],
          ]);
        });

        it('lets a message that cannot wait carry what waited of the same alert, and forgets a digest that is empty then', async () => {
          await said(NIGHT, raised('a', NIGHT), raised('b', NIGHT));
          await said(NIGHT, raised('c', NIGHT));
          await said(NIGHT, changed('c', NIGHT + 1, 'warning', 'critical'));
          const urgent = (await due(NIGHT, 10)).find(({ notice }) => notice.alert.stationId === 'c');
          expect(urgent?.notice.event).toBe('escalated');
          expect(await shownOf('c')).toMatchObject([
            { event: 'raised', deliveryId: urgent?.id, digest: false },
            { event: 'escalated', deliveryId: urgent?.id, id: urgent?.id },
          ]);
          expect(await records.outbox.closeDigests(BOUNDS, NIGHT + MINUTE_MS)).toBe(0);
          expect(await digests(NIGHT + HOUR_MS)).toEqual([]);
          expect(await records.outbox.closeDigests(BOUNDS, NIGHT + HOUR_MS)).toBe(0);
        });

        it('holds a digest back that tells of an end before the beginning was told, for a quarter of an hour', async () => {
          await said(NIGHT, raised('a', NIGHT), raised('b', NIGHT), returned('a', NIGHT + 1));
          const minute = NIGHT + MINUTE_MS;
          expect(await records.outbox.closeDigests(BOUNDS, minute)).toBe(1);
          expect(await digests(minute + 15 * MINUTE_MS - 1)).toEqual([]);
          expect(await digests(minute + 15 * MINUTE_MS)).toMatchObject([[{}, ['a returned']]]);
          const beginning = (await due(minute, 10)).find(({ notice }) => notice.alert.stationId === 'a');
          await accept(beginning?.id ?? '', minute);
          expect(await digests(minute)).toMatchObject([[{}, ['a returned']]]);
        });

        it('gives single messages before digests, as many as asked for, and none that is on its way', async () => {
          await said(NIGHT, ...['a', 'b', 'c', 'd', 'e'].map((station) => raised(station, NIGHT)));
          await records.outbox.closeDigests(BOUNDS, NIGHT + MINUTE_MS);
          const kinds = async (...asked: [limit: number, digests?: number, except?: ReadonlySet<string>]) =>
            (await records.outbox.due(NIGHT + MINUTE_MS, asked[0], 'email', asked[1], asked[2])).map(
              ({ kind }) => kind,
            );
          expect(await kinds(10)).toEqual(['single', 'single', 'digest', 'digest']);
          expect(await kinds(3)).toEqual(['single', 'single', 'digest']);
          expect(await kinds(10, 1)).toEqual(['single', 'single', 'digest']);
          expect(await kinds(10, 0)).toEqual(['single', 'single']);
          const onTheWay = new Set((await due(NIGHT, 10)).map(({ id }) => id));
          expect(await kinds(2, 2, onTheWay)).toEqual(['digest', 'digest']);
        });
      });

      it('knows which addresses are confirmed, and forgets it when the address is another', async () => {
        const book = records.contactBook;
        await book.put(lan, false);
        await book.put(hook, false);
        const [asked] = await book.unconfirmed();
        expect(await book.unconfirmed()).toEqual([
          {
            contact: lan,
            code: expect.stringMatching(/^[A-Z0-9]{4}-[A-Z0-9]{4}$/),
            mailId: expect.stringMatching(/^[\w-]{22}$/),
            state: 'pending',
            attempts: 0,
            nextAttemptAt: 0,
          },
        ]);
        await book.asked(asked?.mailId ?? '', { state: 'accepted', nextAttemptAt: null });
        const renamed = { ...lan, name: 'Lan Anh' };
        await book.put(renamed, false);
        expect(await (await open()).contactBook.unconfirmed()).toEqual([
          { ...asked, contact: renamed, state: 'accepted', attempts: 1, nextAttemptAt: null },
        ]);
        await book.put({ ...lan, address: 'lan.anh@quangtri.example' }, false);
        const [again] = await book.unconfirmed();
        expect(again).toMatchObject({ state: 'pending', attempts: 0 });
        expect(again?.mailId).not.toBe(asked?.mailId);
        expect(await book.confirm('lan', asked?.code ?? '')).toBe(false);
        expect(await book.confirm('lan', ` ${again?.code.replace('-', ' ').toLowerCase() ?? ''}`)).toBe(true);
        expect(await book.confirm('lan', 'anything')).toBe(true);
        expect(await book.unconfirmed()).toEqual([]);
        await book.put({ ...lan, address: 'lan.anh@quangtri.example' }, false);
        expect(await book.unconfirmed()).toEqual([]);

        await book.put(lan, false);
        await book.put(lan);
        expect(await book.unconfirmed()).toEqual([]);
        await book.put({ ...lan, id: 'gone' }, false);
        await book.remove('gone');
        expect(await book.unconfirmed()).toEqual([]);
      });

      it('keeps what is for an address that is not confirmed, until it is', async () => {
        await records.contactBook.put(lan, false);
        await records.alertStore.apply([raised('thach-han', NIGHT, 'critical')], NIGHT);
        await plan(records, await records.outbox.unplanned(10), [lan, hook]);
        expect((await due(NIGHT, 10)).map(({ contact }) => contact.id)).toEqual([hook.id]);
        expect(await records.outbox.closeDigests(USUAL_BOUNDS, NIGHT + DAY_MS)).toBe(0);
        const [asked] = await records.contactBook.unconfirmed();
        await records.contactBook.confirm('lan', asked?.code ?? '');
        expect(await records.outbox.closeDigests(USUAL_BOUNDS, NIGHT + DAY_MS)).toBe(1);
        expect(await records.outbox.due(NIGHT + DAY_MS, 10, 'email')).toMatchObject([
          { kind: 'digest', contact: lan, notices: [{ event: 'raised' }] },
        ]);
      });

      it('knows the contacts', async () => {
        await records.contactBook.put(hook);
        await records.contactBook.put({ ...lan, fromSeverity: 'critical' });
        await records.contactBook.put(lan);
        expect(await records.contactBook.list()).toEqual([lan, hook]);
        await records.contactBook.remove('phòng/trực');
        await records.contactBook.remove('phòng/trực');
        expect(await records.contactBook.list()).toEqual([lan]);
      });
    });

    describe('operators', () => {
      const lan: Operator = { id: 'op-1', login: 'lan', name: 'Nguyễn Thị Lan', role: 'officer', language: 'vi' };
      const session = (tokenHash: string, usedAt = NIGHT) => ({
        tokenHash,
        operatorId: 'op-1',
        startedAt: NIGHT,
        usedAt,
      });

      it('are counted, found by their login, and have one login each', async () => {
        expect(await records.operators.count()).toBe(0);
        await records.operators.add(lan, 'hash-1');
        await expect(records.operators.add({ ...lan, id: 'op-2' }, 'x')).rejects.toMatchObject({
          code: 'OPERATOR_EXISTS',
        });
        expect(await records.operators.count()).toBe(1);
        expect(await records.operators.byLogin('lan')).toEqual({ operator: lan, passwordHash: 'hash-1' });
        expect(await records.operators.byLogin('Lan')).toBeNull();
        expect(await records.operators.names()).toEqual(new Map([['op-1', 'Nguyễn Thị Lan']]));
      });

      it('can be given another password', async () => {
        await records.operators.add(lan, 'hash-1');
        await records.operators.setPassword('op-1', 'hash-2');
        expect((await records.operators.byLogin('lan'))?.passwordHash).toBe('hash-2');
        await expect(records.operators.setPassword('nobody', 'x')).rejects.toMatchObject({ code: 'UNKNOWN_OPERATOR' });
      });

      it('are signed in until their session ends or goes unused', async () => {
        await records.operators.add(lan, 'hash-1');
        await records.operators.startSession(session('a'));
        await records.operators.startSession(session('b'));
        await records.operators.startSession(session('c'));
        await records.operators.touchSession('a', NIGHT + 10);
        await records.operators.touchSession('a', NIGHT + 5);
        const elsewhere = await open();
        expect(await elsewhere.operators.session('a')).toEqual({ session: session('a', NIGHT + 10), operator: lan });

        await elsewhere.operators.endSession('b');
        expect(await records.operators.session('b')).toBeNull();
        await records.operators.endSessionsUnusedSince(NIGHT + 10);
        expect(await records.operators.session('a')).not.toBeNull();
        expect(await records.operators.session('c')).toBeNull();
      });

      it('are signed in in a bounded number of browsers', async () => {
        await records.operators.add(lan, 'hash-1');
        for (let n = 0; n < 60; n += 1) await records.operators.startSession(session(`t${n}`, NIGHT + n));
        expect(await records.operators.session('t9')).toBeNull();
        expect(await records.operators.session('t10')).not.toBeNull();
        expect(await records.operators.session('t59')).not.toBeNull();
      });

      it('must be there to be signed in', async () => {
        await expect(records.operators.startSession(session('a'))).rejects.toMatchObject({ code: 'UNKNOWN_OPERATOR' });
      });
    });

    describe('with several at work', () => {
      it('is opened for the first time by many at once', async () => {
        for (let round = 0; round < 3; round += 1) {
          const empty = await newPlace();
          const names = ['broker', 'processor', 'console', 'notifier', 'command', 'canary'];
          const openers = names.map((name, n) =>
            children.start({ kind: 'open', address: empty.address, name }, n % 2 === 0 ? 'process' : 'thread'),
          );
          await Promise.all(openers.map(({ ready }) => ready));
          for (const opener of openers) opener.say();
          await Promise.all(openers.map(({ result }) => result));
          const afterwards = await openRecordsAt(empty.address);
          expect((await afterwards.registry.inventory()).areas.map(({ id }) => id)).toEqual(names.toSorted());
          expect(await afterwards.registry.version()).toBe(names.length);
          await afterwards.close();
          await empty.remove();
        }
      });

      it('loses no step of one alert that two processes change at once', async () => {
        const processor = children.start({ kind: 'worsen', address: place.address });
        const desk = children.start({ kind: 'acknowledge', address: place.address });
        await Promise.all([processor.ready, desk.ready]);
        processor.say();
        desk.say();
        await Promise.all([processor.steps(150), desk.steps(50)]);
        processor.say();
        desk.say();
        const [worsened, acknowledged] = await Promise.all([processor.result, desk.result]);

        const [alert] = await records.alertDesk.list('all', 10);
        expect(alert?.version).toBe(1 + Number(worsened) + Number(acknowledged));
        expect(await records.alertDesk.latestChange()).toBe(alert?.version);
        // People are told of the raising and of each time it got worse, which is every second step.
        expect(await records.outbox.unplanned(100_000)).toHaveLength(1 + Math.ceil(Number(worsened) / 2));
      });

      it('takes many calls at once in one process, too', async () => {
        const elsewhere = await open();
        await Promise.all(
          Array.from({ length: 40 }, (_, n) =>
            (n % 2 === 0 ? records : elsewhere).inventoryDesk.putArea({ ...quangTri, id: `area-${n}` }),
          ),
        );
        expect(await records.registry.version()).toBe(40);
      });
    });

    describe('killed', () => {
      it('has an alert with its event and its notice, or none of them, after whichever statement it dies', async () => {
        let died = 0;
        for (let statements = 1; ; statements += 1) {
          const fresh = await newPlace();
          await (await openRecordsAt(fresh.address)).close();
          const child = children.start({ kind: 'die-applying', address: fresh.address, statements });
          await child.ready;
          child.say();
          const survived = await child.result.then(
            () => true,
            () => false,
          );
          await child.gone;
          const afterwards = await openRecordsAt(fresh.address);
          await expectWhole(afterwards);
          const found = (await afterwards.alertDesk.list('all', 10)).length;
          expect(await afterwards.alertStore.apply([raised('thach-han', NIGHT)], NIGHT)).toBe(1 - found);
          await expectWhole(afterwards);
          await afterwards.close();
          await fresh.remove();
          if (survived) break;
          died += 1;
        }
        // The look for a replay, for an open alert, the number, the alert, the event, the notice, the commit: at least these.
        expect(died).toBeGreaterThanOrEqual(7);
      });

      it('goes on where it was, twenty times, and every step has its notice and the reverse', async () => {
        let steps = 0;
        for (let kill = 0; kill < 20; kill += 1) {
          const child = children.start({ kind: 'apply-forever', address: place.address });
          await child.ready;
          child.say();
          await child.steps(1 + Math.floor(Math.random() * 30));
          child.kill();
          await child.gone;
          await expectWhole(records);
          const now = await records.alertDesk.latestChange();
          expect(now).toBeGreaterThan(steps);
          steps = now;
        }
      });
    });
  });
}

/** All that the records say of alerts, to be compared. */
async function everything(records: Records): Promise<unknown> {
  const alerts = await records.alertDesk.list('all', 10_000);
  return {
    alerts: await Promise.all(alerts.map(({ id }) => records.alertDesk.one(id))),
    notices: await records.outbox.unplanned(10_000),
    change: await records.alertDesk.latestChange(),
  };
}

/** Each step of an alert is there with its version, its event and its notice; each notice belongs to a step; nothing is numbered that is not there. */
async function expectWhole(records: Records): Promise<void> {
  const alerts = await records.alertDesk.list('all', 100_000);
  const notices = await records.outbox.unplanned(100_000);
  const noticesOf = (alert: Alert): string[] =>
    notices.filter((notice) => notice.alert.id === alert.id).map(({ id }) => id);
  let steps = 0;
  for (const { id } of alerts) {
    const shown = await records.alertDesk.one(id);
    if (shown === null) throw new Error(`alert ${id} is listed and not there`);
    const { alert, history } = shown;
    expect(alert.version).toBe(history.length);
    steps += history.length;
    const wanted: string[] = [];
    history.forEach((event, n) => {
      const before = history[n - 1]?.severity;
      const word =
        event.kind === 'raised' || event.kind === 'returned'
          ? event.kind
          : event.kind === 'severity-changed' &&
              before !== undefined &&
              severityRank(event.severity) > severityRank(before)
            ? 'escalated'
            : null;
      if (word !== null) wanted.push(`${id}.${word}.${event.severity}.${event.at.toString(36)}`);
    });
    expect(noticesOf(alert)).toEqual(wanted);
  }
  expect(notices.filter(({ alert }) => !alerts.some(({ id }) => id === alert.id))).toEqual([]);
  expect(await records.alertDesk.latestChange()).toBe(steps);
  const open = alerts
    .filter(({ state }) => state !== 'closed')
    .map(({ ruleId, stationId }) => `${ruleId} ${stationId}`);
  expect(new Set(open).size).toBe(open.length);
}
