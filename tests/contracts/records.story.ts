import type { Area, Device, Station } from '@canh/core/stations/station';
import type { Severity } from '@canh/core/rules/rule';
import type { Evidence, Transition } from '@canh/core/rules/transition';
import type { Instant } from '@canh/core/time/instant';
import { MINUTE_MS } from '@canh/core/time/instant';

/** 5 November 2023, 02:00 in Quảng Trị. */
export const NIGHT: Instant = Date.UTC(2023, 10, 4, 19);

export const quangTri: Area = {
  id: 'quang-tri',
  names: { vi: 'Quảng Trị', en: 'Quang Tri' },
  parentId: null,
  validFrom: null,
  validTo: null,
};

export const thachHan: Station = {
  id: 'thach-han',
  names: { vi: 'Thạch Hãn', en: 'Thach Han' },
  areaId: 'quang-tri',
  ownerUnit: 'Đài Khí tượng Thủy văn',
  position: { latitude: 16.7517, longitude: 107.1907 },
  profileId: 'river-gauge',
  limits: [
    {
      name: 'alarm_3',
      metric: 'level_m',
      value: 6,
      validFrom: Date.UTC(2020, 2, 20),
      validTo: null,
      document: '05/2020/QĐ-TTg',
    },
    {
      name: 'alarm_3',
      metric: 'level_m',
      value: 5.5,
      validFrom: null,
      validTo: Date.UTC(2020, 2, 20),
      document: '632/QĐ-TTg',
    },
    { name: 'alarm_1', metric: 'level_m', value: 2.5, validFrom: null, validTo: null, document: '05/2020/QĐ-TTg' },
  ],
};

export const logger: Device = {
  id: 'logger-7',
  name: 'Thạch Hãn logger',
  stationId: 'thach-han',
  profileId: 'river-gauge',
  gatewayId: null,
};

const evidence = (at: Instant, value: number): Evidence => ({
  deviceId: 'logger-7',
  metric: 'level_m',
  value,
  measuredAt: at,
  receivedAt: at + 1_500,
  limit: 6,
  limitName: 'alarm_3',
  document: '05/2020/QĐ-TTg',
});

const from = (stationId: string, at: Instant, value: number) =>
  ({ ruleId: 'river-level', ruleVersion: 1, stationId, at, evidence: evidence(at, value) }) as const;

export const raised = (stationId: string, at: Instant, severity: Severity = 'warning'): Transition => ({
  ...from(stationId, at, 6.1),
  kind: 'raised',
  severity,
  since: at - 10 * MINUTE_MS,
});
export const changed = (stationId: string, at: Instant, previous: Severity, severity: Severity): Transition => ({
  ...from(stationId, at, 6.4),
  kind: 'severity-changed',
  previous,
  severity,
});
export const returned = (stationId: string, at: Instant, previous: Severity = 'warning'): Transition => ({
  ...from(stationId, at, 5.7),
  kind: 'returned',
  previous,
});

const STORY_STATIONS = ['thach-han', 'gia-vong', 'dong-ha'];
const LENGTH_OF_ONE_FLOOD = 4;

/** The `index`-th word of a rule in a season in which three rivers flood again and again. The same index always says the same. */
export function wordOfTheRule(index: number): Transition {
  const stationId = STORY_STATIONS[index % STORY_STATIONS.length] ?? '';
  const at = NIGHT + index * MINUTE_MS;
  switch (Math.floor(index / STORY_STATIONS.length) % LENGTH_OF_ONE_FLOOD) {
    case 0:
      return raised(stationId, at);
    case 1:
      return changed(stationId, at, 'warning', 'critical');
    case 2:
      return changed(stationId, at, 'critical', 'major');
    default:
      return returned(stationId, at, 'major');
  }
}
