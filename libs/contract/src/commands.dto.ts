import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min, MinLength } from 'class-validator';

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
