import { CanhError } from '@canh/core/canh-error';

/** Which column becomes which metric, and what its numbers must be multiplied with to be in the metric's unit. */
export interface MetricMapping {
  readonly column: string;
  readonly metric: string;
  readonly factor: number;
  /** Added after the factor. */
  readonly offset: number;
}

interface Conversion {
  readonly factor: number;
  readonly offset?: number;
}

/** From a unit as files call it to the unit that ends the metric's name. Exact by definition (international foot, mile, knot). */
const CONVERSIONS: Readonly<Record<string, Readonly<Record<string, Conversion>>>> = {
  kmh: { mph: { factor: 1.609344 }, 'm/s': { factor: 3.6 }, kn: { factor: 1.852 } },
  ms: { mph: { factor: 0.44704 }, 'km/h': { factor: 1 / 3.6 }, kn: { factor: 1852 / 3600 } },
  m: { ft: { factor: 0.3048 }, cm: { factor: 0.01 }, mm: { factor: 0.001 } },
  mm: { in: { factor: 25.4 }, cm: { factor: 10 } },
  m3s: { 'ft3/s': { factor: 0.028316846592 }, 'l/s': { factor: 0.001 } },
  c: { F: { factor: 5 / 9, offset: -160 / 9 }, K: { factor: 1, offset: -273.15 } },
  ugm3: { 'mg/m3': { factor: 1000 } },
};

/** What a name of a metric looks like; its unit comes last. */
export const METRIC_NAME = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)+$/;

/** How a file's unit becomes the unit in which `metric` ends; undefined where that is not known. */
export function conversion(unit: string, metric: string): Conversion | undefined {
  return CONVERSIONS[metric.slice(metric.lastIndexOf('_') + 1)]?.[unit];
}

/**
 * Reads `column=metric`, `column=metric:unit` (the unit that the file has) or `column=metric*factor`: `value=speed_kmh:mph`.
 * Throws CanhError `BAD_METRIC_MAPPING`.
 */
export function parseMetricMapping(text: string): MetricMapping {
  const [, column, metric, sign, rest] = /^(.+?)=([^:*]+)(?:([:*])(.+))?$/.exec(text.trim()) ?? [];
  if (column === undefined || metric === undefined || !METRIC_NAME.test(metric))
    throw new CanhError(
      'BAD_METRIC_MAPPING',
      `'${text}' does not say which column is which metric. Write column=metric, column=metric:unit or column=metric*factor: value=speed_kmh:mph.`,
    );
  if (sign === '*') {
    const factor = Number(rest);
    if (!Number.isFinite(factor) || factor === 0)
      throw new CanhError(
        'BAD_METRIC_MAPPING',
        `'${rest}' in '${text}' is not a factor. Write a number: value=speed_kmh*1.609344.`,
      );
    return { column, metric, factor, offset: 0 };
  }
  if (sign === ':') {
    const known = conversion(rest ?? '', metric);
    if (known === undefined)
      throw new CanhError(
        'BAD_METRIC_MAPPING',
        `How '${rest}' becomes the unit of ${metric} is not known (known: ${knownUnits(metric)}). Write the factor: ${column}=${metric}*1.5.`,
      );
    return { column, metric, factor: known.factor, offset: known.offset ?? 0 };
  }
  return { column, metric, factor: 1, offset: 0 };
}

/** The value in the metric's unit. Rounded to 12 digits, so that 6.48 ft is 1.975104 m and not 1.9751040000000002 m. */
export function convert(value: number, { factor, offset }: MetricMapping): number {
  return factor === 1 && offset === 0 ? value : Number((value * factor + offset).toPrecision(12));
}

function knownUnits(metric: string): string {
  const units = Object.keys(CONVERSIONS[metric.slice(metric.lastIndexOf('_') + 1)] ?? {});
  return units.length === 0 ? 'none' : units.join(', ');
}
