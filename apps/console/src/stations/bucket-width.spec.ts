import { expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '@canh/core/time/instant';
import { bucketWidthMs } from './bucket-width.js';

it.each([
  ['an hour in 400 pieces', HOUR_MS, 400, 10 * SECOND_MS],
  ['exactly as many pieces as are asked for', HOUR_MS, 60, MINUTE_MS],
  ['one millisecond more than fits', HOUR_MS + 1, 60, 2 * MINUTE_MS],
  ['a day', DAY_MS, 400, 5 * MINUTE_MS],
  ['a month', 30 * DAY_MS, 400, 2 * HOUR_MS],
  ['a moment', 1, 2_000, SECOND_MS],
  ['a hundred years', 36_525 * DAY_MS, 400, 365 * DAY_MS],
])('cuts %s into round pieces', (_what, spanMs, steps, width) => {
  expect(bucketWidthMs(spanMs, steps)).toBe(width);
});

it('has no width for a span in which no reading can be', () => {
  expect(bucketWidthMs(8e15, 2_000)).toBeNull();
});
