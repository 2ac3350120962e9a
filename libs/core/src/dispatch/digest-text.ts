import { SEVERITIES, severityRank } from '../rules/rule.js';
import type { Language } from '../stations/local-text.js';
import type { Instant } from '../time/instant.js';
import { clockText, dateText, localTimeIn } from '../time/local-time.js';
import type { NamedIncident } from './channel.js';
import { oneLine } from './clean-text.js';
import { digestWords } from './digest-words.js';
import type { Notice } from './notice.js';
import { headlineText, LATE_AFTER_MS, type NoticeText } from './notice-text.js';
import { noticeWords } from './notice-words.js';

const LONGEST_NAME = 120;
const LONGEST_SUBJECT = 200;
/** Steps of one incident that are told one by one; of more, the first and the last. */
const STEPS_SHOWN = 8;

export interface IncidentText {
  readonly tone: NoticeText['tone'];
  readonly status: string;
  readonly headline: string;
  /** Rule, time, and how it came: one harmless line each. */
  readonly details: readonly string[];
  readonly url: string | null;
}

/** What a digest says, in words, before any channel gives it a form. Every text is one harmless line. */
export interface DigestText {
  readonly language: Language;
  /** Of the worst that is not over. */
  readonly tone: NoticeText['tone'];
  readonly subject: string;
  readonly status: string;
  readonly headline: string;
  readonly why: string;
  /** Worst first; within an area too. */
  readonly areas: readonly { readonly name: string; readonly incidents: readonly IncidentText[] }[];
  readonly footer: readonly string[];
}

/** Smaller is told first. */
const urgency = (tone: NoticeText['tone']): number =>
  tone === 'returned' ? SEVERITIES.length : SEVERITIES.length - 1 - severityRank(tone);
const toneOf = ({ event, alert }: Notice): NoticeText['tone'] => (event === 'returned' ? 'returned' : alert.severity);

/** The words of a digest for one reader. `named` has at least one incident. */
export function digestText(named: readonly NamedIncident[], language: Language, timeZone: string): DigestText {
  const words = digestWords[language];
  const { severity } = noticeWords[language];
  const clocks = clocksIn(timeZone, language);
  const told = named
    .map((one) => ({ ...one, tone: toneOf(one.incident.latest), text: incidentText(one, language, clocks) }))
    .toSorted((a, b) => urgency(a.tone) - urgency(b.tone));

  const areas = new Map<string, IncidentText[]>();
  for (const { context, text } of told) {
    const name = oneLine(context.areaNames[language], LONGEST_NAME) || words.noArea;
    const area = areas.get(name);
    if (area === undefined) areas.set(name, [text]);
    else area.push(text);
  }

  const counts = [...SEVERITIES].toReversed().map((of) => ({ tone: of as NoticeText['tone'], word: severity[of] }));
  const countText = [...counts, { tone: 'returned' as const, word: words.over }]
    .map(({ tone, word }) => ({ word, count: told.filter((one) => one.tone === tone).length }))
    .filter(({ count }) => count > 0)
    .map(({ word, count }) => words.count(word, count))
    .join(', ');
  const times = named.flatMap(({ incident }) => incident.course.map(({ alert }) => alert.evidence.measuredAt));
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const [only] = told.length === 1 ? told : [];
  return {
    language,
    tone: told[0]?.tone ?? 'returned',
    subject: oneLine(
      only === undefined
        ? words.subject(told.length, countText)
        : words.subjectOfOne(`${only.text.status}: ${only.text.headline}`),
      LONGEST_SUBJECT,
    ),
    status: words.status(countText),
    headline: `${words.headline(told.length)}, ${words.span(clocks.both(from), clocks.both(to))}`,
    why: words.why,
    areas: [...areas].map(([name, incidents]) => ({ name, incidents })),
    footer: [words.footer, noticeWords[language].zone(timeZone)],
  };
}

/** The text as it is read without any form: the plain part of an e-mail, the text of a webhook. */
export function plainDigest(text: DigestText): string {
  const incident = ({ status, headline, details, url }: IncidentText): string =>
    [
      `* ${status.toUpperCase()}: ${headline}`,
      ...[...details, ...(url === null ? [] : [url])].map((line) => `  ${line}`),
    ].join('\n');
  const blocks = [
    `${text.status.toUpperCase()}\n${text.headline}`,
    text.why,
    ...text.areas.map(({ name, incidents }) => [`== ${name} ==`, ...incidents.map(incident)].join('\n')),
    // The line that mail programs know as the beginning of a signature.
    ['-- ', ...text.footer].join('\n'),
  ];
  return `${blocks.join('\n\n')}\n`;
}

interface Clocks {
  readonly clock: (at: Instant) => string;
  readonly date: (at: Instant) => string;
  readonly both: (at: Instant) => string;
}

function clocksIn(timeZone: string, language: Language): Clocks {
  const local = localTimeIn(timeZone);
  const clock = (at: Instant): string => clockText(local(at));
  const date = (at: Instant): string => dateText(local(at));
  return { clock, date, both: (at) => noticeWords[language].when(clock(at), date(at)) };
}

function incidentText({ incident, context }: NamedIncident, language: Language, clocks: Clocks): IncidentText {
  const words = digestWords[language];
  const { latest, course } = incident;
  const { evidence } = latest.alert;
  const learntAfter = evidence.receivedAt - evidence.measuredAt;
  return {
    tone: toneOf(latest),
    status: statusOf(latest, language),
    headline: headlineText(latest, context, language),
    details: [
      [
        oneLine(context.ruleNames[language], LONGEST_NAME),
        words.measured(clocks.both(evidence.measuredAt)),
        ...(learntAfter > LATE_AFTER_MS ? [words.late(noticeWords[language].duration(learntAfter))] : []),
      ]
        .filter((part) => part !== '')
        .join(' · '),
      ...(course.length > 1 ? [courseText(course, language, clocks)] : []),
    ],
    url: context.url,
  };
}

function statusOf({ event, alert }: Notice, language: Language): string {
  const severity = noticeWords[language].severity[alert.severity];
  if (event === 'returned') return noticeWords[language].statusReturned(noticeWords[language].severity[alert.worst]);
  if (event === 'escalated') return digestWords[language].worse(severity);
  return alert.version > 1 ? digestWords[language].again(severity) : severity;
}

/** `02:05 ngày 22/11/2026 Cảnh báo → 02:20 Khẩn cấp → …`: how an incident went, however often it changed. */
function courseText(course: readonly Notice[], language: Language, { clock, date, both }: Clocks): string {
  const words = digestWords[language];
  const left = course.length - STEPS_SHOWN;
  const shown = left <= 0 ? course : [...course.slice(0, STEPS_SHOWN / 2), ...course.slice(-STEPS_SHOWN / 2)];
  let day = '';
  const steps = shown.map(({ event, alert }) => {
    const at = alert.evidence.measuredAt;
    const when = date(at) === day ? clock(at) : both(at);
    day = date(at);
    return `${when} ${event === 'returned' ? words.ended : noticeWords[language].severity[alert.severity]}`;
  });
  if (left > 0) steps.splice(STEPS_SHOWN / 2, 0, words.more(left));
  return words.course(steps.join(' → '));
}
