import { Type } from 'class-transformer';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min, MinLength } from 'class-validator';
import type { QuarantineReason } from '@canh/core/readings/quarantine';
import { LONGEST_METHOD } from '@canh/core/stations/device-commands';
import { IsDuration } from './document.js';

/** 2100-01-01: what is later is no time in milliseconds. */
const LATEST = 4_102_444_800_000;

export class SignIn {
  @IsString()
  @MinLength(1)
  @MaxLength(64)
  login!: string;

  @IsString()
  @MinLength(1)
  @MaxLength(256)
  password!: string;
}

export class AcknowledgeAlert {
  /** The version of the alert that the officer saw. */
  @IsInt()
  @Min(1)
  version!: number;

  @IsOptional()
  @IsString()
  @MaxLength(2_000)
  note?: string;
}

export class AlertsQuery {
  @IsOptional()
  @IsIn(['open', 'all'])
  which?: 'open' | 'all';
}

/** Times are milliseconds since the epoch, UTC. */
export class SeriesQuery {
  @IsString()
  @MinLength(1)
  @MaxLength(64)
  metric!: string;

  /** The first moment of the span. */
  @Type(() => Number)
  @IsInt()
  from!: number;

  /** The first moment after the span. */
  @Type(() => Number)
  @IsInt()
  to!: number;

  /** How many pieces the span may be cut into at most; 400 unless said. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(10)
  @Max(2_000)
  steps?: number;
}

/** Which hours and devices. Times are milliseconds since the epoch, UTC. */
export class LedgerSpan {
  /** Every hour that touches the span counts whole; 24 hours before `to` unless said. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(LATEST)
  from?: number;

  /** The first moment after the span; now unless said. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(LATEST)
  to?: number;

  @IsOptional()
  @IsString()
  @MaxLength(255)
  deviceId?: string;
}

export class LedgerReadingsQuery {
  @IsString()
  @MinLength(1)
  @MaxLength(255)
  deviceId!: string;

  /** The beginning of an hour. */
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(LATEST)
  hour!: number;
}

const REASONS: Readonly<Record<QuarantineReason, true>> = {
  'not-utf8': true,
  'not-json': true,
  'too-deep': true,
  'too-many-values': true,
  'wrong-shape': true,
  'not-a-number': true,
  'bad-time': true,
  'too-old': true,
  'in-the-future': true,
  'unknown-device': true,
  'unknown-metric': true,
  refused: true,
  damaged: true,
  conflict: true,
  'store-refused': true,
};
export const QUARANTINE_REASONS: readonly string[] = Object.keys(REASONS);

/** What of the quarantine; all that is named must hold. */
export class QuarantineFilter {
  /** Empty for what came from nobody who is known. */
  @IsOptional()
  @IsString()
  @MaxLength(255)
  deviceId?: string;

  @IsOptional()
  @IsIn(QUARANTINE_REASONS)
  reason?: QuarantineReason;

  /** The first moment of the span of receiving. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(LATEST)
  from?: number;

  /** The first moment after it. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(LATEST)
  to?: number;
}

export class ReplayQuarantined extends QuarantineFilter {
  /** Must be said where nothing else is. */
  @IsOptional()
  @IsBoolean()
  all?: boolean;
}

/** What a device is asked to do, in the words of `canh device send`. */
export class SendCommand {
  /** What to do, in the device's words. */
  @IsString()
  @MinLength(1)
  @MaxLength(LONGEST_METHOD)
  method!: string;

  /** With what: any JSON value, 16 KiB at most; an empty object unless said. */
  @IsOptional()
  params?: unknown;

  /** Not delivered any more after so long: 90s, 10m, 24h; 1h unless said. */
  @IsOptional()
  @IsDuration('1s', '30d')
  expires?: string;
}
