import 'reflect-metadata';
import { Transform, plainToInstance } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsDefined,
  IsIn,
  IsObject,
  IsOptional,
  Min,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { SEVERITIES, type LevelLimit, type Severity, type ThresholdRule } from '@canh/core/rules/rule';
import type { Metric, Profile } from '@canh/core/stations/profile';
import { durationMs } from '@canh/core/time/duration';
import {
  Agrees,
  AreIds,
  AreWithin,
  IsDuration,
  IsFiniteNumber,
  IsId,
  IsMetricName,
  IsWhole,
  IsWithin,
  LocalTextDocument,
  localTextOf,
  type Problem,
} from './document.js';

/** The station's own limit of that name. `otherwise` must be written: null says that stations without one are not judged. */
export class StationLimitDocument {
  @IsMetricName()
  station!: string;

  @ValidateIf((limit: StationLimitDocument) => limit.otherwise !== null)
  @IsFiniteNumber()
  otherwise!: number | null;
}

const LIMIT_SAYS = '$property must be a number, or { station: name of a limit, otherwise: number or null }';

export class ThresholdLevelDocument {
  @IsIn(SEVERITIES, { message: `$property must be one of ${SEVERITIES.join(', ')}` })
  severity!: Severity;

  @ValidateIf((level: ThresholdLevelDocument) => !Number.isFinite(level.limit))
  @Transform(({ value }: { value: unknown }) =>
    isFields(value) ? plainToInstance(StationLimitDocument, value) : value,
  )
  @IsDefined({ message: LIMIT_SAYS })
  @IsObject({ message: LIMIT_SAYS })
  @ValidateNested({ message: LIMIT_SAYS })
  limit!: number | StationLimitDocument;

  /** How far back over the limit a value must go before the level ends, in the metric's unit. Written even where it is 0: without one an alert flutters. */
  @IsFiniteNumber()
  @Min(0, { message: '$property must be at least 0' })
  deadBand!: number;

  /** How long the limit must be reached without a break. */
  @IsDuration('0s', '30d')
  hold!: string;
}

export class GuidanceDocument {
  @IsWithin(() => LocalTextDocument)
  cause!: LocalTextDocument;

  @IsWithin(() => LocalTextDocument)
  consequence!: LocalTextDocument;

  @IsWithin(() => LocalTextDocument)
  response!: LocalTextDocument;
}

/** One rule of kind threshold. */
export class ThresholdRuleDocument {
  @IsIn(['threshold'], { message: '$property must be threshold, the one kind there is' })
  kind!: 'threshold';

  @IsId()
  id!: string;

  /** Goes up with every change, so that an alert can say which wording raised it. */
  @IsWhole(1, 1_000_000)
  version!: number;

  @IsWithin(() => LocalTextDocument)
  names!: LocalTextDocument;

  /** The profiles whose stations it judges; left out in a device's folder: that device's profile. */
  @IsOptional()
  @IsArray({ message: '$property must be a list of profile ids' })
  @ArrayMinSize(1, { message: '$property must name at least one profile, or be left out' })
  @ArrayMaxSize(100, { message: '$property must name at most 100 profiles' })
  @ArrayUnique({ message: '$property must not name a profile twice' })
  @AreIds()
  profiles?: string[] | null;

  @IsMetricName()
  metric!: string;

  @IsIn(['above', 'below'], { message: '$property must be above or below' })
  direction!: 'above' | 'below';

  /** From the mildest to the worst. */
  @AreWithin(() => ThresholdLevelDocument, { min: 1, max: SEVERITIES.length })
  @Agrees<ThresholdRuleDocument>(({ levels, direction }) => disorder(levels, direction))
  levels!: ThresholdLevelDocument[];

  @IsWithin(() => GuidanceDocument)
  guidance!: GuidanceDocument;
}

/** `rules.yaml`. */
export class RulesDocument {
  @AreWithin(() => ThresholdRuleDocument, { min: 0, max: 100 })
  rules!: ThresholdRuleDocument[];
}

/** What a valid document says, as the core has it: plain objects that can cross to a worker thread. */
export function thresholdRuleOf(document: ThresholdRuleDocument, defaultProfileIds: readonly string[]): ThresholdRule {
  return {
    kind: 'threshold',
    id: document.id,
    version: document.version,
    names: localTextOf(document.names),
    profileIds: [...(document.profiles ?? defaultProfileIds)],
    metric: document.metric,
    direction: document.direction,
    levels: document.levels.map(({ severity, limit, deadBand, hold }) => ({
      severity,
      limit: levelLimitOf(limit),
      deadBand,
      holdMs: durationMs(hold),
    })),
    guidance: {
      cause: localTextOf(document.guidance.cause),
      consequence: localTextOf(document.guidance.consequence),
      response: localTextOf(document.guidance.response),
    },
  };
}

function levelLimitOf(limit: number | StationLimitDocument): LevelLimit {
  return typeof limit === 'number'
    ? { kind: 'fixed', value: limit }
    : { kind: 'station', name: limit.station, otherwise: limit.otherwise };
}

/**
 * What a valid rule says that one of its profiles does not: a metric that is not there, a limit that can never be reached.
 * Whether the profiles exist is the caller's question; ids that `profiles` does not hold are passed over.
 */
export function disagreements(rule: ThresholdRule, profiles: ReadonlyMap<string, Profile>): Problem[] {
  const its = rule.profileIds.flatMap((id) => profiles.get(id) ?? []);
  const without = its.filter((profile) => metricIn(profile, rule.metric) === undefined);
  const missing = without.map(({ id, metrics }): Problem => {
    const names = metrics.map(({ name }) => name).join(', ');
    return { path: ['metric'], says: `is ${rule.metric}, which profile ${id} does not have; it has ${names}` };
  });
  const measured = its.flatMap((profile) => {
    const metric = metricIn(profile, rule.metric);
    return metric === undefined ? [] : [{ profileId: profile.id, metric }];
  });
  return [...missing, ...mixedUnits(measured), ...measured.flatMap((one) => outOfReach(rule, one))];
}

interface Measured {
  readonly profileId: string;
  readonly metric: Metric;
}

const metricIn = (profile: Profile, name: string): Metric | undefined =>
  profile.metrics.find((metric) => metric.name === name);

function mixedUnits(measured: readonly Measured[]): Problem[] {
  const [first, ...others] = measured;
  const odd = others.find(({ metric }) => metric.unit !== first?.metric.unit);
  if (first === undefined || odd === undefined) return [];
  const both = `${first.metric.unit} in profile ${first.profileId} and ${odd.metric.unit} in ${odd.profileId}`;
  return [
    { path: ['profiles'], says: `must agree on the unit of ${first.metric.name}, which is ${both}; write two rules` },
  ];
}

/** A value outside `plausible` never reaches a rule, so a limit out there is one that never speaks, or never stops. */
function outOfReach(rule: ThresholdRule, { profileId, metric }: Measured): Problem[] {
  const { min, max } = metric.plausible;
  return rule.levels.flatMap(({ limit, deadBand }, at): Problem[] => {
    const value = numberIn(limit);
    if (value === null) return [];
    const span = `${metric.name} of profile ${profileId} can measure, ${min} to ${max}`;
    if (value < min || value > max)
      return [
        {
          path: ['levels', at, 'limit'],
          says: `is ${value}, outside what ${span}: it could never be reached or never be left`,
        },
      ];
    const end = rule.direction === 'above' ? value - deadBand : value + deadBand;
    if (end < min || end > max)
      return [{ path: ['levels', at, 'deadBand'], says: `ends the level only at ${end}, outside what ${span}` }];
    return [];
  });
}

const numberIn = (limit: LevelLimit): number | null => (limit.kind === 'fixed' ? limit.value : limit.otherwise);

/** Levels whose severity does not rise, or whose written limits do not get worse with it. Limits of stations are not known here. */
function disorder(levels: unknown, direction: unknown): string | null {
  if (!Array.isArray(levels)) return null;
  const severities = levels.map((level) =>
    SEVERITIES.indexOf((level as ThresholdLevelDocument | null)?.severity as Severity),
  );
  if (!severities.includes(-1) && severities.some((rank, at) => at > 0 && rank <= (severities[at - 1] ?? -1)))
    return `must go from the mildest to the worst, each severity once: ${SEVERITIES.join(', ')}`;
  const limits = levels.flatMap((level) => writtenNumber((level as ThresholdLevelDocument | null)?.limit));
  const worse = direction === 'below' ? 'below' : 'above';
  const isWorse = (next: number, than: number): boolean => (worse === 'above' ? next > than : next < than);
  return limits.some((limit, at) => at > 0 && !isWorse(limit, limits[at - 1] ?? limit))
    ? `must have each limit ${worse} the one before, since the direction is ${worse}: ${limits.join(', ')}`
    : null;
}

function writtenNumber(limit: unknown): number[] {
  const value = isFields(limit) ? limit['otherwise'] : limit;
  return typeof value === 'number' && Number.isFinite(value) ? [value] : [];
}

const isFields = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
