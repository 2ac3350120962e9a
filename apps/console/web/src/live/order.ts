import type { AlertView } from '@canh/contract/views.dto';
import type { Severity } from '@canh/core/rules/rule';

/** 1 is the most urgent. */
export type Priority = 1 | 2 | 3;

const priorities: Record<Severity, Priority> = { critical: 1, major: 2, warning: 3 };

export const priorityOf = (severity: Severity): Priority => priorities[severity];

export const isAcknowledged = (alert: AlertView): boolean => alert.state === 'acknowledged' || alert.state === 'closed';

/** Its condition still holds. */
export const isActive = (alert: AlertView): boolean => alert.state === 'active' || alert.state === 'acknowledged';

/** What an officer should look at first. Ties end at the id, so two screens show the same order. */
export function byImportance(a: AlertView, b: AlertView): number {
  return (
    Number(isAcknowledged(a)) - Number(isAcknowledged(b)) ||
    Number(isActive(b)) - Number(isActive(a)) ||
    priorityOf(a.severity) - priorityOf(b.severity) ||
    b.since - a.since ||
    (a.id === b.id ? 0 : a.id < b.id ? -1 : 1)
  );
}
