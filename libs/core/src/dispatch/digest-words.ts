import type { Language } from '../stations/local-text.js';

const vi = {
  /** What is not over yet, worst first, then what is: `Khẩn cấp 3, Cảnh báo 40, Đã hết 7`. */
  subject: (incidents: number, counts: string) => `Tổng hợp ${incidents} cảnh báo: ${counts}`,
  subjectOfOne: (headline: string) => `Tổng hợp: ${headline}`,
  status: (counts: string) => `Tổng hợp · ${counts}`,
  count: (word: string, count: number) => `${word} ${count}`,
  over: 'Đã hết',
  again: (severity: string) => `${severity} (tái diễn)`,
  worse: (severity: string) => `${severity} (tăng cấp)`,
  headline: (incidents: number) => `${incidents} cảnh báo`,
  span: (from: string, to: string) => `từ ${from} đến ${to}`,
  why: 'Vì có nhiều cảnh báo trong thời gian ngắn, các tin được gộp lại. Mỗi cảnh báo vẫn được nêu ở đây.',
  noArea: 'Chưa rõ địa bàn',
  measured: (when: string) => `đo lúc ${when}`,
  course: (steps: string) => `Diễn biến: ${steps}`,
  more: (count: number) => `… ${count} lần …`,
  ended: 'hết',
  late: (duration: string) => `biết muộn ${duration}`,
  footer: 'Tin tự động từ Canh, không trả lời thư này.',
};

export type DigestWords = typeof vi;

const en: DigestWords = {
  subject: (incidents, counts) => `Digest of ${incidents} ${incidents === 1 ? 'alert' : 'alerts'}: ${counts}`,
  subjectOfOne: (headline) => `Digest: ${headline}`,
  status: (counts) => `Digest · ${counts}`,
  count: (word, count) => `${word} ${count}`,
  over: 'Returned',
  again: (severity) => `${severity} (again)`,
  worse: (severity) => `${severity} (worse)`,
  headline: (incidents) => `${incidents} ${incidents === 1 ? 'alert' : 'alerts'}`,
  span: (from, to) => `from ${from} to ${to}`,
  why: 'There were many alerts in a short time, so their messages are put together. Each alert is still named here.',
  noArea: 'Area unknown',
  measured: (when) => `measured ${when}`,
  course: (steps) => `Course: ${steps}`,
  more: (count) => `… ${count} times …`,
  ended: 'returned',
  late: (duration) => `learnt ${duration} late`,
  footer: 'Sent by Canh; do not reply to this message.',
};

/** Every word of a digest that a notice has not, by language. */
export const digestWords: Readonly<Record<Language, DigestWords>> = { vi, en };
