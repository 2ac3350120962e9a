import type { AlertView, EvidenceView } from '@canh/contract/views.dto';
import type { Text } from './make-text.js';
import type { Words } from './vi.js';

/** `alarm_3` is BĐ3, as everyone calls it; another limit is "the limit". */
export const limitWord = (name: string | null, words: Words): string => levelWord(name, words) ?? words.alerts.limit;

function levelWord(name: string | null, words: Words): string | null {
  const level = /^alarm_([1-9])$/.exec(name ?? '')?.[1];
  return level === undefined ? null : words.alerts.alarmLevel(Number(level));
}

type Held = Pick<EvidenceView, 'value' | 'limit' | 'limitName'>;
type Measured = Pick<AlertView, 'unit' | 'decimals'>;

/** How far the value is from its limit, as it is shown: a difference that rounds to nothing is "at". */
export function difference(
  { value, limit }: Pick<Held, 'value' | 'limit'>,
  decimals: number,
): { readonly side: 'above' | 'below' | 'at' | 'none'; readonly by: number } {
  if (limit === null) return { side: 'none', by: 0 };
  const by = Math.abs(value - limit);
  if (Number(by.toFixed(decimals)) === 0) return { side: 'at', by: 0 };
  return { side: value > limit ? 'above' : 'below', by };
}

/** `trên BĐ3 0,12 m`; of a limit without a name of its own `vượt ngưỡng +17,0 mm`. */
export function whatHappened(held: Held, { unit, decimals }: Measured, { words, format }: Text): string {
  const { side, by } = difference(held, decimals);
  if (side === 'none') return words.alerts.noLimit;
  const level = levelWord(held.limitName, words);
  const far = format.quantity(by, decimals, unit);
  if (level === null) return side === 'at' ? words.alerts.atLimit : words.alerts[`${side}Limit`](far);
  return side === 'at' ? words.alerts.atLevel(level) : words.alerts[`${side}Level`](level, far);
}

/** `6,12 m | BĐ3 6,00 m`: what was measured and what it is held against. */
export function valueAndLimit(
  { value, limit, limitName }: Held,
  { unit, decimals }: Measured,
  { words, format }: Text,
): string {
  const quantity = (one: number): string => format.quantity(one, decimals, unit);
  return words.alerts.valueAndLimit(
    quantity(value),
    limit === null ? '—' : words.alerts.limitOf(limitWord(limitName, words), quantity(limit)),
  );
}
