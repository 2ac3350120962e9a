import type { AlertBase, AlertState } from '@canh/core/alerts/alert';
import type { NoticeEvent } from '@canh/core/alerts/lifecycle';
import type { NamedIncident, NoticeContext } from '@canh/core/dispatch/channel';
import { digestText, plainDigest } from '@canh/core/dispatch/digest-text';
import type { DigestDelivery, Notice, SingleDelivery } from '@canh/core/dispatch/notice';
import { noticeText, plainText } from '@canh/core/dispatch/notice-text';
import type { Severity } from '@canh/core/rules/rule';
import type { Evidence } from '@canh/core/rules/transition';
import type { Language, LocalText } from '@canh/core/stations/local-text';

/** What is said of one alert. Times are milliseconds since the epoch, UTC. */
interface AlertBody {
  readonly event: NoticeEvent;
  readonly createdAt: number;
  readonly alert: Omit<AlertBase, 'evidence'> & { readonly state: AlertState };
  readonly evidence: Evidence & { readonly unit: string };
  readonly names: {
    readonly station: LocalText;
    readonly area: LocalText;
    readonly rule: LocalText;
    readonly metric: LocalText;
  };
  readonly url: string | null;
}

/** The same words as an e-mail has, in the contact's language. */
interface TextBody {
  readonly language: Language;
  readonly subject: string;
  readonly headline: string;
  readonly plain: string;
}

/** What a webhook receives of one alert, as JSON. Fields are only ever added under the same `version`. */
export interface WebhookBody extends AlertBody {
  readonly version: 1;
  /** The delivery: the same at every attempt, and the Idempotency-Key. */
  readonly id: string;
  readonly text: TextBody;
}

/** What a webhook receives of many alerts at once. */
export interface DigestBody {
  readonly version: 1;
  readonly id: string;
  readonly event: 'digest';
  readonly createdAt: number;
  /** Each alert once, as it was last, with the events before that, oldest first. */
  readonly incidents: readonly (AlertBody & {
    readonly course: readonly {
      readonly event: NoticeEvent;
      readonly severity: Severity;
      readonly measuredAt: number;
    }[];
  })[];
  readonly text: TextBody;
}

/** The body for this delivery, byte for byte the same at every attempt: a receiver may compare. */
export function webhookBody({ id, notice, contact }: SingleDelivery, context: NoticeContext, timeZone: string): string {
  const text = noticeText(notice, context, contact.language, timeZone, notice.createdAt);
  const { event, createdAt, alert, evidence, names, url } = alertBody(notice, context);
  const { language, subject, headline } = text;
  const body: WebhookBody = {
    version: 1,
    id,
    event,
    createdAt,
    alert,
    evidence,
    names,
    text: { language, subject, headline, plain: plainText(text) },
    url,
  };
  return JSON.stringify(body);
}

/** The body for this digest, byte for byte the same at every attempt. */
export function digestBody(
  { id, contact, closedAt }: DigestDelivery,
  named: readonly NamedIncident[],
  timeZone: string,
): string {
  const text = digestText(named, contact.language, timeZone);
  const { language, subject, headline } = text;
  const body: DigestBody = {
    version: 1,
    id,
    event: 'digest',
    createdAt: closedAt,
    incidents: named.map(({ incident, context }) => ({
      ...alertBody(incident.latest, context),
      course: incident.course.map(({ event, alert }) => ({
        event,
        severity: alert.severity,
        measuredAt: alert.evidence.measuredAt,
      })),
    })),
    text: { language, subject, headline, plain: plainDigest(text) },
  };
  return JSON.stringify(body);
}

function alertBody({ event, createdAt, alert: { evidence, ...alert } }: Notice, context: NoticeContext): AlertBody {
  return {
    event,
    createdAt,
    alert: {
      id: alert.id,
      version: alert.version,
      state: alert.state,
      severity: alert.severity,
      worst: alert.worst,
      since: alert.since,
      raisedAt: alert.raisedAt,
      ruleId: alert.ruleId,
      ruleVersion: alert.ruleVersion,
      stationId: alert.stationId,
    },
    evidence: { ...evidence, unit: context.unit },
    names: {
      station: context.stationNames,
      area: context.areaNames,
      rule: context.ruleNames,
      metric: context.metricNames,
    },
    url: context.url,
  };
}
