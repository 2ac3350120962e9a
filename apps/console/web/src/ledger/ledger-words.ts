import type { LedgerLineView, QuarantineCountView } from '@canh/contract/views.dto';
import { hourMs } from '../api/ledger.js';
import type { Text } from '../text/make-text.js';

/** `08:00–09:00`, with the date where it is another day than today. */
export function hourWords(hour: number, now: number, { words, format }: Text): string {
  const span = words.ledger.hour(format.time(hour), format.time(hour + hourMs));
  return format.date(hour) === format.date(now) ? span : `${span} ${format.day(hour)}`;
}

/** The station of a line, or what there is instead of one. */
export function placeWords({ deviceId, stationNames }: LedgerLineView, { words, format }: Text): string {
  if (stationNames !== null) return format.text(stationNames);
  return deviceId === '' ? words.ledger.unknown : words.ledger.notRegistered;
}

/** `2 thông số lạ · 1 không phải JSON` */
export function reasonWords(counts: readonly QuarantineCountView[], { words, format }: Text): string {
  const { reason: known } = words.quarantine;
  return counts
    .map(({ reason, count }) => `${format.integer(count)} ${Object.hasOwn(known, reason) ? known[reason] : reason}`)
    .join(' · ');
}
