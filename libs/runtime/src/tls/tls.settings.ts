import { IsOptional, IsString, Matches, MinLength } from 'class-validator';
import { CommonSettings } from '../common.settings.js';
import { Setting } from '../settings.js';

/** What every process with a door needs to know to speak TLS there. */
export class TlsSettings extends CommonSettings {
  @Setting({
    name: 'CANH_TLS_CERT_FILE',
    says: 'PEM file of the server certificate and its chain. With it the HTTP and WebSocket ports speak TLS, and MQTT over TLS opens. A file that changes is read again.',
  })
  @IsOptional()
  @IsString()
  @MinLength(1)
  readonly tlsCertFile: string | undefined = undefined;

  @Setting({ name: 'CANH_TLS_KEY_FILE', says: 'PEM file of the private key of that certificate, not encrypted.' })
  @IsOptional()
  @IsString()
  @MinLength(1)
  readonly tlsKeyFile: string | undefined = undefined;

  @Setting({
    name: 'CANH_TLS_CLIENT_CA_FILE',
    says: 'PEM file of the authorities that sign client certificates of devices, one after the other. A device without a certificate uses its token or password; one with it posts to /api/v1/me/telemetry over HTTPS.',
  })
  @IsOptional()
  @IsString()
  @MinLength(1)
  readonly tlsClientCaFile: string | undefined = undefined;

  @Setting({
    name: 'CANH_TLS_CRL_FILE',
    says: 'File of the revocation lists of those authorities, PEM or DER. Who is on it is hung up on.',
  })
  @IsOptional()
  @IsString()
  @MinLength(1)
  readonly tlsCrlFile: string | undefined = undefined;

  @Setting({
    name: 'CANH_TLS_CLIENT_CA_UNITS',
    says: 'Which authority speaks for the devices of one unit only: its common name=the unit that owns the stations; further ones behind a semicolon. Others speak for all.',
  })
  @IsOptional()
  @Matches(/^[^=;]+=[^=;]+(;[^=;]+=[^=;]+)*;?$/, { message: 'it must be name=unit; name=unit' })
  readonly tlsClientCaUnits: string | undefined = undefined;

  /** Whether what comes in over HTTP comes encrypted. */
  get speaksTls(): boolean {
    return this.tlsCertFile !== undefined;
  }
}
