/** Takes a number from one unit to another of the same quantity: `(value + add) * times - less`. */
export interface Conversion {
  readonly add: number;
  readonly times: number;
  readonly less: number;
}

interface Unit {
  readonly quantity: string;
  /** `(value + add) * times` is the value in the first unit of its quantity. */
  readonly add: number;
  readonly times: number;
}

const of = (quantity: string, units: Readonly<Record<string, number>>): [string, Unit][] =>
  Object.entries(units).map(([code, times]) => [code, { quantity, add: 0, times }]);

/** By UCUM code, case-sensitive: what models of devices are known to send in. One letter wrong is another unit, or none. */
const UNITS: ReadonlyMap<string, Unit> = new Map([
  ...of('length', { m: 1, dm: 0.1, cm: 0.01, mm: 0.001, km: 1_000, '[ft_i]': 0.3048, '[in_i]': 0.0254 }),
  ...of('speed', { 'm/s': 1, 'cm/s': 0.01, 'km/h': 1 / 3.6, '[kn_i]': 1_852 / 3_600, '[mi_i]/h': 0.447_04 }),
  ...of('flow', { 'm3/s': 1, 'L/s': 0.001, 'm3/h': 1 / 3_600, 'm3/min': 1 / 60 }),
  ...of('pressure', { Pa: 1, hPa: 100, kPa: 1_000, mbar: 100, bar: 100_000, 'mm[Hg]': 133.322_387_415 }),
  ...of('concentration', {
    'g/L': 1,
    'kg/m3': 1,
    'g/m3': 0.001,
    'mg/L': 0.001,
    'mg/m3': 1e-6,
    'ug/L': 1e-6,
    'ug/m3': 1e-9,
  }),
  ...of('voltage', { V: 1, mV: 0.001 }),
  ...of('time', { s: 1, ms: 0.001, min: 60, h: 3_600, d: 86_400 }),
  ...of('conductivity', { 'S/m': 1, 'mS/cm': 0.1, 'uS/cm': 0.0001 }),
  ...of('share', { '%': 1, '1': 100 }),
  ['Cel', { quantity: 'temperature', add: 0, times: 1 }],
  ['K', { quantity: 'temperature', add: -273.15, times: 1 }],
  ['[degF]', { quantity: 'temperature', add: -32, times: 5 / 9 }],
]);

/** Null where one of them is not known here, or they measure different things. */
export function conversion(from: string, to: string): Conversion | null {
  const [sent, kept] = [UNITS.get(from), UNITS.get(to)];
  if (sent === undefined || kept === undefined || sent.quantity !== kept.quantity) return null;
  return { add: sent.add, times: sent.times / kept.times, less: kept.add };
}

/** What can be converted to this unit. */
export function unitsLike(unit: string): string[] {
  const quantity = UNITS.get(unit)?.quantity;
  return [...UNITS].filter(([, known]) => known.quantity === quantity).map(([code]) => code);
}
