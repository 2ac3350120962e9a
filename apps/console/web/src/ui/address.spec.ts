import { describe, expect, it } from 'vitest';
import { addressOfPath, readAddress, writeAddress } from './address.js';

describe('the address', () => {
  it('carries everything that is looked at, and nothing that is as usual', () => {
    expect(writeAddress(readAddress(''))).toBe('');
    const search =
      '?view=stations&station=thach-han&metric=level_m&period=24h&q=th%E1%BA%A1ch+h%C3%A3n&kind=water&overdue=1';
    expect(writeAddress(readAddress(search))).toBe(search);
  });

  it('passes over what it does not know', () => {
    expect(readAddress('?view=map&period=3y&severity=toString&kind=__proto__')).toEqual(readAddress(''));
  });

  it('understands the address that stands in a message', () => {
    expect(addressOfPath('/alerts/river-level.thach-han.l5x', '')).toBe('/?alert=river-level.thach-han.l5x');
    expect(addressOfPath('/stations/thach-han', '?period=7d')).toBe('/?view=stations&station=thach-han&period=7d');
    expect(addressOfPath('/alerts/%E1', '')).toBe('/?alert=%25E1');
    expect(addressOfPath('/', '?view=stations')).toBeNull();
    expect(addressOfPath('/no/such/page', '?q=a')).toBe('/?q=a');
  });
});
