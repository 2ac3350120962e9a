import { expect, it } from 'vitest';
import { BackOff, networkOf } from './back-off.js';

it.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
])('counts %s as %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

it('remembers ten thousand keys and forgets the one that has been quiet for longest', () => {
  const backOff = new BackOff({ now: () => 0 });
  const held = (login: string): boolean => 'waitMs' in backOff.admit(login, `192.0.2.${login}`);
  for (let guess = 0; guess < 5; guess += 1) backOff.admit('victim', `198.51.100.${guess}`);
  expect(held('victim')).toBe(true);
  // Each makes two keys: its account and its address.
  for (let n = 0; n < 4_990; n += 1) held(`other-${n}`);
  expect(held('victim')).toBe(true);
  for (let n = 4_990; n < 5_010; n += 1) held(`other-${n}`);
  expect(held('victim')).toBe(false);
});
