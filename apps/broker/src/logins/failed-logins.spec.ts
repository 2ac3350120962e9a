import { expect, it } from 'vitest';
import { FailedLogins } from './failed-logins.js';

it('lets a name fail ten times from one address, then once in half a minute, and minds nobody who guesses elsewhere', () => {
  let now = 0;
  const failed = new FailedLogins(() => now);
  for (let n = 0; n < 10; n += 1) {
    expect(failed.areTooMany('gauge', '203.0.113.1')).toBe(false);
    failed.add('gauge', '203.0.113.1');
  }
  expect(failed.areTooMany('gauge', '203.0.113.1')).toBe(true);
  expect(failed.areTooMany('gauge', '198.51.100.1')).toBe(false);
  expect(failed.areTooMany('camera', '203.0.113.1')).toBe(false);
  now = 30_001;
  expect(failed.areTooMany('gauge', '203.0.113.1')).toBe(false);
  failed.add('gauge', '203.0.113.1');
  expect(failed.areTooMany('gauge', '203.0.113.1')).toBe(true);
});

it('lets a name fail a thousand times wherever it is tried from, and then once in ten seconds', () => {
  let now = 0;
  const failed = new FailedLogins(() => now);
  for (let n = 0; n < 1_000; n += 1) failed.add('gauge', `address-${n}`);
  expect(failed.areTooMany('gauge', '203.0.113.1')).toBe(true);
  now = 10_001;
  expect(failed.areTooMany('gauge', '203.0.113.1')).toBe(false);
});

it('lets an address fail a hundred times over all names, and then once in two seconds', () => {
  let now = 0;
  const failed = new FailedLogins(() => now);
  for (let n = 0; n < 100; n += 1) failed.add(`guess-${n}`, '203.0.113.1');
  expect(failed.areTooMany('guess-100', '203.0.113.1')).toBe(true);
  expect(failed.areTooMany('guess-100', '203.0.113.2')).toBe(false);
  now = 2_001;
  expect(failed.areTooMany('guess-100', '203.0.113.1')).toBe(false);
});

it('remembers ten thousand names and forgets the one that has been quiet for longest', () => {
  const failed = new FailedLogins(() => 0);
  for (let n = 0; n < 10; n += 1) failed.add('victim', '203.0.113.1');
  for (let n = 0; n < 9_999; n += 1) failed.add(`other-${n}`, `address-${n}`);
  expect(failed.areTooMany('victim', '203.0.113.1')).toBe(true);
  failed.add('one more', '203.0.113.2');
  expect(failed.areTooMany('victim', '203.0.113.1')).toBe(false);
});
