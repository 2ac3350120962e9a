import { IsInt, Max, Min } from 'class-validator';
import { Setting } from './settings.js';
import { TlsSettings } from './tls/tls.settings.js';

/** What every process with an HTTP door needs to know. */
export class HttpSettings extends TlsSettings {
  @Setting({
    name: 'CANH_HTTP_PORT',
    says: 'Port of the console, the API and the HTTP door for devices; 0 takes a free one.',
  })
  @IsInt()
  @Min(0)
  @Max(65_535)
  readonly httpPort: number = 8080;
}
