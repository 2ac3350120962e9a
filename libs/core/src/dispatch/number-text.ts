import type { Language, LocalText } from '../stations/local-text.js';
import { oneLine } from './clean-text.js';

const MARKS = { vi: { thousands: '.', decimal: ',' }, en: { thousands: ',', decimal: '.' } } as const;

const LONGEST_UNIT = 30;

/** More digits than any sensor has; past them a double has none to give. */
const MOST_DECIMALS = 6;

/** `1234.5` with two decimals → `1.234,50` in Vietnamese, `1,234.50` in English; a true minus sign, and never "−0". */
export function numberText(value: number, decimals: number, language: Language): string {
  const [whole = '', fraction] = Math.abs(value).toFixed(Math.min(decimals, MOST_DECIMALS)).split('.');
  const { thousands, decimal } = MARKS[language];
  const digits = whole.replace(/\B(?=(\d{3})+$)/g, thousands) + (fraction === undefined ? '' : decimal + fraction);
  return value < 0 && /[1-9]/.test(digits) ? `−${digits}` : digits;
}

/** How many digits after the mark `value` was written with: 5.5 → 1, 6 → 0. */
export function decimalsOf(value: number): number {
  let decimals = 0;
  while (decimals < MOST_DECIMALS && Number(value.toFixed(decimals)) !== value) decimals += 1;
  return decimals;
}

/** `value` in whole steps of its last shown digit, so that a difference on a page equals the difference of what the page shows. */
export function steps(value: number, decimals: number): number {
  return Math.round(Number(value.toFixed(decimals)) * 10 ** decimals);
}

/** What UCUM writes otherwise than people do; where the two languages differ, both. */
const SHOWN: Readonly<Record<string, string | LocalText>> = {
  'ug/m3': 'µg/m³',
  'mg/m3': 'mg/m³',
  m3: 'm³',
  'm3/s': 'm³/s',
  'uS/cm': 'µS/cm',
  'W/m2': 'W/m²',
  Cel: '°C',
  deg: '°',
  min: { vi: 'phút', en: 'min' },
  s: { vi: 'giây', en: 's' },
  '[pH]': '',
  '1': '',
  'dB{mW}': 'dBm',
  'dB(A)': 'dBA',
  'dB[A]': 'dBA',
  '{vehicle}': { vi: 'xe', en: 'vehicles' },
  '{vehicle}/h': { vi: 'xe/giờ', en: 'vehicles/h' },
};

/** Signs that stand right behind their number. */
const CLOSE: readonly string[] = ['%', '°'];

/** A number with its unit, which is a UCUM code: `152,3` and `ug/m3` → `152,3 µg/m³`; `95,7` and `%` → `95,7%`. */
export function quantityText(number: string, unit: string, language: Language): string {
  const shown = SHOWN[unit] ?? unit.replaceAll(/[{}[\]]/g, '');
  const text = oneLine(typeof shown === 'string' ? shown : shown[language], LONGEST_UNIT);
  return CLOSE.includes(text) ? number + text : `${number} ${text}`.trimEnd();
}
