import { describe, expect, it } from 'vitest';
import { sampleEvidence } from '../live/samples.js';
import { valueAndLimit, whatHappened } from './limit-words.js';
import { makeText, type Text } from './make-text.js';

const inVietnamese = makeText('vi', 'Asia/Ho_Chi_Minh');
const inEnglish = makeText('en', 'Asia/Ho_Chi_Minh');
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
const metres = { unit: 'm', decimals: 2 };
const what = (text: Text, value: number, limit: number | null, limitName: string | null): string =>
  whatHappened(sampleEvidence({ value, limit, limitName }), metres, text);

describe('whatHappened', () => {
  it('names the level and how far from it, as a duty officer says it', () => {
    expect(plain(what(inVietnamese, 6.12, 6, 'alarm_3'))).toBe('trên BĐ3 0,12 m');
    expect(plain(what(inVietnamese, 5.64, 6, 'alarm_3'))).toBe('dưới BĐ3 0,36 m');
    expect(plain(what(inEnglish, 6.12, 6, 'alarm_3'))).toBe('0.12 m over BĐ3');
  });

  it('says "at" where the difference would be shown as nothing', () => {
    expect(what(inVietnamese, 3.004, 3, 'alarm_1')).toBe('ở mức BĐ1');
  });

  it('does not put the difference where it would be read as the limit', () => {
    expect(plain(what(inVietnamese, 12, 11.8, null))).toBe('vượt ngưỡng +0,20 m');
    expect(plain(what(inVietnamese, 11.6, 11.8, null))).toBe('dưới ngưỡng \u22120,20 m');
    expect(plain(what(inEnglish, 12, 11.8, 'low_flow'))).toBe('0.20 m over the limit');
    expect(what(inVietnamese, 11.8, 11.8, null)).toBe('bằng ngưỡng');
  });

  it('says that no limit is in force any more', () => {
    expect(what(inVietnamese, 3, null, null)).toBe('không còn ngưỡng nào có hiệu lực');
    expect(plain(valueAndLimit(sampleEvidence({ value: 3, limit: null }), metres, inVietnamese))).toBe('3,00 m | —');
  });

  it('says which of two numbers is the limit', () => {
    const both = (text: Text, limitName: string | null): string =>
      plain(valueAndLimit(sampleEvidence({ value: 6.3, limit: 6, limitName }), metres, text));
    expect(both(inVietnamese, 'alarm_3')).toBe('6,30 m | BĐ3 6,00 m');
    expect(both(inVietnamese, null)).toBe('6,30 m | ngưỡng 6,00 m');
    expect(both(inEnglish, null)).toBe('6.30 m | limit 6.00 m');
  });
});
