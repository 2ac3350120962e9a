import type { Alert } from '@canh/core/alerts/alert';
import type { NamedIncident, NoticeContext } from '@canh/core/dispatch/channel';
import { incidentsOf } from '@canh/core/dispatch/incident';
import type { Contact, DigestDelivery, Notice, SingleDelivery } from '@canh/core/dispatch/notice';
import type { Limit } from '@canh/core/stations/limit';

/** 02:05 on 22/11/2026 in Quảng Trị. */
export const NIGHT = Date.UTC(2026, 10, 21, 19, 5);
export const HANOI = 'Asia/Ho_Chi_Minh';

export const nightClock = { now: () => NIGHT + 5_000 };

const alarm = (level: number, value: number): Limit => ({
  name: `alarm_${level}`,
  metric: 'level_m',
  value,
  validFrom: null,
  validTo: null,
  document: 'QĐ 05/2020/QĐ-TTg',
});

/** The Thạch Hãn in a flood night. */
export const river: NoticeContext = {
  stationNames: { vi: 'Thạch Hãn', en: 'Thạch Hãn' },
  areaNames: { vi: 'phường Quảng Trị, tỉnh Quảng Trị', en: 'Quảng Trị ward, Quảng Trị province' },
  ruleNames: { vi: 'Lũ trên sông theo mức báo động', en: 'River flood by alarm level' },
  metricNames: { vi: 'Mực nước', en: 'Water level' },
  unit: 'm',
  decimals: 2,
  limits: [alarm(1, 3), alarm(2, 4.5), alarm(3, 6)],
  guidance: {
    cause: {
      vi: 'Mưa lớn ở thượng nguồn hoặc xả lũ hồ chứa.',
      en: 'Heavy rain upstream, or a reservoir releasing water.',
    },
    consequence: {
      vi: 'Ngập vùng trũng ven sông, chia cắt giao thông trong 2 đến 3 giờ tới.',
      en: 'Low ground by the river floods and roads are cut within 2 to 3 hours.',
    },
    response: {
      vi: 'Gọi trực ban phòng thủ dân sự xã.\nĐối chiếu camera cầu Thạch Hãn, rồi xác nhận cảnh báo.',
      en: 'Call the civil defence officer of the commune.\nCompare with the camera at Thạch Hãn bridge, then acknowledge.',
    },
  },
  url: 'https://canh.example.vn/alerts/river-flood.thach-han.mi1abc',
};

export const officer: Contact = {
  id: 'officer',
  name: 'Trực ban',
  channel: 'email',
  address: 'truc.ban@example.vn',
  language: 'vi',
  fromSeverity: 'warning',
};

const alert: Alert = {
  state: 'active',
  id: 'river-flood.thach-han.mi1abc',
  ruleId: 'river-flood',
  ruleVersion: 3,
  stationId: 'thach-han',
  severity: 'critical',
  worst: 'critical',
  since: NIGHT - 10 * 60_000,
  raisedAt: NIGHT,
  evidence: {
    deviceId: 'gauge-1',
    metric: 'level_m',
    value: 6.12,
    measuredAt: NIGHT,
    receivedAt: NIGHT + 3_000,
    limit: 6,
    limitName: 'alarm_3',
    document: 'QĐ 05/2020/QĐ-TTg',
  },
  version: 1,
};

/** A delivery of the flood to a contact. */
export function delivery(
  changes: {
    id?: string;
    contact?: Partial<Contact>;
    alert?: Partial<Alert>;
    event?: Notice['event'];
  } = {},
): SingleDelivery {
  return {
    kind: 'single',
    id: changes.id ?? 'dGhlLWZpcnN0',
    notice: {
      id: 'notice-1',
      event: changes.event ?? 'raised',
      createdAt: NIGHT + 3_100,
      alert: { ...alert, ...changes.alert } as Alert,
    },
    contact: { ...officer, ...changes.contact },
    attempts: 0,
  };
}

/** A digest of as many floods, each at a station of its own, that came and went. */
export function digest(floods: number, contact: Partial<Contact> = {}): DigestDelivery {
  const notices = Array.from({ length: floods }, (_, n) => {
    const of = { alert: { id: `river-flood.tram-${n}.x`, stationId: `tram-${n}` } };
    return [delivery(of).notice, delivery({ ...of, event: 'returned' }).notice];
  });
  return {
    kind: 'digest',
    id: 'ZGlnZXN0',
    closedAt: NIGHT + 60_000,
    notices: notices.flat(),
    contact: { ...officer, ...contact },
    attempts: 0,
  };
}

/** Its incidents, each with the names of the river and a page of its own. */
export const named = ({ notices }: DigestDelivery): NamedIncident[] =>
  incidentsOf(notices).map((incident) => ({
    incident,
    context: { ...river, url: `https://canh.example.vn/alerts/${incident.latest.alert.id}` },
  }));
