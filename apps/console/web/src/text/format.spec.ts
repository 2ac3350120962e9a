import { describe, expect, it } from 'vitest';
import { fold } from './fold.js';
import { makeFormat, unitWord } from './format.js';
import { vi } from './vi.js';
import { en } from './en.js';

const HCM = 'Asia/Ho_Chi_Minh';
const inVietnamese = makeFormat('vi', HCM, vi);
const inEnglish = makeFormat('en', HCM, en);
const AT = Date.UTC(2026, 10, 21, 19, 5, 9); // 02:05:09 on 22/11/2026 in Vietnam
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

describe('numbers', () => {
  it('have a decimal comma in Vietnamese, a point in English, and the digits that were asked for', () => {
    expect([inVietnamese.number(1234.56, 2), inEnglish.number(1234.56, 2)]).toEqual(['1.234,56', '1,234.56']);
    expect(inVietnamese.number(6, 2)).toBe('6,00');
  });

  it('have a minus as wide as a digit, and no minus before a zero', () => {
    expect(inVietnamese.number(-0.36, 2)).toBe('\u22120,36');
    expect(inVietnamese.number(-0.001, 2)).toBe('0,00');
  });

  it('carry their unit as people write it', () => {
    const shown = [
      inVietnamese.quantity(31.4, 1, 'ug/m3'),
      inVietnamese.quantity(95.7, 1, '%'),
      inVietnamese.quantity(24.3, 1, 'Cel'),
      inVietnamese.quantity(7.2, 1, '[pH]'),
      inVietnamese.quantity(42, 0, '{vehicle}'),
      inVietnamese.quantity(-71, 0, 'dB{mW}'),
      inEnglish.quantity(812, 0, 'm3/s'),
    ];
    expect(shown.map(plain)).toEqual(['31,4 µg/m³', '95,7%', '24,3 °C', '7,2', '42 xe', '\u221271 dBm', '812 m³/s']);
  });

  it('show a unit that they do not know as it is, without its braces', () => {
    expect(unitWord('{widgets}/h', {})).toBe('widgets/h');
  });
});

describe('times', () => {
  it('are of the province, in 24 hours, with four digits of the year, in both languages', () => {
    for (const format of [inVietnamese, inEnglish]) {
      expect([format.time(AT), format.clock(AT), format.date(AT), format.day(AT)]).toEqual([
        '02:05',
        '02:05:09',
        '22/11/2026',
        '22/11',
      ]);
    }
  });

  it('say midnight as 00:00', () => {
    expect(inVietnamese.time(Date.UTC(2026, 10, 21, 17))).toBe('00:00');
  });

  it('carry the date when it is another day', () => {
    expect(inVietnamese.moment(AT, AT + 60_000)).toBe('02:05');
    expect(plain(inVietnamese.moment(AT, AT + 86_400_000))).toBe('02:05 22/11/2026');
  });
});

describe('ages', () => {
  const MINUTE = 60_000;
  it('are in words of the size that matters', () => {
    const ages = [0, 59_999, MINUTE, 59 * MINUTE, 60 * MINUTE, 185 * MINUTE, 47 * 60 * MINUTE, 49 * 60 * MINUTE];
    expect(ages.map((ms) => inVietnamese.age(ms))).toEqual([
      '0 giây',
      '59 giây',
      '1 phút',
      '59 phút',
      '1 giờ 00',
      '3 giờ 05',
      '47 giờ 00',
      '2 ngày',
    ]);
    expect(ages.map((ms) => inEnglish.age(ms))).toEqual([
      '0 s',
      '59 s',
      '1 min',
      '59 min',
      '1 h 00',
      '3 h 05',
      '47 h 00',
      '2 d',
    ]);
  });

  it('of what is not yet are nothing', () => {
    expect(inVietnamese.age(-5_000)).toBe('0 giây');
  });
});

describe('fold', () => {
  it('takes marks and case away, đ too', () => {
    expect(['Thạch Hãn', 'Hoá', 'Hóa', 'Đông Hà', 'ĐƯỜNG'].map(fold)).toEqual([
      'thach han',
      'hoa',
      'hoa',
      'dong ha',
      'duong',
    ]);
  });
});

describe('what the server says in both languages', () => {
  it('is shown in the one that is read, and whole where it has another form', () => {
    const says = 'Sai mật khẩu. / Wrong password.';
    expect([vi.problem.ours(says), en.problem.ours(says)]).toEqual(['Sai mật khẩu.', 'Wrong password.']);
    expect(vi.problem.ours('a / b / c')).toBe('a / b / c');
  });
});
