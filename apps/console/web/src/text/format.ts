import type { LocalTextView } from '@canh/contract/views.dto';
import type { Words } from './vi.js';

export type Language = 'vi' | 'en';

/** How numbers and times are written for this person: every one on the page passes here. */
export interface Format {
  readonly language: Language;
  readonly timezone: string;
  number(value: number, decimals: number): string;
  /** With the unit as people write it; the space does not break. */
  quantity(value: number, decimals: number, ucum: string): string;
  integer(value: number): string;
  /** `02:05` */
  time(at: number): string;
  /** `02:05:09` */
  clock(at: number): string;
  /** `22/11/2026` */
  date(at: number): string;
  /** `22/11` */
  day(at: number): string;
  /** `02:05` on the same day as `now`, otherwise `02:05 22/11/2026`. */
  moment(at: number, now: number): string;
  /** `12 phút`, `3 giờ 05`; what has not come yet is 0 seconds old. */
  age(ms: number): string;
  /** `12 kB` */
  bytes(count: number): string;
  text(of: LocalTextView): string;
  /** The smallest area of a chain such as “Xã Triệu Phong, tỉnh Quảng Trị”: the rest is the same for everybody in the province. */
  place(of: LocalTextView): string;
}

const locale: Record<Language, string> = { vi: 'vi-VN', en: 'en-GB' };

// The typographic minus is as wide as the digits and cannot be taken for a hyphen.
const withMinus = (text: string): string => text.replaceAll('-', '\u2212');

const nbsp = '\u00a0';

const unitWords: Record<string, string> = {
  '': '',
  '1': '',
  Cel: '°C',
  '[pH]': '',
  pH: '',
  deg: '°',
  'ug/m3': 'µg/m³',
  'mg/m3': 'mg/m³',
  'm3/s': 'm³/s',
  'uS/cm': 'µS/cm',
  'mS/cm': 'mS/cm',
  '[NTU]': 'NTU',
  '{NTU}': 'NTU',
  'km/h': 'km/h',
  'mm/h': 'mm/h',
  'W/m2': 'W/m²',
  '[ppb]': 'ppb',
  '[ppm]': 'ppm',
  'dB[A]': 'dBA',
  'dB{mW}': 'dBm',
};

/** A UCUM code as people write it: `ug/m3` is µg/m³, an annotation such as `{veh}/h` loses its braces. */
export function unitWord(ucum: string, words: Words['units']): string {
  return words[ucum] ?? unitWords[ucum] ?? ucum.replace(/[{}[\]]/g, '');
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

export function ageWords(ms: number, words: Words['age']): string {
  const past = Math.max(0, ms);
  if (past < minuteMs) return words.seconds(Math.floor(past / 1_000));
  if (past < hourMs) return words.minutes(Math.floor(past / minuteMs));
  if (past < 2 * dayMs)
    return words.hours(Math.floor(past / hourMs), String(Math.floor((past % hourMs) / minuteMs)).padStart(2, '0'));
  return words.days(Math.floor(past / dayMs));
}

export function makeFormat(language: Language, timezone: string, words: Words): Format {
  const numberOf = new Map<number, Intl.NumberFormat>();
  const parts = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
    new Intl.DateTimeFormat(locale.en, { ...options, timeZone: timezone, hourCycle: 'h23' });
  const time = parts({ hour: '2-digit', minute: '2-digit' });
  const clock = parts({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const date = parts({ day: '2-digit', month: '2-digit', year: 'numeric' });
  const day = parts({ day: '2-digit', month: '2-digit' });

  const format: Format = {
    language,
    timezone,
    number(value, decimals) {
      let made = numberOf.get(decimals);
      if (made === undefined) {
        made = new Intl.NumberFormat(locale[language], {
          minimumFractionDigits: decimals,
          maximumFractionDigits: decimals,
        });
        numberOf.set(decimals, made);
      }
      // Rounding −0.001 gives −0, which would read as "below".
      const shown = Number(value.toFixed(Math.min(decimals, 20))) === 0 ? 0 : value;
      return withMinus(made.format(shown));
    },
    quantity(value, decimals, ucum) {
      const unit = unitWord(ucum, words.units);
      return `${format.number(value, decimals)}${unit === '' ? '' : unit === '°' || unit === '%' ? unit : nbsp + unit}`;
    },
    integer: (value) => format.number(value, 0),
    time: (at) => time.format(at),
    clock: (at) => clock.format(at),
    date: (at) => date.format(at),
    day: (at) => day.format(at),
    moment: (at, now) =>
      date.format(at) === date.format(now) ? time.format(at) : `${time.format(at)}${nbsp}${date.format(at)}`,
    age: (ms) => ageWords(ms, words.age),
    bytes(count) {
      if (count < 1_000) return `${format.number(count, 0)}${nbsp}B`;
      if (count < 1_000_000) return `${format.number(count / 1_000, 0)}${nbsp}kB`;
      return `${format.number(count / 1_000_000, 1)}${nbsp}MB`;
    },
    text: (of) => of[language],
    place: (of) => of[language].split(', ')[0] ?? '',
  };
  return format;
}
