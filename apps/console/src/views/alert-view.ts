import type { Alert, AlertEvent } from '@canh/core/alerts/alert';
import type { DeliveryRecord } from '@canh/core/dispatch/outbox';
import type { Evidence } from '@canh/core/rules/transition';
import type { AlertDetailView, AlertEventView, AlertView, DeliveryView, EvidenceView } from '@canh/contract/views.dto';
import type { Directory } from '../directory.js';
import { named, textView } from './local-text-view.js';

export function alertView(alert: Alert, { stations, rules, people }: Directory): AlertView {
  const { id, version, state, severity, worst, ruleId, ruleVersion, stationId, since, raisedAt, evidence } = alert;
  const known = stations.get(stationId);
  const metric = known?.metrics.find(({ name }) => name === evidence.metric);
  return {
    id,
    version,
    state,
    severity,
    worst,
    ruleId,
    ruleVersion,
    ruleNames: named(rules.get(ruleId)?.names, ruleId),
    stationId,
    stationNames: named(known?.station.names, stationId),
    areaNames: named(known?.areaNames, ''),
    since,
    raisedAt,
    returnedAt: 'returnedAt' in alert ? alert.returnedAt : null,
    acknowledgedAt: 'acknowledgedAt' in alert ? alert.acknowledgedAt : null,
    acknowledgedBy: 'by' in alert ? (people.get(alert.by) ?? alert.by) : null,
    evidence: evidenceView(evidence),
    unit: metric?.unit ?? '',
    decimals: metric?.decimals ?? 2,
  };
}

const RULE_GONE = {
  vi: 'Quy tắc này không còn trong danh mục thiết bị.',
  en: 'This rule is no longer in the catalogue of devices.',
};

export function alertDetailView(
  alert: Alert,
  history: readonly AlertEvent[],
  deliveries: readonly DeliveryRecord[],
  directory: Directory,
): AlertDetailView {
  const guidance = directory.rules.get(alert.ruleId)?.guidance;
  return {
    alert: alertView(alert, directory),
    guidance: {
      cause: textView(guidance?.cause ?? RULE_GONE),
      consequence: textView(guidance?.consequence ?? RULE_GONE),
      response: textView(guidance?.response ?? RULE_GONE),
    },
    history: history.map((event) => eventView(event, directory)),
    deliveries: deliveries.map(deliveryView),
  };
}

const eventView = ({ kind, at, severity, by, note, evidence }: AlertEvent, { people }: Directory): AlertEventView => ({
  kind,
  at,
  severity,
  by: by === null ? null : (people.get(by) ?? by),
  note,
  evidence: evidence === null ? null : evidenceView(evidence),
});

const evidenceView = ({
  deviceId,
  metric,
  value,
  measuredAt,
  receivedAt,
  limit,
  limitName,
  document,
}: Evidence): EvidenceView => ({
  deviceId,
  metric,
  value,
  measuredAt,
  receivedAt,
  limit,
  limitName,
  document,
});

const deliveryView = ({
  id,
  event,
  contactName,
  channel,
  address,
  state,
  digest,
  nextAttemptAt,
  attempts,
}: DeliveryRecord): DeliveryView => ({
  id,
  event,
  contactName,
  channel,
  address,
  state,
  digest,
  nextAttemptAt,
  attempts: attempts.map(({ at, outcome }) => ({ at, outcome: outcome.kind, answer: outcome.answer })),
});
