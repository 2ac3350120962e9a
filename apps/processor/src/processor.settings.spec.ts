import { readSettings } from '@canh/runtime/settings';
import { describe, expect, it } from 'vitest';
import { ProcessorSettings } from './processor.settings.js';

const raw = (CANH_SERIES_RAW_DAYS: string, more: Record<string, string> = {}): number =>
  readSettings(ProcessorSettings, { CANH_SERIES_RAW_DAYS, ...more }).seriesRawDays;

describe('the days that readings stay in the embedded store', () => {
  it.each([
    ['1', {}],
    ['7', {}],
    ['400', { CANH_READING_MAX_AGE_DAYS: '400' }],
  ])('are not %s where what was measured before that is accepted: %j', (days, more) => {
    expect(() => raw(days, more)).toThrow(
      expect.objectContaining({
        code: 'BAD_SETTING',
        message: expect.stringMatching(/^Wrong setting CANH_SERIES_RAW_DAYS='\d+': .*CANH_READING_MAX_AGE_DAYS=\d+/),
      }),
    );
  });

  it('may be one more than what is accepted', () => {
    expect(raw('8')).toBe(8);
    expect(raw('2', { CANH_READING_MAX_AGE_DAYS: '1' })).toBe(2);
    expect(readSettings(ProcessorSettings, {}).seriesRawDays).toBe(400);
  });

  it('do not matter to another store', () => {
    expect(raw('1', { CANH_INFLUX_URL: 'http://localhost:8086' })).toBe(1);
  });
});
