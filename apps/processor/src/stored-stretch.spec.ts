import { describe, expect, it } from 'vitest';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import { Flag } from '@canh/core/quality/flag';
import { KnownDevices } from '@canh/core/stations/known-devices';
import { readBatch } from './read-batch.js';
import { StoredStretch } from './stored-stretch.js';

const text = { vi: 'x', en: 'x' };
const HOUR = 3_600_000;
const AT = 490_000 * HOUR;
const WINDOW = { pastMs: HOUR, futureMs: HOUR, lateMs: 60_000 };
const metrics = ['a', 'b'].map((name) => ({
  name,
  names: text,
  unit: 'm',
  plausible: { min: 0, max: 9 },
  decimals: 1,
}));
const DEVICES = new KnownDevices(
  {
    areas: [],
    stations: [
      {
        id: 's',
        names: text,
        areaId: 'x',
        ownerUnit: 'x',
        position: { latitude: 0, longitude: 0 },
        profileId: 'p',
        limits: [],
      },
    ],
    devices: [{ id: 'd', name: 'd', stationId: 's', profileId: 'p', gatewayId: null }],
  },
  new Map([['p', { id: 'p', kind: 'water' as const, names: text, intervalMs: 60_000, metrics }]]),
);

const batch = (from: number, ...payloads: object[]) =>
  readBatch(
    from,
    {
      entries: payloads.map((payload, index) => ({
        offset: from + index,
        message: { kind: 'telemetry', deviceId: 'd', receivedAt: AT, payload: Buffer.from(JSON.stringify(payload)) },
      })),
      next: from + payloads.length,
      behindBytes: 0,
      damaged: [],
    },
    DEVICES,
    WINDOW,
  );

describe('stretches that go to the store as one', () => {
  // Messages without a reading stand between the others, and at both ends.
  const stretch = new StoredStretch(
    [
      batch(10, { x: 1 }, { a: 1, b: 2 }, { x: 1 }),
      batch(20, { ts: AT - 2 * 60_000, values: { a: 3, b: 4 } }, { a: 5 }, { x: 1 }),
    ],
    WINDOW,
  );

  it('hold all their readings in order, and reach from the first to behind the last', () => {
    expect([...stretch.readings].map(({ value }) => value)).toEqual([1, 2, 3, 4, 5]);
    expect([stretch.from, stretch.next]).toEqual([10, 23]);
    expect([...stretch.readings].every(({ flag }: FlaggedReading) => flag === Flag.good)).toBe(true);
  });

  it('book what the store has already as duplicate, or as in quarantine where the value differs', () => {
    expect([...stretch.tally({ duplicates: [2], conflicts: [{ at: 4, storedValue: 6 }] }).lines()]).toEqual([
      {
        deviceId: 'd',
        hour: AT,
        messages: 6,
        received: 8,
        stored: 3,
        duplicate: 1,
        late: 1,
        quarantined: { 'unknown-metric': 3, conflict: 1 },
        missing: 0,
      },
    ]);
  });

  it('name the message and the part of each reading, the same however the stretches are cut', () => {
    const parts = (of: StoredStretch) =>
      [...of.readings].map((_, at) => {
        const { offset, part } = of.quarantined(at, 'conflict', '');
        return [offset, part];
      });
    expect(parts(stretch)).toEqual([
      [11, 1_000_000],
      [11, 1_000_001],
      [20, 1_000_000],
      [20, 1_000_001],
      [21, 1_000_000],
    ]);
    expect(parts(new StoredStretch([batch(11, { a: 1, b: 2 })], WINDOW))).toEqual([
      [11, 1_000_000],
      [11, 1_000_001],
    ]);
  });

  it('hand a reading to quarantine as its device could have sent it', () => {
    const { kind, senderId, payload } = stretch.quarantined(3, 'store-refused', 'why');
    expect([kind, senderId, Buffer.from(payload).toString()]).toEqual([
      'telemetry',
      'd',
      JSON.stringify({ ts: AT - 2 * 60_000, seq: 0, values: { b: 4 }, converted: true }),
    ]);
  });
});
