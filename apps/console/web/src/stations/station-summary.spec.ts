import type { MetricView } from '@canh/contract/views.dto';
import { describe, expect, it } from 'vitest';
import { sampleAlert, sampleValue } from '../live/samples.js';
import { metricsToShow, worstAt } from './station-summary.js';

const metric = (name: string): MetricView => ({ name, names: { vi: name, en: name }, unit: 'm', decimals: 1 });
const metrics = ['pm25', 'pm10', 'no2', 'o3'].map(metric);
const allSent = metrics.map(({ name }) => sampleValue({ metric: name }));
const shown = (...args: Parameters<typeof metricsToShow>): string[] => metricsToShow(...args).map(({ name }) => name);

describe('the metrics of a station that its row shows', () => {
  it('begin with what the worst alert is about', () => {
    expect(shown(metrics, allSent, 'o3')).toEqual(['o3', 'pm25']);
    expect(shown(metrics, allSent, 'pm10')).toEqual(['pm10', 'pm25']);
  });

  it('are otherwise the first two that are sent, and any that is not to be trusted', () => {
    const suspect = metrics.map(({ name }) => sampleValue({ metric: name, flag: name === 'no2' ? 3 : 1 }));
    expect(shown(metrics, suspect, null)).toEqual(['pm25', 'pm10', 'no2']);
    expect(shown(metrics, [sampleValue({ metric: 'no2' })], null)).toEqual(['no2']);
    expect(shown(metrics, [], null)).toEqual(['pm25', 'pm10']);
  });
});

describe('the worst alert of a station', () => {
  it('is the most severe that is active, and of two such the one that waits for an answer', () => {
    const open = [
      sampleAlert({ id: 'a', severity: 'warning' }),
      sampleAlert({ id: 'b', severity: 'major', state: 'acknowledged' }),
      sampleAlert({ id: 'c', severity: 'major' }),
      sampleAlert({ id: 'd', severity: 'critical', state: 'returned' }),
      sampleAlert({ id: 'e', severity: 'critical', stationId: 'elsewhere' }),
    ];
    expect(worstAt(open, 'thach-han')?.id).toBe('c');
    expect(worstAt(open, 'nowhere')).toBeNull();
  });
});
