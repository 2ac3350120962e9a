import type { BucketView, LimitView } from '@canh/contract/views.dto';
import { describe, expect, it } from 'vitest';
import { limitLines, plotData, spreadLabels, stretches, valueRange } from './plot-data.js';

const MINUTE = 60_000;
const bucket = (minutes: number, mean: number, flag = 1): BucketView => ({
  at: minutes * MINUTE,
  min: mean - 0.1,
  max: mean + 0.1,
  mean,
  count: 1,
  flag,
});

describe('plotData', () => {
  it('breaks the line where nothing was measured, and only there', () => {
    const [seconds, , , mean] = plotData(
      [bucket(0, 1), bucket(10, 2), bucket(20, 3), bucket(60, 4)],
      MINUTE,
      10 * MINUTE,
    );
    expect(mean).toEqual([1, 2, 3, null, 4]);
    expect(seconds).toEqual([0, 600, 1_200, 1_260, 3_600]);
  });

  it('marks what is suspect or failed, not what was never evaluated', () => {
    const columns = plotData([bucket(0, 1), bucket(1, 2, 2), bucket(2, 3, 3), bucket(3, 4, 4)], MINUTE, MINUTE);
    expect(columns[4]).toEqual([null, null, 3, 4]);
  });
});

describe('limitLines', () => {
  const limit = (value: number, validFrom: number | null, validTo: number | null): LimitView => ({
    name: 'alarm_3',
    metric: 'level_m',
    value,
    validFrom,
    validTo,
    document: '',
  });

  it('draws each limit for as long as it was in force', () => {
    const lines = limitLines(
      [limit(5.5, null, 50), limit(6, 50, null), limit(9, 200, null)],
      { from: 0, to: 100 },
      () => 'BĐ3',
    );
    expect(lines).toEqual([
      { label: 'BĐ3', value: 5.5, from: 0, to: 50 },
      { label: 'BĐ3', value: 6, from: 50, to: 100 },
    ]);
  });
});

describe('stretches', () => {
  const alert = { alertId: 'a', severity: 'critical' as const, since: 10, from: 20, to: 60 };
  const steps = [
    { at: 20, severity: 'warning' as const },
    { at: 40, severity: 'critical' as const },
  ];

  it('shows the hold before an alert, and each severity for as long as it had it', () => {
    expect(stretches([{ ...alert, steps }], { from: 0, to: 100 })).toEqual([
      { kind: 'hold', severity: 'warning', from: 10, to: 20 },
      { kind: 'firing', severity: 'warning', from: 20, to: 40 },
      { kind: 'firing', severity: 'critical', from: 40, to: 60 },
    ]);
  });

  it('ends where the picture ends, for what still fires, and leaves out what lies before it', () => {
    expect(stretches([{ ...alert, to: null, steps }], { from: 30, to: 100 })).toEqual([
      { kind: 'firing', severity: 'warning', from: 30, to: 40 },
      { kind: 'firing', severity: 'critical', from: 40, to: 100 },
    ]);
  });
});

describe('valueRange', () => {
  it('has room for a flat line, and does not go under zero for what never did', () => {
    expect(valueRange([0.01, 0.01], 2)).toEqual([0, 0.03]);
    const [low, high] = valueRange([-1, null, 9], 1) ?? [];
    expect(low).toBeCloseTo(-1.8);
    expect(high).toBeCloseTo(9.8);
  });

  it('is nothing for nothing', () => {
    expect(valueRange([null], 1)).toBeNull();
  });
});

describe('spreadLabels', () => {
  it('moves labels apart that would overlap, in their order, and keeps them inside', () => {
    expect(spreadLabels([50, 52, 10], 15, 100)).toEqual([50, 65, 10]);
    expect(spreadLabels([98, 99], 15, 100)).toEqual([85, 100]);
  });
});
