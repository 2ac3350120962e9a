import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Quarantined, QuarantinedRecord, QuarantineReason } from '@canh/core/readings/quarantine';
import { openRecordsAt, QUARANTINE_KEPT, type Records, type RecordsPlace } from './records.parts.js';
import { NIGHT } from './records.story.js';

/** Parts from here on are what the store did not take, with bytes of their own. */
const STORE_PART = 1_000_000;

export function quarantineSuite(kind: string, newPlace: () => Promise<RecordsPlace>): void {
  describe(`the quarantine in ${kind}`, () => {
    let place: RecordsPlace;
    let records: Records;

    beforeEach(async () => {
      place = await newPlace();
      records = await openRecordsAt(place.address);
    });
    afterEach(async () => {
      await records.close();
      await place.remove();
    });

    const bad = (offset: number, more: Partial<Quarantined> = {}): Quarantined => ({
      offset,
      part: 0,
      kind: 'telemetry',
      senderId: 'logger-7',
      deviceId: 'logger-7',
      receivedAt: NIGHT + offset,
      reason: 'not-json',
      detail: `Không phải JSON: ${offset}`,
      payload: new Uint8Array(3).fill(0xff),
      ...more,
    });
    /** A further fault of the same message; its bytes stand with the first. */
    const further = (offset: number, part: number, reason: QuarantineReason = 'not-json'): Quarantined =>
      bad(offset, { part, reason, payload: new Uint8Array() });
    const shown = (entry: Quarantined, replayedAt: number | null = null): QuarantinedRecord => ({
      ...entry,
      replayedAt,
    });
    const places = (found: readonly { offset: number; part: number }[]) =>
      found.map(({ offset, part }) => [offset, part]);

    it('keeps what arrived with its bytes, newest first, and counts each reason', async () => {
      const behind = bad(48, {
        reason: 'bad-time',
        kind: 'gateway-telemetry',
        senderId: 'gateway-1',
        deviceId: 'camera-3',
      });
      const refused = bad(64, { kind: null, senderId: '', deviceId: '', reason: 'refused' });
      await records.quarantine.keep([bad(16), behind, further(48, 1), refused]);
      await records.quarantine.keep([]);
      expect(await records.quarantineDesk.newest({}, 3)).toEqual([
        shown(refused),
        shown(further(48, 1)),
        shown(behind),
      ]);
      expect(await records.quarantineDesk.counts()).toEqual([
        { reason: 'bad-time', count: 1 },
        { reason: 'not-json', count: 2 },
        { reason: 'refused', count: 1 },
      ]);
    });

    it('takes the same ones again without counting them again', async () => {
      await records.quarantine.keep([bad(16), bad(32)]);
      await records.quarantine.keep([bad(16), bad(32), bad(64)]);
      expect(await records.quarantineDesk.counts()).toEqual([{ reason: 'not-json', count: 3 }]);
      expect(await records.quarantineDesk.newest({}, 10)).toHaveLength(3);
    });

    it('lets the oldest go when it is full, asked for or not, and still counts them', async () => {
      await records.quarantine.keep([bad(1)]);
      expect(await records.quarantineDesk.requestReplay({})).toBe(1);
      await records.quarantine.keep(Array.from({ length: 1_299 }, (_, n) => bad(n + 2)));
      const kept = (await records.quarantineDesk.newest({}, 10_000)).map(({ offset }) => offset);
      expect(kept).toEqual(Array.from({ length: kept.length }, (_, n) => 1_300 - n));
      expect(kept.length).toBeLessThanOrEqual(QUARANTINE_KEPT.rows);
      expect(kept.length).toBeGreaterThan(0.95 * QUARANTINE_KEPT.rows);
      expect(await records.quarantineDesk.counts()).toEqual([{ reason: 'not-json', count: 1_300 }]);
      expect(await records.replayRequests.open(10)).toEqual([]);
    });

    it('lets go of what the sender of most has sent, and keeps what others sent before', async () => {
      const few = [1, 2, 3].map((offset) => bad(offset, { senderId: 'logger-8' }));
      await records.quarantine.keep(few);
      for (let from = 100; from < 400; from += 20)
        await records.quarantine.keep(Array.from({ length: 20 }, (_, n) => bad(from, { part: n })));
      const kept = await records.quarantineDesk.newest({}, 10_000);
      expect(kept.filter(({ senderId }) => senderId === 'logger-8').map(({ offset }) => offset)).toEqual([3, 2, 1]);
      expect(kept[0]?.offset).toBe(380);
      expect(kept.length).toBeLessThanOrEqual(QUARANTINE_KEPT.rows);
      expect(kept.length).toBeGreaterThan(0.95 * QUARANTINE_KEPT.rows);

      const large = (offset: number) => bad(offset, { part: 0, payload: new Uint8Array(6_000) });
      await records.quarantine.keep([500, 501, 502, 503, 504].map(large));
      const left = await records.quarantineDesk.newest({}, 10_000);
      expect(left.filter(({ senderId }) => senderId === 'logger-8')).toHaveLength(3);
      expect(left.map(({ offset }) => offset)).toEqual([504, 503, 502, 3, 2, 1]);
    });

    it('keeps one of each where there are more senders than room', async () => {
      const entries = Array.from({ length: 60 }, (_, n) => bad(n + 1, { senderId: `logger-${n}` }));
      await records.quarantine.keep(entries);
      const kept = (await records.quarantineDesk.newest({}, 10_000)).map(({ offset }) => offset);
      expect(kept).toEqual(Array.from({ length: 49 }, (_, n) => 60 - n));
    });

    it('is full by its bytes, too', async () => {
      const large = (offset: number, bytes: number) =>
        bad(offset, { reason: 'wrong-shape', payload: new Uint8Array(bytes) });
      await records.quarantine.keep([1, 2, 3, 4, 5].map((offset) => large(offset, 6_000)));
      expect((await records.quarantineDesk.newest({}, 10)).map(({ offset }) => offset)).toEqual([5, 4, 3]);
      await records.quarantine.keep([large(6, 50_000)]);
      expect(await records.quarantineDesk.newest({}, 10)).toEqual([]);
      expect(await records.quarantineDesk.counts()).toEqual([{ reason: 'wrong-shape', count: 6 }]);
    });

    it('shows those of a device, a reason and a span of time: all that is named must hold', async () => {
      await records.quarantine.keep([
        bad(10),
        bad(20, { deviceId: 'logger-8' }),
        bad(30, { reason: 'too-old' }),
        bad(40),
        bad(50, { deviceId: 'logger-8', reason: 'too-old' }),
      ]);
      const found = async (query: Parameters<Records['quarantineDesk']['newest']>[0], limit = 10) =>
        (await records.quarantineDesk.newest(query, limit)).map(({ offset }) => offset);
      expect(await found({ deviceId: 'logger-7' })).toEqual([40, 30, 10]);
      expect(await found({ deviceId: 'logger-7' }, 2)).toEqual([40, 30]);
      expect(await found({ reason: 'too-old' })).toEqual([50, 30]);
      expect(await found({ from: NIGHT + 20, to: NIGHT + 40 })).toEqual([30, 20]);
      expect(await found({ deviceId: 'logger-7', reason: 'too-old', from: NIGHT + 20 })).toEqual([30]);
      expect(await found({ deviceId: 'logger-7', reason: 'too-old', from: NIGHT + 31 })).toEqual([]);
      expect(await found({ deviceId: "' or 1=1 --" })).toEqual([]);
    });

    it('asks for each message once, whatever the number of its faults, and for what the store did not take by itself', async () => {
      await records.quarantine.keep([
        bad(16),
        further(16, 1),
        further(16, 2, 'bad-time'),
        bad(32, { part: STORE_PART + 1, reason: 'store-refused' }),
        bad(32, { part: STORE_PART + 2, reason: 'conflict' }),
        bad(48, { kind: null, reason: 'refused' }),
        bad(64, { payload: new Uint8Array() }),
      ]);
      expect(await records.quarantineDesk.requestReplay({})).toBe(3);
      expect(await records.quarantineDesk.requestReplay({})).toBe(0);
      expect(places(await records.replayRequests.open(10))).toEqual([
        [16, 0],
        [32, STORE_PART + 1],
        [32, STORE_PART + 2],
      ]);
      expect(places(await records.replayRequests.open(1))).toEqual([[16, 0]]);
    });

    it('finds the bytes of a message by any fault of it', async () => {
      await records.quarantine.keep([
        bad(16),
        further(16, 1, 'bad-time'),
        bad(16, { part: STORE_PART, reason: 'conflict' }),
        bad(32),
      ]);
      expect(await records.quarantineDesk.requestReplay({ reason: 'bad-time' })).toBe(1);
      expect(places(await records.replayRequests.open(10))).toEqual([[16, 0]]);
      expect(await records.quarantineDesk.requestReplay({ reason: 'conflict' })).toBe(1);
      expect(places(await records.replayRequests.open(10))).toEqual([
        [16, 0],
        [16, STORE_PART],
      ]);
      expect(await records.quarantineDesk.requestReplay({ reason: 'conflict' })).toBe(0);
    });

    it('hands out a message as it came, under its sender', async () => {
      const payload = new Uint8Array([0xff, 0x00, 0x0a]);
      await records.quarantine.keep([
        bad(16, { kind: 'gateway-telemetry', senderId: 'gateway-1', deviceId: 'camera-3', payload }),
      ]);
      await records.quarantineDesk.requestReplay({ deviceId: 'camera-3' });
      expect(await records.replayRequests.open(10)).toEqual([
        {
          offset: 16,
          part: 0,
          message: { kind: 'gateway-telemetry', deviceId: 'gateway-1', receivedAt: NIGHT + 16, payload },
        },
      ]);
    });

    it('shows when a message was handed in, with all its faults, and does not ask for it again', async () => {
      await records.quarantine.keep([
        bad(16),
        further(16, 1),
        bad(16, { part: STORE_PART, reason: 'conflict' }),
        bad(32),
        further(32, 1),
      ]);
      await records.quarantineDesk.requestReplay({});
      const [first, conflict, ...more] = await records.replayRequests.open(10);
      await records.replayRequests.done([first!], NIGHT + 1_000);
      expect(await records.replayRequests.open(10)).toEqual([conflict, ...more]);
      const handedIn = async () =>
        (await records.quarantineDesk.newest({}, 10)).map(({ offset, part, replayedAt }) => [offset, part, replayedAt]);
      expect(await handedIn()).toEqual([
        [32, 1, null],
        [32, 0, null],
        [16, STORE_PART, null],
        [16, 1, NIGHT + 1_000],
        [16, 0, NIGHT + 1_000],
      ]);
      await records.replayRequests.done([conflict!, ...more], NIGHT + 2_000);
      expect(await handedIn()).toEqual([
        [32, 1, NIGHT + 2_000],
        [32, 0, NIGHT + 2_000],
        [16, STORE_PART, NIGHT + 2_000],
        [16, 1, NIGHT + 1_000],
        [16, 0, NIGHT + 1_000],
      ]);
      expect(await records.quarantineDesk.requestReplay({})).toBe(0);
      await records.replayRequests.done([], NIGHT);
    });
  });
}
