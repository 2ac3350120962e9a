import type { Language } from '../stations/local-text.js';

const MARKS = { vi: { thousands: '.', decimal: ',' }, en: { thousands: ',', decimal: '.' } } as const;

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
  const [, fraction = ''] = String(value).split('.');
  return /^\d*$/.test(fraction) ? Math.min(fraction.length, MOST_DECIMALS) : MOST_DECIMALS;
}

/** `value` in whole steps of its last shown digit, so that a difference on a page equals the difference of what the page shows. */
export function steps(value: number, decimals: number): number {
  return Math.round(Number(value.toFixed(decimals)) * 10 ** decimals);
}

const SHOWN: Readonly<Record<string, string>> = {
  'ug/m3': 'µg/m³',
  'mg/m3': 'mg/m³',
  m3: 'm³',
  'm3/s': 'm³/s',
  'uS/cm': 'µS/cm',
  Cel: '°C',
  deg: '°',
  '[pH]': '',
  '1': '',
  'W/m2': 'W/m²',
  '[NTU]': 'NTU',
  '{NTU}': 'NTU',
  'dB(A)': 'dBA',
  'dB[A]': 'dBA',
};

/** A UCUM code as people write the unit: `ug/m3` → `µg/m³`; without an entry the code itself, its annotations without braces. */
export function unitText(code: string): string {
  return SHOWN[code] ?? code.replaceAll(/[{}[\]]/g, '');
}
