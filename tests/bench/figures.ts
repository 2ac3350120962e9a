/** The one in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Between two neighbours, in proportion; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [below = NaN, above = below] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at - Math.floor(at));
}

export const thousands = (value: number): string => `${(value / 1000).toFixed(1)}k`;

/** Median, and least and most. */
export const spread = (values: readonly number[], said: (value: number) => string): string =>
  `${said(median(values))} [${said(Math.min(...values))}–${said(Math.max(...values))}]`;

/** Aligned so that it reads well as text too. */
export function markdown(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(...lines.map((cells) => (cells[column] ?? '').length), title.length),
  );
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [row(head), row(widths.map((width) => '-'.repeat(width))), ...lines.map(row)].join('\n');
}
