import { describe, expect, it } from 'vitest';
import type { Alert } from '../alerts/alert.js';
import type { NoticeEvent } from '../alerts/lifecycle.js';
import type { Severity } from '../rules/rule.js';
import { MINUTE_MS, type Instant } from '../time/instant.js';
import type { NamedIncident, NoticeContext } from './channel.js';
import { digestText, plainDigest } from './digest-text.js';
import { incidentsOf } from './incident.js';
import type { Notice } from './notice.js';

const HANOI = 'Asia/Ho_Chi_Minh';
/** 23:58 on 21/11/2026 in Quảng Trị. */
const LATE: Instant = Date.UTC(2026, 10, 21, 16, 58);

function notice(station: string, event: NoticeEvent, severity: Severity, at: Instant, version = 1): Notice {
  const alert: Alert = {
    state: 'active',
    id: `flood.${station}.1`,
    ruleId: 'flood',
    ruleVersion: 1,
    stationId: station,
    severity,
    worst: severity,
    since: LATE,
    raisedAt: LATE,
    evidence: {
      deviceId: station,
      metric: 'level_m',
      value: 6.12,
      measuredAt: at,
      receivedAt: at + 3_000,
      limit: 6,
      limitName: 'alarm_3',
      document: null,
    },
    version,
  };
  return { id: `${alert.id}.${version}`, event, createdAt: at + 4_000, alert };
}

const river = (station: string, area = 'Quảng Trị'): NoticeContext => ({
  stationNames: { vi: station, en: station },
  areaNames: { vi: area, en: area },
  ruleNames: { vi: 'Lũ theo mức báo động', en: 'Flood by alarm level' },
  metricNames: { vi: 'Mực nước', en: 'Water level' },
  unit: 'm',
  decimals: 2,
  limits: [],
  guidance: { cause: { vi: '', en: '' }, consequence: { vi: '', en: '' }, response: { vi: '', en: '' } },
  url: `https://canh.example.vn/alerts/flood.${station}.1`,
});

const named = (notices: readonly Notice[], context = river): NamedIncident[] =>
  incidentsOf(notices).map((incident) => ({ incident, context: context(incident.latest.alert.stationId) }));

const STORM = [
  notice('Đông Hà', 'raised', 'warning', LATE),
  notice('Thạch Hãn', 'raised', 'warning', LATE),
  notice('Gia Vòng', 'raised', 'major', LATE),
  notice('Thạch Hãn', 'escalated', 'critical', LATE + 4 * MINUTE_MS, 2),
  notice('Đông Hà', 'returned', 'warning', LATE + 6 * MINUTE_MS, 2),
];

describe('a digest', () => {
  it('names every incident once, the worst first, with rule, value, time, course and link', () => {
    const text = digestText(named(STORM), 'vi', HANOI);
    expect(text.subject).toBe('Tổng hợp 3 cảnh báo: Khẩn cấp 1, Nghiêm trọng 1, Đã hết 1');
    expect(text.tone).toBe('critical');
    expect(plainDigest(text)).toBe(`TỔNG HỢP · KHẨN CẤP 1, NGHIÊM TRỌNG 1, ĐÃ HẾT 1
3 cảnh báo, từ 23:58 ngày 21/11/2026 đến 00:04 ngày 22/11/2026

Vì có nhiều cảnh báo trong thời gian ngắn, các tin được gộp lại. Mỗi cảnh báo vẫn được nêu ở đây.

== Quảng Trị ==
* KHẨN CẤP (TĂNG CẤP): Mực nước Thạch Hãn 6,12 m, trên BĐ3 0,12 m
  Lũ theo mức báo động · đo lúc 00:02 ngày 22/11/2026
  Diễn biến: 23:58 ngày 21/11/2026 Cảnh báo → 00:02 ngày 22/11/2026 Khẩn cấp
  https://canh.example.vn/alerts/flood.Thạch Hãn.1
* NGHIÊM TRỌNG: Mực nước Gia Vòng 6,12 m, trên BĐ3 0,12 m
  Lũ theo mức báo động · đo lúc 23:58 ngày 21/11/2026
  https://canh.example.vn/alerts/flood.Gia Vòng.1
* ĐÃ HẾT · NẶNG NHẤT: CẢNH BÁO: Mực nước Đông Hà 6,12 m, trên BĐ3 0,12 m
  Lũ theo mức báo động · đo lúc 00:04 ngày 22/11/2026
  Diễn biến: 23:58 ngày 21/11/2026 Cảnh báo → 00:04 ngày 22/11/2026 hết
  https://canh.example.vn/alerts/flood.Đông Hà.1

--\u0020
Tin tự động từ Canh, không trả lời thư này.
Giờ trong tin là giờ địa phương (Asia/Ho_Chi_Minh).
`);
  });

  it('says the same in English', () => {
    const text = digestText(named(STORM), 'en', HANOI);
    expect(text.subject).toBe('Digest of 3 alerts: Critical 1, Major 1, Returned 1');
    const plain = plainDigest(text);
    expect(plain).toContain('* CRITICAL (WORSE): Water level at Thạch Hãn 6.12 m, 0.12 m above alarm level 3 (BĐ3)');
    expect(plain).toContain('  Course: 23:58 on 21/11/2026 Warning → 00:02 on 22/11/2026 Critical\n');
  });

  it('puts what belongs to one area together, the area of the worst first', () => {
    const areas = new Map([
      ['a', 'Cam Lộ'],
      ['b', 'Hải Lăng'],
      ['c', 'Cam Lộ'],
      ['d', ''],
    ]);
    const text = digestText(
      named(
        [
          notice('d', 'raised', 'warning', LATE),
          notice('a', 'raised', 'warning', LATE),
          notice('b', 'raised', 'major', LATE),
          notice('c', 'raised', 'critical', LATE),
        ],
        (station) => river(station, areas.get(station)),
      ),
      'vi',
      HANOI,
    );
    expect(text.areas.map(({ name, incidents }) => [name, incidents.map(({ tone }) => tone)])).toEqual([
      ['Cam Lộ', ['critical', 'warning']],
      ['Hải Lăng', ['major']],
      ['Chưa rõ địa bàn', ['warning']],
    ]);
  });

  it('of one incident says which in its subject', () => {
    expect(digestText(named([notice('Đông Hà', 'raised', 'warning', LATE, 3)]), 'vi', HANOI).subject).toBe(
      'Tổng hợp: Cảnh báo (tái diễn): Mực nước Đông Hà 6,12 m, trên BĐ3 0,12 m',
    );
  });

  it('tells the beginning and the end of what swung a hundred times, and how often between', () => {
    const swings = Array.from({ length: 100 }, (_, n) =>
      notice('x', n % 2 === 0 ? 'raised' : 'returned', 'warning', LATE + n * MINUTE_MS, n + 1),
    );
    const [, course] = digestText(named(swings), 'vi', HANOI).areas[0]?.incidents[0]?.details ?? [];
    expect(course).toBe(
      'Diễn biến: 23:58 ngày 21/11/2026 Cảnh báo → 23:59 hết → 00:00 ngày 22/11/2026 Cảnh báo → 00:01 hết → … 92 lần … → ' +
        '01:34 Cảnh báo → 01:35 hết → 01:36 Cảnh báo → 01:37 hết',
    );
  });

  it('makes one harmless line of every name', () => {
    const evil = 'x\r\nBcc: evil@example\u202e<script>';
    const context = (): NoticeContext => ({
      ...river(evil, evil),
      ruleNames: { vi: evil, en: evil },
      metricNames: { vi: evil, en: evil },
    });
    const text = digestText(named([notice('x', 'raised', 'warning', LATE)], context), 'vi', HANOI);
    for (const line of [text.subject, text.areas[0]?.name ?? '', ...(text.areas[0]?.incidents[0]?.details ?? [])])
      expect(line).not.toMatch(/[\r\n\u202e]/);
  });
});
