import type { AlertView, LatestValueView } from '@canh/contract/views.dto';

/** How an alert stands: what is measured now, held against the limit that raised it. */
export interface Standing {
  readonly value: number;
  readonly measuredAt: number;
  readonly limit: number | null;
  readonly limitName: string | null;
}

const suspectFrom = 3;

/**
 * The newest trusted reading of the alert's metric, or else the one that decided: an alert's evidence changes only with its steps, while
 * the river goes on rising.
 */
export function standingOf({ evidence }: AlertView, latest: readonly LatestValueView[] | undefined): Standing {
  const { limit, limitName } = evidence;
  const newest = latest?.find(({ metric }) => metric === evidence.metric);
  const known =
    newest !== undefined && newest.measuredAt > evidence.measuredAt && newest.flag < suspectFrom ? newest : evidence;
  return { value: known.value, measuredAt: known.measuredAt, limit, limitName };
}
