import type { LatestValueView } from '@canh/contract/views.dto';

/** Whether a station is heard from, and whether what it says is of now. */
export type Hearing =
  | { readonly kind: 'current'; readonly measuredAt: number }
  /** It sends, but old readings: a backlog after an outage, or a wrong clock. */
  | { readonly kind: 'backlog'; readonly measuredAt: number }
  | { readonly kind: 'overdue'; readonly measuredAt: number; readonly receivedAt: number }
  | { readonly kind: 'never' };

/** A station may miss one report and be a minute late with the next. */
export const overdueAfterMs = (intervalMs: number): number => 2 * intervalMs + 60_000;

export function hearingOf(latest: readonly LatestValueView[], intervalMs: number, now: number): Hearing {
  const measuredAt = Math.max(...latest.map((value) => value.measuredAt));
  const receivedAt = Math.max(...latest.map((value) => value.receivedAt));
  if (latest.length === 0) return { kind: 'never' };
  const limitMs = overdueAfterMs(intervalMs);
  if (now - receivedAt > limitMs) return { kind: 'overdue', measuredAt, receivedAt };
  return now - measuredAt > limitMs ? { kind: 'backlog', measuredAt } : { kind: 'current', measuredAt };
}

export const isOverdue = ({ kind }: Hearing): boolean => kind === 'overdue' || kind === 'never';
