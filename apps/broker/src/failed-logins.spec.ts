import { expect, it } from 'vitest';
import { FailedLogins } from './failed-logins.js';

it('lets a name fail ten times, and then once in half a minute, wherever it is tried from', () => {
  let now = 0;
  const failed = new FailedLogins(() => now);
  for (let n = 0; n < 10; n += 1) {
    expect(failed.areTooMany('gauge', `198.51.100.${n}`)).toBe(false);
    failed.add('gauge', `198.51.100.${n}`);
  }
  expect(failed.areTooMany('gauge', '203.0.113.1')).toBe(true);
  expect(failed.areTooMany('camera', '198.51.100.1')).toBe(false);
  now = 30_001;
  expect(failed.areTooMany('gauge', '203.0.113.1')).toBe(false);
  failed.add('gauge', '203.0.113.1');
  expect(failed.areTooMany('gauge', '203.0.113.1')).toBe(true);
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
  for (let n = 0; n < 10; n += 1) failed.add('victim', `198.51.100.${n}`);
  for (let n = 0; n < 9_999; n += 1) failed.add(`other-${n}`, `address-${n}`);
  expect(failed.areTooMany('victim', '203.0.113.1')).toBe(true);
  failed.add('one more', '203.0.113.2');
  expect(failed.areTooMany('victim', '203.0.113.1')).toBe(false);
});
