import { describe, expect, it } from 'vitest';
import { clockText, clockTextWithSeconds, dateText, localTimeIn } from './local-time.js';

const HANOI = localTimeIn('Asia/Ho_Chi_Minh');

describe('local time', () => {
  it('shows a Vietnamese night that is still the day before in Greenwich', () => {
    const local = HANOI(Date.UTC(2026, 10, 21, 19, 5, 9));
    expect(local).toEqual({ year: 2026, month: 11, day: 22, hour: 2, minute: 5, second: 9 });
    expect(`${clockText(local)} ${dateText(local)}`).toBe('02:05 22/11/2026');
    expect(clockTextWithSeconds(local)).toBe('02:05:09');
  });

  it('writes midnight as 00:00 of the new day, never as 24:00', () => {
    const local = HANOI(Date.UTC(2026, 11, 31, 17, 0, 0));
    expect(`${clockText(local)} ${dateText(local)}`).toBe('00:00 01/01/2027');
  });

  it('follows a zone with summer time across its change', () => {
    const paris = localTimeIn('Europe/Paris');
    expect(clockText(paris(Date.UTC(2026, 2, 29, 0, 59)))).toBe('01:59');
    expect(clockText(paris(Date.UTC(2026, 2, 29, 1, 0)))).toBe('03:00');
  });

  it('drops the milliseconds, before 1970 too', () => {
    const utc = localTimeIn('UTC');
    expect(utc(1_999).second).toBe(1);
    expect(utc(-1)).toEqual({ year: 1969, month: 12, day: 31, hour: 23, minute: 59, second: 59 });
  });

  it('says what to write instead of a zone that does not exist', () => {
    expect(() => localTimeIn('Asia/Hanoi_')).toThrowError(expect.objectContaining({ code: 'BAD_TIME_ZONE' }));
  });
});
