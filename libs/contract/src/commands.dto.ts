import { IsIn, IsInt, IsOptional, IsString, MaxLength, Min, MinLength } from 'class-validator';

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
