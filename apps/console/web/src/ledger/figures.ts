import type { LedgerFiguresView, LedgerLineView, QuarantineCountView } from '@canh/contract/views.dto';
import { fold, foldedMatch } from '../text/fold.js';

export const quarantinedOf = ({ quarantined }: LedgerFiguresView): number =>
  quarantined.reduce((sum, { count }) => sum + count, 0);

/** What was received and has no place in the books: 0 where the promise holds, less where more was booked than received. */
export const unaccounted = (figures: LedgerFiguresView): number =>
  figures.received - figures.stored - figures.duplicate - quarantinedOf(figures);

/** All of them as one; reasons with the most first. */
export function totalOf(lines: readonly LedgerFiguresView[]): LedgerFiguresView {
  const sum = { messages: 0, received: 0, stored: 0, duplicate: 0, late: 0, missing: 0 };
  const counts = new Map<QuarantineCountView['reason'], number>();
  for (const line of lines) {
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += line[name];
    for (const { reason, count } of line.quarantined) counts.set(reason, (counts.get(reason) ?? 0) + count);
  }
  const quarantined = [...counts].map(([reason, count]) => ({ reason, count })).toSorted((a, b) => b.count - a.count);
  return { ...sum, quarantined };
}

/** Lines whose station or device holds every word of `q`, however it is written. */
export function findLines(lines: readonly LedgerLineView[], q: string): readonly LedgerLineView[] {
  if (q.trim() === '') return lines;
  return lines.filter(({ deviceId, stationId, stationNames }) =>
    foldedMatch(fold([deviceId, stationId ?? '', stationNames?.vi ?? '', stationNames?.en ?? ''].join(' ')), q.trim()),
  );
}
