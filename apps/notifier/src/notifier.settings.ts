import { IsBoolean, IsInt, IsOptional, IsUrl, Matches, Max, Min, MinLength, ValidateBy } from 'class-validator';
import { isMailAddress } from '@canh/core/dispatch/mail-address';
import { Setting } from '@canh/runtime/settings';
import { TlsSettings } from '@canh/runtime/tls/tls.settings';

/** Of reports that come every minute, one may be late and the next on its way. */
const CANARIES_MISSED = 2;

const LeavesTimeForReports = (): PropertyDecorator =>
  ValidateBy({
    name: 'leavesTimeForReports',
    validator: {
      validate: (seconds, at) => {
        const { selfReportSeconds } = at!.object as NotifierSettings;
        return seconds === 0 || Number(seconds) >= CANARIES_MISSED * selfReportSeconds;
      },
      defaultMessage: (at) => {
        const { selfReportSeconds } = at!.object as NotifierSettings;
        return `it must be at least ${CANARIES_MISSED * selfReportSeconds}, twice CANH_SELF_REPORT_SECONDS=${selfReportSeconds}, or every report that is a little late would be an alert; raise the one or lower the other`;
      },
    },
  });

/** As webhooks are: the way to it is not trusted either. */
const EncryptedUnlessPrivate = (): PropertyDecorator =>
  ValidateBy({
    name: 'encryptedUnlessPrivate',
    validator: {
      validate: (url, at) =>
        String(url).toLowerCase().startsWith('https:') || (at!.object as NotifierSettings).webhookAllowPrivate,
      defaultMessage: () => 'it must be https, unless CANH_WEBHOOK_ALLOW_PRIVATE is true',
    },
  });

/** What the process that tells people needs to know. */
export class NotifierSettings extends TlsSettings {
  @Setting({
    name: 'CANH_SMTP_URL',
    says: 'Mail server: smtp://user:password@mail.example.vn:587 or smtps://…:465. Without it no e-mail leaves, and each delivery says so.',
    secret: true,
  })
  @IsOptional()
  @Matches(/^smtps?:\/\/[^/\s?#]+(\/?\?\S*)?\/?$/, { message: 'it must be smtp:// or smtps:// with a host' })
  readonly smtpUrl: string | undefined = undefined;

  @Setting({ name: 'CANH_MAIL_FROM', says: 'Sender of e-mails: one bare address.' })
  @ValidateBy({
    name: 'isMailAddress',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && isMailAddress(value),
      defaultMessage: () => 'it must be one bare address, such as canh@example.vn',
    },
  })
  readonly mailFrom: string = 'canh@localhost';

  @Setting({
    name: 'CANH_WEBHOOK_SECRET',
    says: 'Key of the signature of webhooks (HMAC-SHA256), 32 characters or more. Without it they are not signed.',
    secret: true,
  })
  @IsOptional()
  @MinLength(32)
  readonly webhookSecret: string | undefined = undefined;

  @Setting({
    name: 'CANH_WEBHOOK_ALLOW_PRIVATE',
    says: 'Whether webhooks may go to this machine and its network, and over plain http.',
  })
  @IsBoolean()
  readonly webhookAllowPrivate: boolean = false;

  @Setting({ name: 'CANH_DELIVERIES_AT_ONCE', says: 'How many messages are on their way at once, in each channel.' })
  @IsInt()
  @Min(1)
  @Max(50)
  readonly deliveriesAtOnce: number = 5;

  @Setting({
    name: 'CANH_NOTIFIER_PORT',
    says: 'Port of /health and /metrics of a notifier that runs as a process of its own; 0 serves none.',
  })
  @IsInt()
  @Min(0)
  @Max(65_535)
  readonly notifierPort: number = 0;

  @Setting({
    name: 'CANH_CANARY_SECONDS',
    says: 'When none of the reports that Canh sends through its own path has come out at its end for so long, people are alerted; 0 never does.',
  })
  @IsInt()
  @Min(0)
  @Max(86_400)
  @LeavesTimeForReports()
  readonly canarySeconds: number = 180;

  @Setting({
    name: 'CANH_HEARTBEAT_URL',
    says: 'Where a POST goes each minute while all is well: a dead man’s switch elsewhere that alarms people when it stops coming, because this machine or Canh on it is gone. Pause it there before a planned stop. Only https on the public internet, as for webhooks.',
    secret: true,
  })
  @IsOptional()
  @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false, disallow_auth: true })
  @EncryptedUnlessPrivate()
  readonly heartbeatUrl: string | undefined = undefined;

  @Setting({ name: 'CANH_HEARTBEAT_SECONDS', says: 'So often the heartbeat goes to CANH_HEARTBEAT_URL.' })
  @IsInt()
  @Min(1)
  @Max(3_600)
  readonly heartbeatSeconds: number = 60;
}
