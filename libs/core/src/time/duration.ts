import { CanhError } from '../canh-error.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './instant.js';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };
const PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** Whether `text` is a duration as people write it in rules and on the command line: `90s`, `10m`, `1.5h`, `7d`. */
export function isDuration(text: string): boolean {
  return PATTERN.test(text);
}

/** `10m` → 600000. Throws CanhError `BAD_DURATION` for anything else. */
export function durationMs(text: string): number {
  const [, amount, unit] = PATTERN.exec(text) ?? [];
  const factor = UNIT_MS[unit ?? ''];
  if (amount === undefined || factor === undefined)
    throw new CanhError(
      'BAD_DURATION',
      `'${text}' is not a duration. Write a number and ms, s, m, h or d: 90s, 10m, 7d.`,
    );
  return Math.round(Number(amount) * factor);
}
