import type { AccountedStretch, LedgerLine } from '@canh/core/series/ledger';
import { Tally } from '@canh/core/series/tally';
import type { Area, Device, Station } from '@canh/core/stations/station';
import type { Severity } from '@canh/core/rules/rule';
import type { Evidence, Transition } from '@canh/core/rules/transition';
import type { Instant } from '@canh/core/time/instant';
import { HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';

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

const STRETCH_BYTES = 160;
const STRETCHES_AN_HOUR = 10;
export const STRETCHES_SETTLED_AT_ONCE = 2;

/** The `n`-th stretch of a journal with what becomes of it: a logger sends, another device sends what cannot be read. */
export function stretchOf(n: number): AccountedStretch {
  const hour = NIGHT + Math.floor(n / STRETCHES_AN_HOUR) * HOUR_MS;
  const tally = new Tally();
  tally.readings('logger-7', hour, 3, 1);
  tally.message('logger-7', hour);
  tally.wasDuplicate('logger-7', hour, false);
  tally.missing('logger-7', hour, 2);
  if (n > 0) tally.missing('logger-7', NIGHT, -1);
  tally.message(`logger-${n % 3}`, hour);
  tally.fault(`logger-${n % 3}`, hour, n % 2 === 0 ? 'not-json' : 'bad-time');
  return { from: n * STRETCH_BYTES, next: (n + 1) * STRETCH_BYTES, lines: [...tally.lines()] };
}

/** The books after the first `count` stretches, as a desk shows them. */
export function linesUpTo(count: number): LedgerLine[] {
  const tally = new Tally();
  for (let n = 0; n < count; n += 1) tally.add(stretchOf(n).lines);
  return [...tally.lines()].toSorted(
    (one, other) => other.hour - one.hour || one.deviceId.localeCompare(other.deviceId),
  );
}

/** What was counted last after the `n`-th stretch. */
export const countsOf = (n: number) => [{ deviceId: 'logger-7', state: { last: n, gaps: [] } }];
