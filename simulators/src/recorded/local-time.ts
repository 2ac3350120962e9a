import { CanhError } from '@canh/core/canh-error';
import { HOUR_MS, type Instant } from '@canh/core/time/instant';

/** Time zones by IANA name, e.g. Asia/Ho_Chi_Minh. Files write local times without one; this turns them into moments. */
export class LocalTime {
  private readonly parts: Intl.DateTimeFormat;
  /** Offset of the latest local hour asked for: files run in order, so one is enough. */
  private lastHour = Number.NaN;
  private lastOffset = 0;

  constructor(readonly timezone: string) {
    try {
      this.parts = new Intl.DateTimeFormat('en-US', {
        timeZone: timezone,
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      });
    } catch (cause) {
      throw new CanhError(
        'BAD_TIMEZONE',
        `'${timezone}' is not a time zone. Write an IANA name such as Asia/Ho_Chi_Minh.`,
        { cause },
      );
    }
  }

  /**
   * The moment at which clocks there show `local` (a local time as if it were UTC, in ms). Of an hour that clocks show twice it is the
   * first one; an hour that they skip counts on from the hour before.
   */
  instant(local: number): Instant {
    const hour = Math.floor(local / HOUR_MS);
    if (hour !== this.lastHour) {
      // The earlier of two possible moments has the larger offset, which is the one in force some hours before.
      const before = this.offset(local - 24 * HOUR_MS);
      const after = this.offset(local + 24 * HOUR_MS);
      this.lastOffset =
        this.offset(local - before) === before ? before : this.offset(local - after) === after ? after : before;
      this.lastHour = before === after ? hour : Number.NaN;
    }
    return local - this.lastOffset;
  }

  private offset(at: Instant): number {
    const shown: Record<string, number> = {};
    for (const { type, value } of this.parts.formatToParts(at)) shown[type] = Number(value);
    const { year, month, day, hour, minute, second } = shown as Record<
      'year' | 'month' | 'day' | 'hour' | 'minute' | 'second',
      number
    >;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
  }
}

const PATTERN =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/;

/** A local time of those parts as if it were UTC, or null when there is no such day or hour. 24:00 is the end of its day. */
export function localMs(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute = 0,
  second = 0,
  ms = 0,
): number | null {
  const at = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  const date = new Date(Date.UTC(year, month - 1, day));
  const exists = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  const inDay = hour < 24 ? minute < 60 && second < 60 : hour === 24 && minute === 0 && second === 0 && ms === 0;
  return exists && inDay ? at : null;
}

/** Reads `2015-09-01 13:45[:00[.000]]`, the same with `T`, with `Z` or an offset; without one it is local. Null: not a time. */
export function parseTime(text: string, zone: LocalTime): Instant | null {
  const [, year, month, day, hour, minute, second, fraction, offset] = PATTERN.exec(text.trim()) ?? [];
  if (year === undefined) return null;
  const ms = fraction === undefined ? 0 : Math.floor(Number(`0.${fraction}`) * 1000 + 1e-9);
  const local = localMs(
    Number(year),
    Number(month),
    Number(day),
    Number(hour ?? 0),
    Number(minute ?? 0),
    Number(second ?? 0),
    ms,
  );
  if (local === null) return null;
  if (offset === undefined) return zone.instant(local);
  if (offset === 'Z') return local;
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(offset) ?? [];
  return local - (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
