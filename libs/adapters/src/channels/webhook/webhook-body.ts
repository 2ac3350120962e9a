import type { AlertBase, AlertState } from '@canh/core/alerts/alert';
import type { NoticeEvent } from '@canh/core/alerts/lifecycle';
import type { NoticeContext } from '@canh/core/dispatch/channel';
import type { Delivery } from '@canh/core/dispatch/notice';
import { noticeText, plainText } from '@canh/core/dispatch/notice-text';
import type { Evidence } from '@canh/core/rules/transition';
import type { Language, LocalText } from '@canh/core/stations/local-text';

/** What a webhook receives, as JSON. Times are milliseconds since the epoch, UTC. Fields are only ever added under the same `version`. */
export interface WebhookBody {
  readonly version: 1;
  /** The delivery: the same at every attempt, and the Idempotency-Key. */
  readonly id: string;
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
  /** The same words as an e-mail has, in the contact's language. */
  readonly text: {
    readonly language: Language;
    readonly subject: string;
    readonly headline: string;
    readonly plain: string;
  };
  readonly url: string | null;
}

/** The body for this delivery, byte for byte the same at every attempt: a receiver may compare. */
export function webhookBody({ id, notice, contact }: Delivery, context: NoticeContext, timeZone: string): string {
  const { evidence, ...alert } = notice.alert;
  const text = noticeText(notice, context, contact.language, timeZone, notice.createdAt);
  const body: WebhookBody = {
    version: 1,
    id,
    event: notice.event,
    createdAt: notice.createdAt,
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
    text: { language: text.language, subject: text.subject, headline: text.headline, plain: plainText(text) },
    url: context.url,
  };
  return JSON.stringify(body);
}
