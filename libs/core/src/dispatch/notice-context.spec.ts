import { describe, expect, it } from 'vitest';
import type { Alert } from '../alerts/alert.js';
import type { Catalogue } from '../rules/catalogue.js';
import type { Inventory } from '../stations/registry.js';
import type { Limit } from '../stations/limit.js';
import { noticeContext } from './notice-context.js';

const SINCE_2020 = Date.UTC(2020, 2, 19, 17);
const bd3 = (value: number, validFrom: number | null, validTo: number | null): Limit => ({
  name: 'alarm_3',
  metric: 'level_m',
  value,
  validFrom,
  validTo,
  document: 'QĐ',
});

const inventory: Inventory = {
  areas: [
    {
      id: 'quang-tri',
      names: { vi: 'tỉnh Quảng Trị', en: 'Quảng Trị province' },
      parentId: null,
      validFrom: null,
      validTo: null,
    },
    {
      id: 'ward',
      names: { vi: 'phường Quảng Trị', en: 'Quảng Trị ward' },
      parentId: 'quang-tri',
      validFrom: null,
      validTo: null,
    },
  ],
  stations: [
    {
      id: 'thach-han',
      names: { vi: 'Thạch Hãn', en: 'Thạch Hãn' },
      areaId: 'ward',
      ownerUnit: 'Đài KTTV',
      position: { latitude: 16.75, longitude: 107.18 },
      profileId: 'river-gauge',
      limits: [bd3(5.5, null, SINCE_2020), bd3(6, SINCE_2020, null)],
    },
  ],
  devices: [],
};

const level = {
  name: 'level_m',
  names: { vi: 'Mực nước', en: 'Water level' },
  unit: 'm',
  plausible: { min: -5, max: 40 },
  decimals: 2,
};
const text = { vi: 'x', en: 'x' };
const catalogue: Catalogue = {
  profiles: new Map([
    ['river-gauge', { id: 'river-gauge', kind: 'water', names: text, intervalMs: 600_000, metrics: [level] }],
  ]),
  rules: [
    {
      kind: 'threshold',
      id: 'flood',
      version: 1,
      names: { vi: 'Lũ', en: 'Flood' },
      profileIds: ['river-gauge'],
      metric: 'level_m',
      direction: 'above',
      levels: [],
      guidance: { cause: text, consequence: text, response: text },
    },
  ],
};

const alert = (changes: Partial<Alert>, measuredAt: number): Alert =>
  ({
    id: 'flood.thach-han.a b',
    ruleId: 'flood',
    stationId: 'thach-han',
    evidence: { metric: 'level_m', deviceId: 'd', measuredAt },
    ...changes,
  }) as Alert;

describe('what a message says beside the alert', () => {
  it('finds the names of station, areas, rule and metric, and the page', () => {
    const context = noticeContext(alert({}, SINCE_2020), inventory, catalogue, 'https://canh.example.vn/');
    expect(context.stationNames.vi).toBe('Thạch Hãn');
    expect(context.areaNames.vi).toBe('phường Quảng Trị, tỉnh Quảng Trị');
    expect(context.ruleNames.en).toBe('Flood');
    expect([context.metricNames.vi, context.unit, context.decimals]).toEqual(['Mực nước', 'm', 2]);
    expect(context.url).toBe('https://canh.example.vn/alerts/flood.thach-han.a%20b');
  });

  it('takes the limit that was in force when the water stood there', () => {
    const at = (measuredAt: number) =>
      noticeContext(alert({}, measuredAt), inventory, catalogue, null).limits.map(({ value }) => value);
    expect(at(SINCE_2020 - 1)).toEqual([5.5]);
    expect(at(SINCE_2020)).toEqual([6]);
  });

  it('calls by its id what was removed meanwhile', () => {
    const context = noticeContext(alert({ stationId: 'gone', ruleId: 'old' }, 0), inventory, catalogue, null);
    expect([context.stationNames.vi, context.areaNames.vi, context.ruleNames.vi, context.metricNames.vi]).toEqual([
      'gone',
      '',
      'old',
      'level_m',
    ]);
    expect(context.url).toBeNull();
  });

  it('ends at areas that belong to each other in a circle', () => {
    const circle = inventory.areas.map((area) => ({ ...area, parentId: area.id === 'ward' ? 'quang-tri' : 'ward' }));
    expect(noticeContext(alert({}, 0), { ...inventory, areas: circle }, catalogue, null).areaNames.en).toBe(
      'Quảng Trị ward, Quảng Trị province',
    );
  });
});
