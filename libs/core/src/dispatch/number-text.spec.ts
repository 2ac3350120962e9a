import { describe, expect, it } from 'vitest';
import { decimalsOf, numberText, quantityText } from './number-text.js';

describe('numbers as people read them', () => {
  it.each([
    [6.12, 2, '6,12', '6.12'],
    [1234.5, 2, '1.234,50', '1,234.50'],
    [1234567, 0, '1.234.567', '1,234,567'],
    [-0.36, 2, '−0,36', '−0.36'],
    [-0.001, 2, '0,00', '0.00'],
    [-0, 0, '0', '0'],
    [999.999, 2, '1.000,00', '1,000.00'],
    [0.1 + 0.2, 12, '0,300000', '0.300000'],
  ])('%d with %d decimals', (value, decimals, vi, en) => {
    expect(numberText(value, decimals, 'vi')).toBe(vi);
    expect(numberText(value, decimals, 'en')).toBe(en);
  });

  it('counts the digits that a limit was written with', () => {
    expect([6, 5.5, 0.05, 1e-7, 150].map(decimalsOf)).toEqual([0, 1, 2, 6, 0]);
  });

  it.each([
    ['152,3', 'ug/m3', '152,3 µg/m³', '152,3 µg/m³'],
    ['95,7', '%', '95,7%', '95,7%'],
    ['270', 'deg', '270°', '270°'],
    ['31,0', 'Cel', '31,0 °C', '31,0 °C'],
    ['7,2', '[pH]', '7,2', '7,2'],
    ['12', '{NTU}', '12 NTU', '12 NTU'],
    ['180', '{vehicle}', '180 xe', '180 vehicles'],
    ['−87', 'dB{mW}', '−87 dBm', '−87 dBm'],
    ['4', 'm\r\nBcc: x', '4 m Bcc: x', '4 m Bcc: x'],
    ['5', '', '5', '5'],
  ])('%s of %j', (number, unit, vi, en) => {
    expect(quantityText(number, unit, 'vi')).toBe(vi);
    expect(quantityText(number, unit, 'en')).toBe(en);
  });
});
