import type { Severity } from '../rules/rule.js';
import type { Language } from '../stations/local-text.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../time/instant.js';

interface DurationWords {
  readonly day: string;
  readonly hour: string;
  readonly minute: string;
  readonly second: string;
}

/** The two largest units of a duration: `3 giờ 12 phút`. */
function durationText(ms: number, words: DurationWords): string {
  const part = (amount: number, word: string): string => (amount === 0 ? '' : `${amount} ${word}`);
  const pair = (large: number, largeWord: string, small: number, smallWord: string): string =>
    [part(large, largeWord), part(small, smallWord)].filter((text) => text !== '').join(' ');
  if (ms >= DAY_MS) return pair(Math.floor(ms / DAY_MS), words.day, Math.floor((ms % DAY_MS) / HOUR_MS), words.hour);
  if (ms >= HOUR_MS)
    return pair(Math.floor(ms / HOUR_MS), words.hour, Math.floor((ms % HOUR_MS) / MINUTE_MS), words.minute);
  if (ms >= MINUTE_MS)
    return pair(Math.floor(ms / MINUTE_MS), words.minute, Math.floor((ms % MINUTE_MS) / SECOND_MS), words.second);
  return `${Math.floor(ms / SECOND_MS)} ${words.second}`;
}

const vi = {
  severity: { warning: 'Cảnh báo', major: 'Nghiêm trọng', critical: 'Khẩn cấp' } satisfies Record<Severity, string>,
  event: { raised: 'mới', again: 'tái diễn', escalated: 'tăng cấp', returned: 'đã hết' },
  subject: {
    raised: (severity: string) => severity,
    again: (severity: string) => `${severity} (tái diễn)`,
    escalated: (severity: string) => `${severity} (tăng cấp)`,
    returned: () => 'Đã hết',
  },
  statusReturned: (worst: string) => `Đã hết · nặng nhất: ${worst}`,
  measured: (metric: string, station: string, value: string) => `${metric} ${station} ${value}`,
  alarm: (level: number) => `BĐ${level}`,
  toAlarm: {
    above: (alarm: string, by: string) => `trên ${alarm} ${by}`,
    at: (alarm: string, _by: string) => `ở mức ${alarm}`,
    below: (alarm: string, by: string) => `dưới ${alarm} ${by}`,
  },
  toLimit: {
    above: (limit: string) => `trên ngưỡng ${limit}`,
    at: (limit: string) => `bằng ngưỡng ${limit}`,
    below: (limit: string) => `dưới ngưỡng ${limit}`,
  },
  limitOfAlarm: (limit: string, alarm: string) => `${limit} (${alarm})`,
  noLimit: 'không còn ngưỡng nào có hiệu lực',
  when: (clock: string, date: string) => `${clock} ngày ${date}`,
  duration: (ms: number) => durationText(ms, { day: 'ngày', hour: 'giờ', minute: 'phút', second: 'giây' }),
  learntLate: (duration: string) => `Biết muộn: số đo đến sau ${duration} kể từ lúc đo.`,
  sentLate: (duration: string) => `Tin gửi muộn: ${duration} sau khi có cảnh báo.`,
  labels: {
    station: 'Trạm',
    area: 'Địa bàn',
    value: 'Số đo',
    limit: 'Ngưỡng',
    document: 'Căn cứ',
    nearest: 'Mức gần nhất',
    measured: 'Đo lúc',
    received: 'Nhận lúc',
    since: 'Bắt đầu',
    lasted: 'Kéo dài',
    rule: 'Quy tắc',
  },
  receivedAfter: (clock: string, duration: string) => `${clock}, ${duration} sau khi đo`,
  lastedSince: (duration: string, since: string) => `${duration}, từ ${since}`,
  ruleVersion: (name: string, version: number) => `${name} (bản ${version})`,
  guidance: { response: 'Việc cần làm', cause: 'Nguyên nhân có thể', consequence: 'Hậu quả nếu không xử lý' },
  link: 'Mở cảnh báo để xác nhận',
  linkReturned: 'Mở cảnh báo',
  footer: (alertId: string) => `Tin tự động từ Canh, không trả lời thư này. Mã cảnh báo: ${alertId}`,
  zone: (timeZone: string) => `Giờ trong tin là giờ địa phương (${timeZone}).`,
};

export type NoticeWords = typeof vi;

const en: NoticeWords = {
  severity: { warning: 'Warning', major: 'Major', critical: 'Critical' },
  event: { raised: 'new', again: 'again', escalated: 'worse', returned: 'returned' },
  subject: {
    raised: (severity) => severity,
    again: (severity) => `${severity} (again)`,
    escalated: (severity) => `${severity} (worse)`,
    returned: () => 'Returned',
  },
  statusReturned: (worst) => `Returned · worst: ${worst}`,
  measured: (metric, station, value) => `${metric} at ${station} ${value}`,
  alarm: (level) => `alarm level ${level} (BĐ${level})`,
  toAlarm: {
    above: (alarm, by) => `${by} above ${alarm}`,
    at: (alarm) => `at ${alarm}`,
    below: (alarm, by) => `${by} below ${alarm}`,
  },
  toLimit: {
    above: (limit) => `above the limit of ${limit}`,
    at: (limit) => `at the limit of ${limit}`,
    below: (limit) => `below the limit of ${limit}`,
  },
  limitOfAlarm: (limit, alarm) => `${limit}, ${alarm}`,
  noLimit: 'no limit is in force any more',
  when: (clock, date) => `${clock} on ${date}`,
  duration: (ms) => durationText(ms, { day: 'd', hour: 'h', minute: 'min', second: 's' }),
  learntLate: (duration) => `Learnt late: the reading arrived ${duration} after it was measured.`,
  sentLate: (duration) => `Sent late: ${duration} after the alert.`,
  labels: {
    station: 'Station',
    area: 'Area',
    value: 'Reading',
    limit: 'Limit',
    document: 'Set by',
    nearest: 'Nearest level',
    measured: 'Measured',
    received: 'Received',
    since: 'Began',
    lasted: 'Lasted',
    rule: 'Rule',
  },
  receivedAfter: (clock, duration) => `${clock}, ${duration} after it was measured`,
  lastedSince: (duration, since) => `${duration}, since ${since}`,
  ruleVersion: (name, version) => `${name} (version ${version})`,
  guidance: { response: 'What to do', cause: 'Likely cause', consequence: 'If nothing is done' },
  link: 'Open the alert to acknowledge it',
  linkReturned: 'Open the alert',
  footer: (alertId) => `Sent by Canh; do not reply to this message. Alert: ${alertId}`,
  zone: (timeZone) => `Times are local (${timeZone}).`,
};

/** Every word of a notice, by language. */
export const noticeWords: Readonly<Record<Language, NoticeWords>> = { vi, en };
