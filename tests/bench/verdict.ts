import { markdown } from './figures.js';

/** A figure that was aimed at, and what was measured. */
export interface Verdict {
  readonly what: string;
  readonly aim: string;
  readonly measured: string;
  readonly met: boolean;
  /** How far beyond the aim, or short of it. */
  readonly by: string;
}

export interface Aim {
  readonly what: string;
  /** At least so much; else at most. */
  readonly least?: number;
  readonly most?: number;
  readonly said: (value: number) => string;
}

export const percent = (value: number): string => `${Math.round(100 * value)} %`;
export const times = (value: number): string => `${value.toFixed(1)}×`;
export const milliseconds = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
export const count = (value: number): string => String(value);

/** `detail`: what else is to be known of the figure. */
export function verdict({ what, least, most, said }: Aim, value: number, detail = ''): Verdict {
  const bound = least ?? most ?? NaN;
  const met = least === undefined ? value <= bound : value >= bound;
  return {
    what,
    aim: `${least === undefined ? '≤' : '≥'} ${said(bound)}`,
    measured: said(value) + (detail === '' ? '' : ` (${detail})`),
    met,
    by: said(Math.abs(value - bound)),
  };
}

export const verdictTable = (verdicts: readonly Verdict[]): string =>
  markdown(
    ['target', 'aim', 'measured', ''],
    verdicts.map(({ what, aim, measured, met, by }) => [what, aim, measured, met ? 'met' : `missed by ${by}`]),
  );
