import 'reflect-metadata';
import { ArrayUnique, IsIn, IsOptional, Matches } from 'class-validator';
import type { DeviceKind, Metric, Profile, Range } from '@canh/core/stations/profile';
import { conversion, unitsLike } from '@canh/core/stations/units';
import { durationMs } from '@canh/core/time/duration';
import {
  Agrees,
  AreWithin,
  IsDuration,
  IsFiniteNumber,
  IsId,
  IsMetricName,
  IsText,
  IsWhole,
  IsWithin,
  LocalTextDocument,
  localTextOf,
} from './document.js';

/** The folders of `devices/`. */
export const DEVICE_KINDS = [
  'environmental',
  'traffic-camera',
  'water',
  'system',
] as const satisfies readonly DeviceKind[];

export class RangeDocument {
  @IsFiniteNumber()
  min!: number;

  @IsFiniteNumber()
  @Agrees<RangeDocument>(({ min, max }) =>
    typeof min === 'number' && typeof max === 'number' && max <= min ? `must be more than min, which is ${min}` : null,
  )
  max!: number;
}

export class MetricDocument {
  /** As in the payload, with its unit last: `level_m`. */
  @IsMetricName()
  name!: string;

  @IsWithin(() => LocalTextDocument)
  names!: LocalTextDocument;

  /** UCUM code: `m`, `ug/m3`, `Cel`. */
  @IsText(32)
  @Matches(/^[!-~]*$/, { message: '$property must be a UCUM code, without spaces or accents: m, ug/m3, Cel, %' })
  unit!: string;

  /** What the device sends it in, where that is another: `[degF]` beside `Cel`. It is converted as it comes in. */
  @IsOptional()
  @IsText(32)
  @Agrees<MetricDocument>(({ sentIn, unit }) =>
    typeof sentIn === 'string' && typeof unit === 'string' && conversion(sentIn, unit) === null
      ? `is ${sentIn}, which is not known to convert to ${unit}; ${convertibleTo(unit)}`
      : null,
  )
  sentIn?: string | null;

  /** What the sensor can measure at all; outside fails. */
  @IsWithin(() => RangeDocument)
  plausible!: RangeDocument;

  /** What is believable at such a place; outside is suspect. Leave it out where the extremes are what people must hear of. */
  @IsOptional()
  @IsWithin(() => RangeDocument)
  @Agrees<MetricDocument>(({ expected, plausible }) =>
    isRange(expected) && isRange(plausible) && (expected.min < plausible.min || expected.max > plausible.max)
      ? `must lie inside plausible, which is ${plausible.min} to ${plausible.max}`
      : null,
  )
  expected?: RangeDocument | null;

  /** Digits after the decimal mark when shown. */
  @IsWhole(0, 6)
  decimals!: number;
}

/** A model of device: `profile.yaml`. */
export class ProfileDocument {
  @IsId()
  id!: string;

  @IsIn(DEVICE_KINDS, { message: `$property must be one of ${DEVICE_KINDS.join(', ')}` })
  kind!: DeviceKind;

  @IsWithin(() => LocalTextDocument)
  names!: LocalTextDocument;

  /** How often a healthy device reports. */
  @IsDuration('1s', '7d')
  interval!: string;

  // 64 is what a payload may hold at one moment.
  @AreWithin(() => MetricDocument, { min: 1, max: 64 })
  @ArrayUnique((metric: MetricDocument | null) => metric?.name, { message: '$property must not name a metric twice' })
  metrics!: MetricDocument[];
}

/** What a valid document says, as the core has it: plain objects that can cross to a worker thread. */
export function profileOf(document: ProfileDocument): Profile {
  return {
    id: document.id,
    kind: document.kind,
    names: localTextOf(document.names),
    intervalMs: durationMs(document.interval),
    metrics: document.metrics.map((metric) => metricOf(metric)),
  };
}

function metricOf({ name, names, unit, sentIn, plausible, expected, decimals }: MetricDocument): Metric {
  const fromSent = sentIn === undefined || sentIn === null || sentIn === unit ? null : conversion(sentIn, unit);
  const metric = {
    name,
    names: localTextOf(names),
    unit,
    ...(fromSent === null ? {} : { fromSent }),
    plausible: rangeOf(plausible),
    decimals,
  };
  return expected === undefined || expected === null ? metric : { ...metric, expected: rangeOf(expected) };
}

const rangeOf = ({ min, max }: RangeDocument): Range => ({ min, max });

function convertibleTo(unit: string): string {
  const units = unitsLike(unit);
  return units.length === 0 ? `leave it out, and let the device send ${unit}` : `give one of ${units.join(', ')}`;
}

function isRange(value: unknown): value is RangeDocument {
  const { min, max } = (value ?? {}) as { min?: unknown; max?: unknown };
  return typeof min === 'number' && typeof max === 'number';
}
