import type { AlertView, EvidenceView } from '@canh/contract/views.dto';
import type { Format } from './format.js';
import type { Words } from './vi.js';

/** `alarm_3` is BĐ3, as everyone calls it; another limit is "the limit". */
export function limitWord(name: string | null, words: Words): string {
  const level = /^alarm_([1-9])$/.exec(name ?? '')?.[1];
  return level === undefined ? words.alerts.limit : words.alerts.alarmLevel(Number(level));
}

/** How far the value is from its limit, as it is shown: a difference that rounds to nothing is "at". */
export function difference(
  of: Pick<EvidenceView, 'value' | 'limit'>,
  decimals: number,
): { readonly side: 'above' | 'below' | 'at' | 'none'; readonly by: number } {
  if (of.limit === null) return { side: 'none', by: 0 };
  const by = Math.abs(of.value - of.limit);
  if (Number(by.toFixed(decimals)) === 0) return { side: 'at', by: 0 };
  return { side: of.value > of.limit ? 'above' : 'below', by };
}

/** `trên BĐ3 0,12 m` */
export function whatHappened(
  alert: Pick<AlertView, 'evidence' | 'unit' | 'decimals'>,
  { words, format }: { readonly words: Words; readonly format: Format },
): string {
  const limit = limitWord(alert.evidence.limitName, words);
  const { side, by } = difference(alert.evidence, alert.decimals);
  if (side === 'none') return words.alerts.noLimit;
  return side === 'at'
    ? words.alerts.at(limit)
    : words.alerts[side](limit, format.quantity(by, alert.decimals, alert.unit));
}

/** `6,12 m | 6,00 m`: what was measured and what it is held against. */
export function valueAndLimit(
  { evidence, decimals, unit }: Pick<AlertView, 'evidence' | 'unit' | 'decimals'>,
  { words, format }: { readonly words: Words; readonly format: Format },
): string {
  const quantity = (value: number): string => format.quantity(value, decimals, unit);
  return words.alerts.valueAndLimit(quantity(evidence.value), evidence.limit === null ? '—' : quantity(evidence.limit));
}
