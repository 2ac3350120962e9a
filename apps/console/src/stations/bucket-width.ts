import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '@canh/core/time/instant';

/** Widths that fall on round times; the last ones are for spans in which every reading there ever was fits. */
const LADDER: readonly number[] = [
  ...[1, 2, 5, 10, 15, 30].map((width) => width * SECOND_MS),
  ...[1, 2, 5, 10, 15, 30].map((width) => width * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((width) => width * HOUR_MS),
  ...[1, 2, 7, 30, 90, 365].map((width) => width * DAY_MS),
];

/** The narrowest round width that cuts the span into `steps` pieces or fewer; null for a span too long for any. */
export function bucketWidthMs(spanMs: number, steps: number): number | null {
  return LADDER.find((width) => spanMs / width <= steps) ?? null;
}
