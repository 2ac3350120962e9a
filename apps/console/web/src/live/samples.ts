import type { AlertView, EvidenceView, LatestValueView } from '@canh/contract/views.dto';

/** Alerts and values for the tests beside the code. */
export function sampleAlert(of: Partial<AlertView> & Pick<AlertView, 'id'>): AlertView {
  return {
    version: 1,
    state: 'active',
    severity: 'major',
    worst: 'major',
    ruleId: 'river-level',
    ruleVersion: 1,
    ruleNames: { vi: 'Mực nước sông đạt mức báo động', en: 'River at alarm level' },
    stationId: 'thach-han',
    stationNames: { vi: 'Thạch Hãn tại Thạch Hãn', en: 'Thạch Hãn at Thạch Hãn' },
    areaNames: { vi: 'Phường Quảng Trị, Tỉnh Quảng Trị', en: 'Quảng Trị ward, Quảng Trị province' },
    since: 1_000,
    raisedAt: 1_000,
    returnedAt: null,
    acknowledgedAt: null,
    acknowledgedBy: null,
    evidence: sampleEvidence({}),
    unit: 'm',
    decimals: 2,
    ...of,
  };
}

export const sampleValue = (of: Partial<LatestValueView>): LatestValueView => ({
  metric: 'level_m',
  value: 2,
  flag: 1,
  measuredAt: 1_000,
  receivedAt: 1_100,
  ...of,
});

export const sampleEvidence = (of: Partial<EvidenceView>): EvidenceView => ({
  deviceId: 'thach-han',
  metric: 'level_m',
  value: 6.12,
  measuredAt: 1_000,
  receivedAt: 1_200,
  limit: 6,
  limitName: 'alarm_3',
  document: 'QĐ 05/2020/QĐ-TTg',
  ...of,
});
