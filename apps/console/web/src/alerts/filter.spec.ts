import { describe, expect, it } from 'vitest';
import { sampleAlert } from '../live/samples.js';
import { countAlerts, passes, unseenCritical } from './filter.js';

const alerts = [
  sampleAlert({ id: 'a', severity: 'critical' }),
  sampleAlert({ id: 'b', severity: 'critical', state: 'acknowledged' }),
  sampleAlert({ id: 'c', severity: 'warning', state: 'returned' }),
];

describe('filters and counts of alerts', () => {
  it('counts by severity, and what nobody acknowledged whether it goes on or not', () => {
    expect(countAlerts(alerts)).toEqual({ critical: 2, major: 0, warning: 1, unacknowledged: 2 });
  });

  it('shows what both filters let pass', () => {
    const shown = alerts.filter((alert) => passes(alert, { severity: 'critical', unacknowledged: true }));
    expect(shown.map(({ id }) => id)).toEqual(['a']);
  });

  it('never lets a filter or a held list hide a critical alert that nobody acknowledged', () => {
    expect(unseenCritical(alerts, new Set(['c'])).map(({ id }) => id)).toEqual(['a']);
    expect(unseenCritical(alerts, new Set(['a']))).toEqual([]);
  });
});
