import type { ReactNode } from 'react';
import { useText } from '../text/text.js';

export type Shown =
  | { readonly kind: 'value'; readonly value: number; readonly decimals: number; readonly unit: string }
  | { readonly kind: 'missing'; readonly because: string };

/** A value with its unit, hatched while the page is lost; what is missing is a dash with its reason. */
export function Value({ of }: { of: Shown }): ReactNode {
  const { format } = useText();
  if (of.kind === 'missing') {
    return (
      <abbr className="missing" title={of.because} aria-label={of.because}>
        —
      </abbr>
    );
  }
  return <span className="number hatched">{format.quantity(of.value, of.decimals, of.unit)}</span>;
}
