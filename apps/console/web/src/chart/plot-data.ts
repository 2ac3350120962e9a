import type { BucketView, FiringView, LimitView } from '@canh/contract/views.dto';
import type { Severity } from '@canh/core/rules/rule';

/** Columns as the chart draws them: seconds, then lowest, highest, mean, and the mean where it is not trusted. */
export type PlotData = [number[], (number | null)[], (number | null)[], (number | null)[], (number | null)[]];

/** From this flag on a value is not trusted: suspect, failed. */
const suspectFrom = 3;
const missingFlag = 9;

/**
 * The buckets as columns. A gap stays a gap: where nothing was measured for longer than two and a half reporting intervals the line ends
 * and begins anew.
 */
export function plotData(buckets: readonly BucketView[], bucketMs: number, intervalMs: number): PlotData {
  const gapMs = 2.5 * Math.max(bucketMs, intervalMs);
  const columns: PlotData = [[], [], [], [], []];
  let before: BucketView | undefined;
  for (const bucket of buckets) {
    if (before !== undefined && bucket.at - before.at > gapMs) push(columns, (before.at + bucketMs) / 1_000, null);
    push(columns, bucket.at / 1_000, bucket);
    before = bucket;
  }
  return columns;
}

function push(columns: PlotData, seconds: number, bucket: BucketView | null): void {
  const suspect = bucket !== null && bucket.flag >= suspectFrom && bucket.flag < missingFlag;
  columns[0].push(seconds);
  columns[1].push(bucket?.min ?? null);
  columns[2].push(bucket?.max ?? null);
  columns[3].push(bucket?.mean ?? null);
  columns[4].push(suspect ? bucket.mean : null);
}

/** A limit as it is drawn: in force from `from` to `to` inside the span. */
export interface LimitLine {
  readonly label: string;
  readonly value: number;
  readonly from: number;
  readonly to: number;
}

/** The limits that were in force at some time of the span, each for as long as it was. */
export function limitLines(
  limits: readonly LimitView[],
  span: { readonly from: number; readonly to: number },
  label: (limit: LimitView) => string,
): LimitLine[] {
  return limits
    .map((limit) => ({
      label: label(limit),
      value: limit.value,
      from: Math.max(span.from, limit.validFrom ?? -Infinity),
      to: Math.min(span.to, limit.validTo ?? Infinity),
    }))
    .filter((line) => line.from < line.to);
}

/** Of an alert, one stretch inside the span: how urgent it was, or the hold before it was raised. */
export interface Stretch {
  readonly kind: 'hold' | 'firing';
  readonly severity: Severity;
  readonly from: number;
  readonly to: number;
}

/** Each alert as its hold and then a stretch for every severity that it had, as far as they lie in the span. */
export function stretches(
  firing: readonly FiringView[],
  span: { readonly from: number; readonly to: number },
): Stretch[] {
  return firing
    .flatMap(({ severity, since, from, to, steps }): Stretch[] => {
      const end = to ?? Math.max(from, span.to);
      const [first = { at: from, severity }, ...later] = steps;
      const fired = [first, ...later].map((step, place) => ({
        kind: 'firing' as const,
        severity: step.severity,
        from: step.at,
        to: steps[place + 1]?.at ?? end,
      }));
      return [{ kind: 'hold', severity: first.severity, from: since, to: first.at }, ...fired];
    })
    .map((one) => ({ ...one, from: Math.max(span.from, one.from), to: Math.min(span.to, one.to) }))
    .filter((one) => one.from < one.to);
}

/** The lowest and the highest of what is drawn, with a little air; a flat line gets room to be seen. */
export function valueRange(values: Iterable<number | null>, decimals: number): [number, number] | null {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return null;
  const air = Math.max((high - low) * 0.08, 2 * 10 ** -decimals);
  // Nothing measured here goes under zero unless something did.
  return [low >= 0 ? Math.max(0, low - air) : low - air, high + air];
}

/** Moves labels apart that would overlap; they keep their order. `at` and the answer are pixels from the top. */
export function spreadLabels(at: readonly number[], height: number, bottom: number): number[] {
  const order = at.map((_, index) => index).toSorted((a, b) => (at[a] ?? 0) - (at[b] ?? 0));
  const spread = [...at];
  let above = -Infinity;
  for (const index of order) {
    above = Math.max(spread[index] ?? 0, above + height);
    spread[index] = above;
  }
  let below = bottom;
  for (const index of order.toReversed()) {
    below = Math.min(spread[index] ?? 0, below);
    spread[index] = below;
    below -= height;
  }
  return spread;
}
