import type { QuarantineReason } from '@canh/core/readings/quarantine';
import type { LedgerLine } from '@canh/core/series/ledger';
import type { PathStatus } from '@canh/core/series/live-series';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { Metric } from '@canh/core/stations/profile';
import type {
  BooksView,
  LedgerFiguresView,
  LedgerLineView,
  QuarantineCountView,
  StoredReadingView,
} from '@canh/contract/views.dto';
import type { Directory } from '../directory.js';
import { named, textView } from './local-text-view.js';
import { visible } from './visible.js';

export function ledgerLineView(line: LedgerLine, { devices, stationNames }: Directory): LedgerLineView {
  const stationId = devices.get(line.deviceId)?.device.stationId ?? null;
  return {
    deviceId: visible(line.deviceId),
    stationId,
    stationNames: stationId === null ? null : named(stationNames.get(stationId), stationId),
    hour: line.hour,
    ...figuresView(line),
  };
}

/** As a plain type, since only such a one may be spread. */
type Figures = { [Name in keyof LedgerFiguresView]: LedgerFiguresView[Name] };

function figuresView(line: Omit<LedgerLine, 'deviceId' | 'hour'>): Figures {
  const { messages, received, stored, duplicate, late, missing, quarantined } = line;
  return { messages, received, stored, duplicate, late, missing, quarantined: countsView(quarantined) };
}

/** Most first. */
const countsView = (quarantined: LedgerLine['quarantined']): QuarantineCountView[] =>
  (Object.entries(quarantined) as [QuarantineReason, number][])
    .filter(([, count]) => count !== 0)
    .map(([reason, count]) => ({ reason, count }))
    .toSorted((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));

export function totalsView(lines: readonly LedgerLine[]): LedgerFiguresView {
  const sum = { messages: 0, received: 0, stored: 0, duplicate: 0, late: 0, missing: 0 };
  const quarantined: Partial<Record<QuarantineReason, number>> = {};
  for (const line of lines) {
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += line[name];
    for (const [reason, count] of Object.entries(line.quarantined) as [QuarantineReason, number][])
      quarantined[reason] = (quarantined[reason] ?? 0) + count;
  }
  return figuresView({ ...sum, quarantined });
}

export const booksView = ({ storedUpTo, storeBehindBytes, storeWaiting, problems }: PathStatus): BooksView => ({
  accountedUpTo: storedUpTo,
  behindBytes: storeBehindBytes,
  waitingSince: storeWaiting?.since ?? null,
  problems: [...problems],
});

export const storedReadingView = (
  { metric, value, flag, measuredAt, sequence, receivedAt }: FlaggedReading,
  { names, unit, decimals }: Metric,
): StoredReadingView => ({
  metric,
  metricNames: textView(names),
  unit,
  decimals,
  value,
  flag,
  measuredAt,
  sequence,
  receivedAt,
});
