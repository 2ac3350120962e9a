import { describe, expect, it } from 'vitest';
import { type Limit, limitInForce } from './limit.js';

const local = (text: string): number => Date.parse(`${text}+07:00`);
/** A decision is in force from midnight, local time, of the day it names, to the midnight that ends its last day. */
const SINCE_2020 = local('2020-03-20T00:00:00');

const limit = (of: Partial<Limit>): Limit => ({
  name: 'alarm_3',
  metric: 'level_m',
  value: 6,
  validFrom: null,
  validTo: null,
  document: 'QĐ 05/2020/QĐ-TTg',
  ...of,
});

/** The Thạch Hãn at Thạch Hãn. */
const THACH_HAN: readonly Limit[] = [
  limit({ name: 'alarm_1', value: 3, validFrom: SINCE_2020 }),
  limit({ name: 'alarm_2', value: 4.5, validFrom: SINCE_2020 }),
  limit({ value: 6, validFrom: SINCE_2020 }),
  limit({ value: 5.5, validTo: SINCE_2020, document: 'QĐ 632/QĐ-TTg' }),
];

describe('the alarm level in force', () => {
  it.each([
    ['2010-11-01T00:00:00', 5.5],
    ['2020-03-19T23:59:59.999', 5.5],
    ['2020-03-20T00:00:00', 6],
    ['2025-10-28T02:00:00', 6],
  ])('BĐ3 of the Thạch Hãn at %s is %d m', (at, value) => {
    expect(limitInForce(THACH_HAN, 'level_m', 'alarm_3', local(at))?.value).toBe(value);
  });

  it('comes with the document that set it', () => {
    const before = limitInForce(THACH_HAN, 'level_m', 'alarm_3', local('2017-11-05T00:00:00'));
    expect(before?.document).toBe('QĐ 632/QĐ-TTg');
  });

  it('is none where no document sets one: before its date, for another name, for another metric', () => {
    expect(limitInForce(THACH_HAN, 'level_m', 'alarm_1', local('2020-03-19T23:59:59'))).toBeUndefined();
    expect(limitInForce(THACH_HAN, 'level_m', 'alarm_4', local('2025-10-28T00:00:00'))).toBeUndefined();
    expect(limitInForce(THACH_HAN, 'flow_m3s', 'alarm_3', local('2025-10-28T00:00:00'))).toBeUndefined();
    expect(limitInForce([], 'level_m', 'alarm_3', local('2025-10-28T00:00:00'))).toBeUndefined();
  });

  it('always was and still is, where it has no dates', () => {
    const always = [limit({ name: 'intake', value: 1.2 })];
    for (const at of [0, SINCE_2020, local('2099-12-31T00:00:00')])
      expect(limitInForce(always, 'level_m', 'intake', at)?.value).toBe(1.2);
  });

  it('is never in force where its last moment comes before its first', () => {
    const never = [limit({ validFrom: SINCE_2020, validTo: SINCE_2020 })];
    expect(limitInForce(never, 'level_m', 'alarm_3', SINCE_2020)).toBeUndefined();
  });
});
