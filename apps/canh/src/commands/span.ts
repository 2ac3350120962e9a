import type { Command } from 'commander';
import { CanhError } from '@canh/core/canh-error';
import { durationMs, isDuration } from '@canh/core/time/duration';
import type { Instant } from '@canh/core/time/instant';
import { clockTextWithSeconds, dateText, localTimeIn } from '@canh/core/time/local-time';
import { CommonSettings } from '@canh/runtime/common.settings';
import { readSettings } from '@canh/runtime/settings';
import { systemClock } from '@canh/runtime/system-clock';
import { LocalTime, parseTime } from '@canh/simulators/recorded/local-time';

/** Of every command that asks about a span of receiving. */
export interface SpanOptions {
  readonly from?: string;
  readonly to?: string;
}

export const withSpan = (command: Command): Command =>
  command
    .option('--from <time>', '2026-11-22 or "2026-11-22 02:00", in CANH_TIMEZONE, or so long ago: 90m, 24h, 7d')
    .option('--to <time>', 'likewise; up to there, and not with it');

/** The span that was asked for; what was left out stays out. Throws CanhError `BAD_TIME` or `BAD_SPAN`. */
export function spanOf({ from, to }: SpanOptions): { from?: Instant; to?: Instant } {
  const span = {
    ...(from === undefined ? {} : { from: momentOf(from, '--from') }),
    ...(to === undefined ? {} : { to: momentOf(to, '--to') }),
  };
  if (span.from !== undefined && span.to !== undefined && span.from >= span.to)
    throw new CanhError('BAD_SPAN', `--from ${from} is not before --to ${to}.`);
  return span;
}

function momentOf(text: string, option: string): Instant {
  if (isDuration(text)) return systemClock.now() - durationMs(text);
  const at = parseTime(text, new LocalTime(readSettings(CommonSettings).timezone));
  if (at === null)
    throw new CanhError(
      'BAD_TIME',
      `${option} ${text} is not a time. Write 2026-11-22, "2026-11-22 02:00", or how long ago: 90m, 24h, 7d.`,
    );
  return at;
}

/** `22/11/2026 02:05:09`, in CANH_TIMEZONE. */
export function momentText(timezone: string): (at: Instant) => string {
  const local = localTimeIn(timezone);
  return (at) => `${dateText(local(at))} ${clockTextWithSeconds(local(at))}`;
}
