import type { Guidance, Severity } from '../rules/rule.js';
import type { Language } from '../stations/local-text.js';
import { MINUTE_MS, type Instant } from '../time/instant.js';
import { clockText, clockTextWithSeconds, dateText, localTimeIn } from '../time/local-time.js';
import type { NoticeContext } from './channel.js';
import { oneLine, paragraphs } from './clean-text.js';
import { alarmLevel, LEVEL_DECIMALS, nearestAlarm, standing } from './flood-level.js';
import type { Notice } from './notice.js';
import { noticeWords, type NoticeWords } from './notice-words.js';
import { decimalsOf, numberText, quantityText } from './number-text.js';

/** What arrives later than this is said to be late, in words. */
export const LATE_AFTER_MS = 15 * MINUTE_MS;

const LONGEST_NAME = 120;
const LONGEST_SUBJECT = 200;
const LONGEST_GUIDANCE = 2_000;

export interface LabelledText {
  readonly label: string;
  readonly text: string;
}

/** What a message says, in words, before any channel gives it a form. Every text is one harmless line, except guidance, which may have several. */
export interface NoticeText {
  readonly language: Language;
  /** How the message looks: the severity now, or that it is over. */
  readonly tone: Severity | 'returned';
  /** Begins with the hurry: a phone shows the first forty characters. */
  readonly subject: string;
  readonly status: string;
  readonly headline: string;
  /** Where and when, for the line that a list of mails shows beside the subject. */
  readonly preview: string;
  /** What the reader must know before trusting the times: learnt late, sent late. */
  readonly notes: readonly string[];
  /** What to do stands before the facts: it is what the reader opened the message for. Null when it is over, or the rule says nothing. */
  readonly response: LabelledText | null;
  readonly facts: readonly LabelledText[];
  /** Likely cause and consequence. */
  readonly background: readonly LabelledText[];
  readonly link: { readonly label: string; readonly url: string } | null;
  readonly footer: readonly string[];
}

/** What every sentence below needs. */
interface Telling {
  readonly notice: Notice;
  readonly context: NoticeContext;
  readonly language: Language;
  readonly words: NoticeWords;
}

/** The words of one notice for one reader. `now`, the time of sending, decides only whether the message says that it was sent late. */
export function noticeText(
  notice: Notice,
  context: NoticeContext,
  language: Language,
  timeZone: string,
  now: Instant,
): NoticeText {
  const words = noticeWords[language];
  const telling: Telling = { notice, context, language, words };
  const { alert } = notice;
  const severity = words.severity[alert.severity];
  const event = eventOf(notice);
  const over = event === 'returned';
  const headline = headlineOf(telling);
  return {
    language,
    tone: over ? 'returned' : alert.severity,
    subject: oneLine(`${words.subject[event](severity)}: ${headline}`, LONGEST_SUBJECT),
    status: over ? words.statusReturned(words.severity[alert.worst]) : `${severity} · ${words.event[event]}`,
    headline,
    notes: lateness(telling, now),
    preview: previewOf(telling, timeZone),
    response: over ? null : (guidance(telling, ['response'])[0] ?? null),
    facts: facts(telling, timeZone),
    background: over ? [] : guidance(telling, ['cause', 'consequence']),
    link: context.url === null ? null : { label: over ? words.linkReturned : words.link, url: context.url },
    footer: [words.footer(name(alert.id)), words.zone(timeZone)],
  };
}

/** What one notice says in a list of many: `Mực nước Thạch Hãn 6,12 m, trên BĐ3 0,12 m`. */
export function headlineText(notice: Notice, context: NoticeContext, language: Language): string {
  return headlineOf({ notice, context, language, words: noticeWords[language] });
}

/** The text as it is read without any form: the plain part of an e-mail, the text of a webhook. */
export function plainText(text: NoticeText): string {
  const titled = ({ label, text: advice }: LabelledText): string[] => [`${label}:`, advice];
  const blocks: (readonly string[])[] = [
    [text.status.toUpperCase(), text.headline],
    text.notes,
    text.response === null ? [] : titled(text.response),
    text.link === null ? [] : [`${text.link.label}:`, text.link.url],
    text.facts.map(({ label, text: fact }) => `${label}: ${fact}`),
    ...text.background.map(titled),
    // The line that mail programs know as the beginning of a signature.
    ['-- ', ...text.footer],
  ];
  return `${blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join('\n'))
    .join('\n\n')}\n`;
}

const name = (text: string): string => oneLine(text, LONGEST_NAME);

/** An alert that is raised a second time came back before anybody had answered it. */
function eventOf({ event, alert }: Notice): keyof NoticeWords['event'] {
  return event === 'raised' && alert.version > 1 ? 'again' : event;
}

/** `Mực nước Thạch Hãn 6,12 m, trên BĐ3 0,12 m` */
function headlineOf(telling: Telling): string {
  const { context, language, words } = telling;
  const { limit, limitName } = telling.notice.alert.evidence;
  const measured = words.measured(
    name(context.metricNames[language]),
    name(context.stationNames[language]),
    valueText(telling),
  );
  return `${measured}, ${limit === null ? words.noLimit : standingText(telling, limit, limitName)}`;
}

/** Where the value stands to a limit: `trên BĐ3 0,12 m` for a legal flood level, for any other the limit itself: `trên ngưỡng 150 µg/m³`. */
function standingText(telling: Telling, limit: number, limitName: string | null): string {
  const { words, language } = telling;
  const { value } = telling.notice.alert.evidence;
  const level = alarmLevel(limitName);
  const { side, by } = standing(value, limit, limitDecimals(telling, limit, limitName));
  if (level === null) return words.toLimit[side](limitText(telling, limit, limitName));
  return words.toAlarm[side](words.alarm(level), withUnit(telling, numberText(by, LEVEL_DECIMALS, language)));
}

function valueText(telling: Telling): string {
  const { value, limitName } = telling.notice.alert.evidence;
  const decimals = alarmLevel(limitName) === null ? telling.context.decimals : LEVEL_DECIMALS;
  return withUnit(telling, numberText(value, decimals, telling.language));
}

function limitText(telling: Telling, limit: number, limitName: string | null): string {
  return withUnit(telling, numberText(limit, limitDecimals(telling, limit, limitName), telling.language));
}

/** Limits are shown with the digits they were written with, so that 0.05 does not turn into 0.1. */
function limitDecimals({ context }: Telling, limit: number, limitName: string | null): number {
  return alarmLevel(limitName) === null ? Math.max(context.decimals, decimalsOf(limit)) : LEVEL_DECIMALS;
}

function withUnit({ context, language }: Telling, number: string): string {
  return quantityText(number, context.unit, language);
}

function lateness({ notice: { alert, createdAt }, words }: Telling, now: Instant): string[] {
  const learntAfter = alert.evidence.receivedAt - alert.evidence.measuredAt;
  const sentAfter = now - createdAt;
  return [
    ...(learntAfter > LATE_AFTER_MS ? [words.learntLate(words.duration(learntAfter))] : []),
    ...(sentAfter > LATE_AFTER_MS ? [words.sentLate(words.duration(sentAfter))] : []),
  ];
}

function clockOf({ words }: Telling, timeZone: string): (at: Instant) => string {
  const local = localTimeIn(timeZone);
  return (at) => words.when(clockText(local(at)), dateText(local(at)));
}

function previewOf(telling: Telling, timeZone: string): string {
  const area = name(telling.context.areaNames[telling.language]);
  const when = clockOf(telling, timeZone)(telling.notice.alert.evidence.measuredAt);
  return [area, when].filter((part) => part !== '').join(' · ');
}

function facts(telling: Telling, timeZone: string): LabelledText[] {
  const { notice, context, language, words } = telling;
  const { alert } = notice;
  const { evidence } = alert;
  const { labels } = words;
  const local = localTimeIn(timeZone);
  const when = clockOf(telling, timeZone);

  const lines = [
    { label: labels.station, text: name(context.stationNames[language]) },
    { label: labels.area, text: name(context.areaNames[language]) },
    { label: labels.value, text: `${name(context.metricNames[language])} ${valueText(telling)}` },
    { label: labels.limit, text: limitFact(telling) },
    { label: labels.document, text: name(evidence.document ?? '') },
    { label: labels.nearest, text: nearestFact(telling) },
    { label: labels.measured, text: when(evidence.measuredAt) },
    { label: labels.received, text: receivedFact(telling, clockTextWithSeconds(local(evidence.receivedAt))) },
    notice.event === 'returned'
      ? {
          label: labels.lasted,
          text: words.lastedSince(words.duration(Math.max(0, evidence.measuredAt - alert.since)), when(alert.since)),
        }
      : { label: labels.since, text: when(alert.since) },
    { label: labels.rule, text: words.ruleVersion(name(context.ruleNames[language]), alert.ruleVersion) },
  ];
  return lines.filter(({ text }) => text !== '');
}

/** `6,00 m (BĐ3)` */
function limitFact(telling: Telling): string {
  const { limit, limitName } = telling.notice.alert.evidence;
  if (limit === null) return telling.words.noLimit;
  const level = alarmLevel(limitName);
  const text = limitText(telling, limit, limitName);
  return level === null ? text : telling.words.limitOfAlarm(text, telling.words.alarm(level));
}

/** The alarm level that a bulletin would name, where it is another one than the level that decided; otherwise empty. */
function nearestFact(telling: Telling): string {
  const { value, limitName } = telling.notice.alert.evidence;
  const nearest = alarmLevel(limitName) === null ? undefined : nearestAlarm(value, telling.context.limits);
  return nearest === undefined || nearest.name === limitName ? '' : standingText(telling, nearest.value, nearest.name);
}

function receivedFact({ notice, words }: Telling, clock: string): string {
  const { receivedAt, measuredAt } = notice.alert.evidence;
  // A device whose clock is ahead would have been heard before it spoke.
  return receivedAt < measuredAt ? clock : words.receivedAfter(clock, words.duration(receivedAt - measuredAt));
}

function guidance({ context, language, words }: Telling, parts: readonly (keyof Guidance)[]): LabelledText[] {
  return parts
    .map((part) => ({
      label: words.guidance[part],
      text: paragraphs(context.guidance[part][language], LONGEST_GUIDANCE),
    }))
    .filter(({ text }) => text !== '');
}
