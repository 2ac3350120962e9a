import type { AlertView } from '@canh/contract/views.dto';
import type { Severity } from '@canh/core/rules/rule';
import { isAcknowledged } from '../live/order.js';

export interface AlertFilter {
  readonly severity: Severity | null;
  readonly unacknowledged: boolean;
}

export const passes = (alert: AlertView, { severity, unacknowledged }: AlertFilter): boolean =>
  (severity === null || alert.severity === severity) && (!unacknowledged || !isAcknowledged(alert));

export interface Counts {
  readonly critical: number;
  readonly major: number;
  readonly warning: number;
  readonly unacknowledged: number;
}

/** Of all open alerts; filters do not change them. */
export function countAlerts(open: readonly AlertView[]): Counts {
  const counts = { critical: 0, major: 0, warning: 0, unacknowledged: 0 };
  for (const alert of open) {
    counts[alert.severity] += 1;
    if (!isAcknowledged(alert)) counts.unacknowledged += 1;
  }
  return counts;
}

/** Critical alerts that nobody acknowledged and that are not among the rows shown, because of a filter or of the hand in the list. */
export function unseenCritical(open: readonly AlertView[], shown: ReadonlySet<string>): AlertView[] {
  return open.filter((alert) => alert.severity === 'critical' && alert.state === 'active' && !shown.has(alert.id));
}
