import { IsIn, IsInt, IsNumber, IsOptional, IsString, IsUrl, Max, Min, ValidateBy } from 'class-validator';
import { CommonSettings } from '@canh/runtime/common.settings';
import { Setting } from '@canh/runtime/settings';

/** The embedded store knows what it has by the readings that it keeps: one that comes again after they were let go of would count twice. */
const OutlivesWhatIsAccepted = (): PropertyDecorator =>
  ValidateBy({
    name: 'outlivesWhatIsAccepted',
    validator: {
      validate: (days, at) => {
        const { influxUrl, readingMaxAgeDays } = at!.object as ProcessorSettings;
        return influxUrl !== null || Number(days) > readingMaxAgeDays;
      },
      defaultMessage: (at) => {
        const { readingMaxAgeDays } = at!.object as ProcessorSettings;
        return `it must be more than CANH_READING_MAX_AGE_DAYS=${readingMaxAgeDays}, or what comes again after its day was let go of counts twice; raise the one or lower the other`;
      },
    },
  });

export class ProcessorSettings extends CommonSettings {
  @Setting({
    name: 'CANH_INFLUX_URL',
    says: 'InfluxDB or VictoriaMetrics to write time series to; without it they are kept in DuckDB under CANH_DATA_DIR.',
  })
  @IsOptional()
  @IsUrl({ require_tld: false, protocols: ['http', 'https'], require_protocol: true })
  readonly influxUrl: string | null = null;

  @Setting({ name: 'CANH_INFLUX_TOKEN', says: 'Token of the InfluxDB server (1.x: user:password).', secret: true })
  @IsString()
  readonly influxToken: string = '';

  @Setting({ name: 'CANH_INFLUX_ORG', says: 'Organisation on an InfluxDB 2 server.' })
  @IsString()
  readonly influxOrg: string = 'canh';

  @Setting({ name: 'CANH_INFLUX_BUCKET', says: 'Bucket on the InfluxDB server (1.x: database).' })
  @IsString()
  readonly influxBucket: string = 'canh';

  @Setting({ name: 'CANH_INFLUX_VERSION', says: 'What speaks at CANH_INFLUX_URL: 2, 1 or victoria.' })
  @IsIn(['2', '1', 'victoria'])
  readonly influxVersion: '2' | '1' | 'victoria' = '2';

  @Setting({
    name: 'CANH_SERIES_RAW_DAYS',
    says: 'Readings stay in the embedded store so many days after the day on which they were measured.',
  })
  @IsInt()
  @Min(1)
  @Max(36_501)
  @OutlivesWhatIsAccepted()
  readonly seriesRawDays: number = 400;

  @Setting({
    name: 'CANH_SERIES_5MIN_DAYS',
    says: 'What each five minutes come to (least, most, mean, counts of each flag) stays in the embedded store so many days.',
  })
  @IsInt()
  @Min(1)
  @Max(36_500)
  readonly series5MinDays: number = 1_100;

  @Setting({
    name: 'CANH_SERIES_HOURLY_DAYS',
    says: 'What each hour comes to stays in the embedded store so many days.',
  })
  @IsInt()
  @Min(1)
  @Max(36_500)
  readonly seriesHourlyDays: number = 3_660;

  @Setting({
    name: 'CANH_READING_MAX_AGE_DAYS',
    says: 'A reading measured longer before it was received is quarantined as too old.',
  })
  @IsInt()
  @Min(1)
  @Max(36_500)
  readonly readingMaxAgeDays: number = 7;

  @Setting({
    name: 'CANH_READING_MAX_AHEAD_MINUTES',
    says: 'A reading measured further ahead of the time received is quarantined: its clock is wrong.',
  })
  @IsInt()
  @Min(0)
  @Max(1_440)
  readonly readingMaxAheadMinutes: number = 5;

  @Setting({
    name: 'CANH_READING_LATE_MINUTES',
    says: 'A reading measured longer before it was received counts as late in the ledger; it is stored and judged all the same.',
  })
  @IsInt()
  @Min(1)
  @Max(10_080)
  readonly readingLateMinutes: number = 15;

  @Setting({
    name: 'CANH_JOURNAL_KEEP_HOURS',
    says: 'Received messages stay in the journal so long after they were stored, unless it grows beyond CANH_JOURNAL_MAX_GB.',
  })
  @IsInt()
  @Min(30)
  @Max(8_760)
  readonly journalKeepHours: number = 48;

  @Setting({
    name: 'CANH_JOURNAL_MAX_GB',
    says: 'A larger journal lets go of what was stored more than 30 hours ago; nothing younger, and nothing that is not stored, is ever removed.',
  })
  @IsNumber()
  @Min(0.1)
  @Max(100_000)
  readonly journalMaxGb: number = 50;

  @Setting({
    name: 'CANH_LEDGER_KEEP_DAYS',
    says: 'So long the books of ingestion are kept, a line for each device and hour.',
  })
  @IsInt()
  @Min(7)
  @Max(3_650)
  readonly ledgerKeepDays: number = 400;
}
