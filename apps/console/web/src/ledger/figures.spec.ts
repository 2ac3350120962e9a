import type { LedgerLineView } from '@canh/contract/views.dto';
import { describe, expect, it } from 'vitest';
import { findLines, totalOf, unaccounted } from './figures.js';

const line = (given: Partial<LedgerLineView>): LedgerLineView => ({
  deviceId: 'thach-han-1',
  stationId: 'thach-han',
  stationNames: { vi: 'Thạch Hãn', en: 'Thach Han' },
  hour: 0,
  messages: 0,
  received: 0,
  stored: 0,
  duplicate: 0,
  late: 0,
  missing: 0,
  quarantined: [],
  ...given,
});

describe('what was received and has no place in the books', () => {
  it('is nothing where stored, duplicate and every reason of quarantine add up', () => {
    const quarantined = [
      { reason: 'not-json' as const, count: 2 },
      { reason: 'conflict' as const, count: 1 },
    ];
    expect(unaccounted(line({ received: 10, stored: 6, duplicate: 1, quarantined }))).toBe(0);
    expect(unaccounted(line({ received: 11, stored: 6, duplicate: 1, quarantined }))).toBe(1);
    expect(unaccounted(line({ received: 9, stored: 6, duplicate: 1, quarantined }))).toBe(-1);
  });

  it('does not vanish in a total where one line has too much and another too little', () => {
    const lines = [line({ received: 2, stored: 1 }), line({ received: 1, stored: 1 })];
    expect(unaccounted(totalOf(lines))).toBe(1);
    expect(lines.filter((one) => unaccounted(one) !== 0)).toHaveLength(1);
  });
});

describe('a total', () => {
  it('adds up each figure, and each reason with the most first', () => {
    const total = totalOf([
      line({ messages: 2, received: 5, late: 1, quarantined: [{ reason: 'not-json', count: 1 }] }),
      line({ messages: 1, received: 4, missing: 3, quarantined: [{ reason: 'too-old', count: 2 }] }),
    ]);
    expect(total).toMatchObject({ messages: 3, received: 9, late: 1, missing: 3 });
    expect(total.quarantined).toEqual([
      { reason: 'too-old', count: 2 },
      { reason: 'not-json', count: 1 },
    ]);
  });
});

describe('finding lines', () => {
  it('finds a station without marks, and a device that is not registered by its id', () => {
    const stranger = line({ deviceId: 'may-la', stationId: null, stationNames: null });
    const lines = [line({}), stranger];
    expect(findLines(lines, 'thach han')).toEqual([lines[0]]);
    expect(findLines(lines, ' máy ')).toEqual([stranger]);
    expect(findLines(lines, '  ')).toEqual(lines);
  });
});
