import type { AlertView, LatestValueView, MetricView } from '@canh/contract/views.dto';
import { byImportance, isActive, priorityOf } from '../live/order.js';

/** The others stand in the station's page. */
const metricsShown = 2;
const suspectFrom = 3;

/** What the worst active alert is about stands first; then the first that the station sends, and whatever is not to be trusted. */
export function metricsToShow(
  metrics: readonly MetricView[],
  latest: readonly LatestValueView[],
  alarming: string | null,
): MetricView[] {
  const flagOf = new Map(latest.map(({ metric, flag }) => [metric, flag]));
  const sent = metrics.filter(({ name }) => flagOf.has(name));
  const inOrder = (sent.length > 0 ? sent : metrics).toSorted(
    (a, b) => Number(b.name === alarming) - Number(a.name === alarming),
  );
  return inOrder.filter(({ name }, place) => place < metricsShown || (flagOf.get(name) ?? 0) >= suspectFrom);
}

/** The worst alert that is active at a station, one that waits for an answer before one that has it: a station shows the worst it contains. */
export function worstAt(open: readonly AlertView[], stationId: string): AlertView | null {
  const [worst = null] = open
    .filter((alert) => alert.stationId === stationId && isActive(alert))
    .toSorted((a, b) => priorityOf(a.severity) - priorityOf(b.severity) || byImportance(a, b));
  return worst;
}
