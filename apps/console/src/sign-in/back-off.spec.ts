import { expect, it } from 'vitest';
import { BackOff } from './back-off.js';

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
