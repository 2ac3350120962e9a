import { describe, expect, it } from 'vitest';
import { sampleAlert, sampleEvidence } from '../live/samples.js';
import { valueAndLimit, whatHappened } from './limit-words.js';
import { makeText } from './make-text.js';

const inVietnamese = makeText('vi', 'Asia/Ho_Chi_Minh');
const inEnglish = makeText('en', 'Asia/Ho_Chi_Minh');
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
const alert = (value: number, limit: number | null, limitName: string | null) =>
  sampleAlert({ id: 'a', evidence: sampleEvidence({ value, limit, limitName }) });

describe('whatHappened', () => {
  it('names the level and how far from it, as a duty officer says it', () => {
    expect(plain(whatHappened(alert(6.12, 6, 'alarm_3'), inVietnamese))).toBe('trên BĐ3 0,12 m');
    expect(plain(whatHappened(alert(5.64, 6, 'alarm_3'), inVietnamese))).toBe('dưới BĐ3 0,36 m');
    expect(plain(whatHappened(alert(6.12, 6, 'alarm_3'), inEnglish))).toBe('above BĐ3 by 0.12 m');
  });

  it('says "at" where the difference would be shown as nothing', () => {
    expect(whatHappened(alert(3.004, 3, 'alarm_1'), inVietnamese)).toBe('ở mức BĐ1');
  });

  it('calls a limit without a legal name a limit', () => {
    expect(plain(whatHappened(alert(11.6, 11.8, null), inVietnamese))).toBe('dưới ngưỡng 0,20 m');
  });

  it('says that no limit is in force any more', () => {
    expect(whatHappened(alert(3, null, null), inVietnamese)).toBe('không còn ngưỡng nào có hiệu lực');
    expect(plain(valueAndLimit(alert(3, null, null), inVietnamese))).toBe('3,00 m | —');
  });
});
