import { IsIn, IsInt, IsOptional, IsString, IsTimeZone, IsUrl, Max, Min, MinLength } from 'class-validator';
import { join, resolve } from 'node:path';
import { packageRoot } from './package-root.js';
import { Setting } from './settings.js';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** What every process of Canh needs to know. */
export class CommonSettings {
  @Setting({ name: 'CANH_DATA_DIR', says: 'Folder of the journal, the embedded stores and the server key.' })
  @IsString()
  @MinLength(1)
  readonly dataDir: string = join(packageRoot(), 'data');

  @Setting({ name: 'CANH_DEVICES_DIR', says: 'Folder of the device profiles and their default rules.' })
  @IsString()
  @MinLength(1)
  readonly devicesDir: string = join(packageRoot(), 'devices');

  @Setting({ name: 'CANH_HOST', says: 'Address that every door listens on; 127.0.0.1 is this machine only.' })
  @IsString()
  @MinLength(1)
  readonly host: string = '127.0.0.1';

  @Setting({ name: 'CANH_TIMEZONE', says: 'IANA name of the time zone of the province.' })
  @IsTimeZone()
  readonly timezone: string = 'Asia/Ho_Chi_Minh';

  @Setting({ name: 'CANH_LANGUAGE', says: 'Language of what is written without knowing the reader: vi or en.' })
  @IsIn(['vi', 'en'])
  readonly language: 'vi' | 'en' = 'vi';

  @Setting({
    name: 'CANH_PUBLIC_URL',
    says: 'Where people reach the console, as messages link to it: https://canh.quangtri.gov.vn.',
  })
  @IsOptional()
  @IsUrl({
    protocols: ['http', 'https'],
    require_protocol: true,
    require_tld: false,
    allow_query_components: false,
    allow_fragments: false,
  })
  readonly publicUrl: string | undefined = undefined;

  @Setting({ name: 'CANH_LOG_LEVEL', says: `How much is logged: ${LOG_LEVELS.join(', ')}.` })
  @IsIn(LOG_LEVELS)
  readonly logLevel: (typeof LOG_LEVELS)[number] = 'info';

  @Setting({
    name: 'CANH_SELF_REPORT_SECONDS',
    says: 'So often Canh reports how it is itself, as the station canh whose rules are in devices/system/canh; 0 never does.',
  })
  @IsInt()
  @Min(0)
  @Max(3_600)
  readonly selfReportSeconds: number = 60;

  get journalDir(): string {
    return resolve(this.dataDir, 'journal');
  }

  get recordsFile(): string {
    return resolve(this.dataDir, 'records.sqlite');
  }

  get seriesDir(): string {
    return resolve(this.dataDir, 'series');
  }
}
