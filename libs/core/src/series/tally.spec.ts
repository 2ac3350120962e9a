import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LedgerLine } from './ledger.js';
import { Tally } from './tally.js';

const HOUR = 3_600_000;
const AT = 490_000 * HOUR;

const sumOf = ({ quarantined }: LedgerLine): number =>
  Object.values(quarantined).reduce((sum, count) => sum + count, 0);

describe('the books of a stretch', () => {
  it('keep a line for each device and hour of receiving', () => {
    const tally = new Tally();
    tally.message('a', AT);
    tally.readings('a', AT, 1, 0);
    tally.readings('a', AT + HOUR - 1, 1, 1);
    tally.message('a', AT + HOUR);
    tally.fault('b', AT, 'unknown-metric');
    tally.missing('b', AT, 4);
    const empty = { messages: 0, received: 0, stored: 0, duplicate: 0, late: 0, quarantined: {}, missing: 0 };
    expect([...tally.lines()]).toEqual([
      { ...empty, deviceId: 'a', hour: AT, messages: 1, received: 2, stored: 2, late: 1 },
      { ...empty, deviceId: 'a', hour: AT + HOUR, messages: 1 },
      { ...empty, deviceId: 'b', hour: AT, received: 1, quarantined: { 'unknown-metric': 1 }, missing: 4 },
    ]);
  });

  it('add up to what was received, whatever becomes of the readings', () => {
    const step = fc.record({
      device: fc.constantFrom('a', 'b', 'c'),
      at: fc.integer({ min: AT, max: AT + 3 * HOUR }),
      late: fc.boolean(),
      fate: fc.constantFrom('stored', 'duplicate', 'conflict', 'store-refused', 'fault'),
    });
    fc.assert(
      fc.property(fc.array(step), fc.array(step), (first, second) => {
        const tallies = [first, second].map((steps) => {
          const tally = new Tally();
          for (const { device, at, late, fate } of steps) {
            tally.message(device, at);
            if (fate === 'fault') tally.fault(device, at, 'not-json');
            else tally.readings(device, at, 1, late ? 1 : 0);
            if (fate === 'duplicate') tally.wasDuplicate(device, at, late);
            if (fate === 'conflict' || fate === 'store-refused') tally.wasQuarantined(device, at, late, fate);
          }
          return tally;
        });
        const all = new Tally();
        for (const tally of tallies) all.add(tally.lines());
        const lines = [...all.lines()];
        for (const line of lines) {
          expect(line.received).toBe(line.stored + line.duplicate + sumOf(line));
          expect(line.late).toBeLessThanOrEqual(line.stored);
        }
        expect(lines.reduce((sum, { received }) => sum + received, 0)).toBe(first.length + second.length);
      }),
    );
  });
});
