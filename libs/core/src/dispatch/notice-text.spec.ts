import { describe, expect, it } from 'vitest';
import type { Alert } from '../alerts/alert.js';
import type { NoticeEvent } from '../alerts/lifecycle.js';
import type { Evidence } from '../rules/transition.js';
import type { Limit } from '../stations/limit.js';
import type { NoticeContext } from './channel.js';
import type { Notice } from './notice.js';
import { noticeText, plainText } from './notice-text.js';

const HANOI = 'Asia/Ho_Chi_Minh';
/** 02:05 on 22/11/2026 in Quảng Trị. */
const NIGHT = Date.UTC(2026, 10, 21, 19, 5);
const MINUTE = 60_000;

const bd = (level: number, value: number): Limit => ({
  name: `alarm_${level}`,
  metric: 'level_m',
  value,
  validFrom: null,
  validTo: null,
  document: 'QĐ 05/2020/QĐ-TTg',
});

const RIVER: NoticeContext = {
  stationNames: { vi: 'Thạch Hãn', en: 'Thạch Hãn' },
  areaNames: { vi: 'phường Quảng Trị, tỉnh Quảng Trị', en: 'Quảng Trị ward, Quảng Trị province' },
  ruleNames: { vi: 'Lũ theo mức báo động', en: 'Flood by alarm level' },
  metricNames: { vi: 'Mực nước', en: 'Water level' },
  unit: 'm',
  decimals: 2,
  limits: [bd(1, 3), bd(2, 4.5), bd(3, 6)],
  guidance: {
    cause: { vi: 'Mưa lớn ở thượng nguồn.', en: 'Heavy rain upstream.' },
    consequence: { vi: 'Ngập vùng thấp ven sông.', en: 'Low ground by the river floods.' },
    response: { vi: 'Gọi trực ban phòng chống thiên tai.', en: 'Call the disaster duty officer.' },
  },
  url: 'https://canh.example.vn/alerts/flood.thach-han.1',
};

const seen = (changes: Partial<Evidence> = {}): Evidence => ({
  deviceId: 'gauge-1',
  metric: 'level_m',
  value: 6.12,
  measuredAt: NIGHT,
  receivedAt: NIGHT + 3_000,
  limit: 6,
  limitName: 'alarm_3',
  document: 'QĐ 05/2020/QĐ-TTg',
  ...changes,
});

function notice(event: NoticeEvent, evidence: Evidence = seen(), changes: Partial<Alert> = {}): Notice {
  const alert = {
    state: 'active',
    id: 'flood.thach-han.1',
    ruleId: 'flood',
    ruleVersion: 3,
    stationId: 'thach-han',
    severity: 'critical',
    worst: 'critical',
    since: NIGHT - 10 * MINUTE,
    raisedAt: NIGHT,
    evidence,
    version: 1,
    ...changes,
  } as Alert;
  return { id: 'n1', event, createdAt: evidence.receivedAt, alert };
}

const vi = (of: Notice, context = RIVER, now = of.createdAt) => noticeText(of, context, 'vi', HANOI, now);
const en = (of: Notice, context = RIVER, now = of.createdAt) => noticeText(of, context, 'en', HANOI, now);
const fact = (text: ReturnType<typeof vi>, label: string) => text.facts.find((one) => one.label === label)?.text;

describe('the text of a notice', () => {
  it('says a flood as a bulletin says it', () => {
    expect(vi(notice('raised')).headline).toBe('Mực nước Thạch Hãn 6,12 m, trên BĐ3 0,12 m');
    expect(en(notice('raised')).headline).toBe('Water level at Thạch Hãn 6.12 m, 0.12 m above alarm level 3 (BĐ3)');
  });

  it('begins the subject with the hurry and what has changed', () => {
    expect(vi(notice('raised')).subject).toBe('Khẩn cấp: Mực nước Thạch Hãn 6,12 m, trên BĐ3 0,12 m');
    expect(vi(notice('escalated', seen(), { version: 2 })).subject).toMatch(/^Khẩn cấp \(tăng cấp\): /);
    expect(vi(notice('raised', seen(), { version: 3 })).subject).toMatch(/^Khẩn cấp \(tái diễn\): /);
    expect(vi(notice('returned', seen({ value: 5.7 }))).subject).toBe(
      'Đã hết: Mực nước Thạch Hãn 5,70 m, dưới BĐ3 0,30 m',
    );
    expect(vi(notice('raised', seen(), { severity: 'major' })).subject).toMatch(/^Nghiêm trọng: /);
    expect(vi(notice('raised', seen(), { severity: 'warning' })).status).toBe('Cảnh báo · mới');
  });

  it('is at the level, not 0,00 m over it, when both show the same', () => {
    expect(vi(notice('raised', seen({ value: 6.004 }))).headline).toBe('Mực nước Thạch Hãn 6,00 m, ở mức BĐ3');
  });

  it('never shows a difference that the shown numbers contradict', () => {
    expect(vi(notice('raised', seen({ value: 2.675, limit: 2.55 }))).headline).toBe(
      'Mực nước Thạch Hãn 2,67 m, trên BĐ3 0,12 m',
    );
    expect(vi(notice('raised', seen({ value: 31.13, limit: 31, limitName: 'alarm_2' }))).headline).toContain(
      'trên BĐ2 0,13 m',
    );
  });

  it('names the nearer level beside the one that was passed', () => {
    const text = vi(notice('raised', seen({ value: 5.64, limit: 4.5, limitName: 'alarm_2' }), { severity: 'major' }));
    expect(text.headline).toBe('Mực nước Thạch Hãn 5,64 m, trên BĐ2 1,14 m');
    expect(fact(text, 'Mức gần nhất')).toBe('dưới BĐ3 0,36 m');
    expect(fact(vi(notice('raised')), 'Mức gần nhất')).toBeUndefined();
  });

  it('gives station, limit with its document, and the times of the province', () => {
    const text = vi(notice('raised'));
    expect(fact(text, 'Trạm')).toBe('Thạch Hãn');
    expect(fact(text, 'Địa bàn')).toBe('phường Quảng Trị, tỉnh Quảng Trị');
    expect(fact(text, 'Ngưỡng')).toBe('6,00 m (BĐ3)');
    expect(fact(text, 'Căn cứ')).toBe('QĐ 05/2020/QĐ-TTg');
    expect(fact(text, 'Đo lúc')).toBe('02:05 ngày 22/11/2026');
    expect(fact(text, 'Nhận lúc')).toBe('02:05:03, 3 giây sau khi đo');
    expect(fact(text, 'Bắt đầu')).toBe('01:55 ngày 22/11/2026');
    expect(fact(text, 'Quy tắc')).toBe('Lũ theo mức báo động (bản 3)');
    expect(text.notes).toEqual([]);
  });

  it('says that it was learnt late when a station sends after an outage', () => {
    const backlog = seen({ receivedAt: NIGHT + 192 * MINUTE });
    expect(vi(notice('raised', backlog)).notes).toEqual(['Biết muộn: số đo đến sau 3 giờ 12 phút kể từ lúc đo.']);
    expect(en(notice('raised', backlog)).notes).toEqual([
      'Learnt late: the reading arrived 3 h 12 min after it was measured.',
    ]);
    expect(vi(notice('raised', seen({ receivedAt: NIGHT + 15 * MINUTE }))).notes).toEqual([]);
  });

  it('says that it was sent late when the mail server was away', () => {
    const one = notice('raised');
    expect(vi(one, RIVER, one.createdAt + 125 * MINUTE).notes).toEqual([
      'Tin gửi muộn: 2 giờ 5 phút sau khi có cảnh báo.',
    ]);
  });

  it('tells how long it lasted when it is over, and no longer what to do', () => {
    const text = vi(notice('returned', seen({ value: 5.7, measuredAt: NIGHT + 50 * MINUTE }), { worst: 'critical' }));
    expect(text.tone).toBe('returned');
    expect(text.status).toBe('Đã hết · nặng nhất: Khẩn cấp');
    expect(fact(text, 'Kéo dài')).toBe('1 giờ, từ 01:55 ngày 22/11/2026');
    expect([text.response, ...text.background]).toEqual([null]);
  });

  it('says so when the limit itself is no longer in force', () => {
    const text = vi(notice('returned', seen({ limit: null, limitName: null, document: null })));
    expect(text.headline).toBe('Mực nước Thạch Hãn 6,12 m, không còn ngưỡng nào có hiệu lực');
  });

  it('compares with a limit that is no flood level by naming it', () => {
    const air: NoticeContext = {
      ...RIVER,
      stationNames: { vi: 'Đông Hà', en: 'Đông Hà' },
      metricNames: { vi: 'Bụi PM2.5', en: 'PM2.5' },
      unit: 'ug/m3',
      decimals: 1,
    };
    const dust = seen({ value: 1152.34, limit: 150, limitName: null, document: null });
    expect(vi(notice('raised', dust), air).headline).toBe('Bụi PM2.5 Đông Hà 1.152,3 µg/m³, trên ngưỡng 150,0 µg/m³');
    expect(en(notice('raised', dust), air).headline).toBe(
      'PM2.5 at Đông Hà 1,152.3 µg/m³, above the limit of 150.0 µg/m³',
    );
    const oxygen = seen({ value: -0.04, limit: 0.05, limitName: 'aquaculture', document: null });
    expect(vi(notice('raised', oxygen), { ...air, unit: 'Cel' }).headline).toMatch(/ 0,0 °C, dưới ngưỡng 0,05 °C$/);
  });

  it('puts what to do before everything that only explains', () => {
    const text = vi(notice('raised'));
    expect(text.response).toEqual({ label: 'Việc cần làm', text: 'Gọi trực ban phòng chống thiên tai.' });
    expect(text.background.map(({ label }) => label)).toEqual(['Nguyên nhân có thể', 'Hậu quả nếu không xử lý']);
    expect(text.preview).toBe('phường Quảng Trị, tỉnh Quảng Trị · 02:05 ngày 22/11/2026');
  });

  it('leaves out the advice that a rule does not give', () => {
    const none = { vi: ' ', en: '' };
    const text = vi(notice('raised'), { ...RIVER, guidance: { cause: none, consequence: none, response: none } });
    expect([text.response, ...text.background]).toEqual([null]);
  });

  it('keeps names from breaking out of their line, whatever stands in them', () => {
    const hostile: NoticeContext = {
      ...RIVER,
      stationNames: { vi: 'Trạm\r\nBcc: all@example.com\u202e\u0000', en: `A${'á'.repeat(500)}` },
      ruleNames: { vi: 'Quy\u2028tắc', en: '' },
    };
    const text = vi(notice('raised'), hostile);
    expect(text.subject).toBe('Khẩn cấp: Mực nước Trạm Bcc: all@example.com 6,12 m, trên BĐ3 0,12 m');
    expect(JSON.stringify(text)).not.toMatch(/[\u0000-\u001f\u2028\u202e]/);
    expect([...en(notice('raised'), hostile).subject].length).toBeLessThanOrEqual(200);
  });

  it('reads as plain text', () => {
    expect(plainText(vi(notice('raised')))).toMatchInlineSnapshot(`
      "KHẨN CẤP · MỚI
      Mực nước Thạch Hãn 6,12 m, trên BĐ3 0,12 m

      Việc cần làm:
      Gọi trực ban phòng chống thiên tai.

      Mở cảnh báo để xác nhận:
      https://canh.example.vn/alerts/flood.thach-han.1

      Trạm: Thạch Hãn
      Địa bàn: phường Quảng Trị, tỉnh Quảng Trị
      Số đo: Mực nước 6,12 m
      Ngưỡng: 6,00 m (BĐ3)
      Căn cứ: QĐ 05/2020/QĐ-TTg
      Đo lúc: 02:05 ngày 22/11/2026
      Nhận lúc: 02:05:03, 3 giây sau khi đo
      Bắt đầu: 01:55 ngày 22/11/2026
      Quy tắc: Lũ theo mức báo động (bản 3)

      Nguyên nhân có thể:
      Mưa lớn ở thượng nguồn.

      Hậu quả nếu không xử lý:
      Ngập vùng thấp ven sông.

      -- 
      Tin tự động từ Canh, không trả lời thư này. Mã cảnh báo: flood.thach-han.1
      Giờ trong tin là giờ địa phương (Asia/Ho_Chi_Minh).
      "
    `);
    expect(plainText(en(notice('raised')))).toMatchInlineSnapshot(`
      "CRITICAL · NEW
      Water level at Thạch Hãn 6.12 m, 0.12 m above alarm level 3 (BĐ3)

      What to do:
      Call the disaster duty officer.

      Open the alert to acknowledge it:
      https://canh.example.vn/alerts/flood.thach-han.1

      Station: Thạch Hãn
      Area: Quảng Trị ward, Quảng Trị province
      Reading: Water level 6.12 m
      Limit: 6.00 m, alarm level 3 (BĐ3)
      Set by: QĐ 05/2020/QĐ-TTg
      Measured: 02:05 on 22/11/2026
      Received: 02:05:03, 3 s after it was measured
      Began: 01:55 on 22/11/2026
      Rule: Flood by alarm level (version 3)

      Likely cause:
      Heavy rain upstream.

      If nothing is done:
      Low ground by the river floods.

      -- 
      Sent by Canh; do not reply to this message. Alert: flood.thach-han.1
      Times are local (Asia/Ho_Chi_Minh).
      "
    `);
  });
});
