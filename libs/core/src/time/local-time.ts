import { CanhError } from '../canh-error.js';
import type { Instant } from './instant.js';

/** A moment as a clock on a wall of that time zone shows it. */
export interface LocalTime {
  readonly year: number;
  /** 1…12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** Reads moments in a time zone given by its IANA name. Throws CanhError `BAD_TIME_ZONE` where there is no such zone. */
export function localTimeIn(timeZone: string): (at: Instant) => LocalTime {
  const format = formatIn(timeZone);
  return (at) => {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? Number.NaN;
    return {
      year: part('year'),
      month: part('month'),
      day: part('day'),
      hour: part('hour'),
      minute: part('minute'),
      second: part('second'),
    };
  };
}

function formatIn(timeZone: string): Intl.DateTimeFormat {
  try {
    // Every option by name: short styles give two-digit years, and some locales another calendar or other digits.
    return new Intl.DateTimeFormat('en-GB', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
  } catch (cause) {
    throw new CanhError(
      'BAD_TIME_ZONE',
      `No time zone is called '${timeZone}'. Give an IANA name such as Asia/Ho_Chi_Minh.`,
      { cause },
    );
  }
}

const two = (amount: number): string => String(amount).padStart(2, '0');

/** `22/11/2026`: the day first, as both languages of the house write it. */
export function dateText({ year, month, day }: LocalTime): string {
  return `${two(day)}/${two(month)}/${year}`;
}

/** `02:05`. */
export function clockText({ hour, minute }: LocalTime): string {
  return `${two(hour)}:${two(minute)}`;
}

/** `02:05:09`. */
export function clockTextWithSeconds(time: LocalTime): string {
  return `${clockText(time)}:${two(time.second)}`;
}
