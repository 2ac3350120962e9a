import { describe, expect, it } from 'vitest';
import { LatestTable } from './latest-table.js';
import { sampleValue } from './samples.js';

const told = (...latest: ReturnType<typeof sampleValue>[]) => [{ stationId: 'thach-han', latest }];

describe('LatestTable', () => {
  it('keeps the newest value of each metric, whatever the order in which they are told', () => {
    const table = new LatestTable();
    table.put(told(sampleValue({ measuredAt: 3_000, value: 3 }), sampleValue({ metric: 'flow_m3s', value: 800 })));
    table.put(told(sampleValue({ measuredAt: 2_000, value: 2 })));
    expect(table.of('thach-han')?.map(({ metric, value }) => [metric, value])).toEqual([
      ['level_m', 3],
      ['flow_m3s', 800],
    ]);
  });

  it('takes the later word about the same moment for its correction', () => {
    const table = new LatestTable();
    table.put(told(sampleValue({ value: 9, receivedAt: 1_000 })));
    table.put(told(sampleValue({ value: 6, receivedAt: 9_000 })));
    expect(table.of('thach-han')?.[0]?.value).toBe(6);
  });

  it('is silent about what it knew', () => {
    const table = new LatestTable();
    expect(table.put(told(sampleValue({})))).toEqual(['thach-han']);
    const before = table.of('thach-han');
    expect(table.put(told(sampleValue({})))).toEqual([]);
    expect(table.of('thach-han')).toBe(before);
  });

  it('knows a station that never sent anything', () => {
    const table = new LatestTable();
    expect(table.put([{ stationId: 'dong-ha', latest: [] }])).toEqual(['dong-ha']);
    expect(table.of('dong-ha')).toEqual([]);
  });
});
