import { IsBoolean, IsInt, IsOptional, IsUrl, Matches, Max, Min, MinLength, ValidateBy } from 'class-validator';
import { isMailAddress } from '@canh/core/dispatch/mail-address';
import { USUAL_BOUNDS, type TellingBounds } from '@canh/core/dispatch/telling-bounds';
import { MINUTE_MS, SECOND_MS } from '@canh/core/time/instant';
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

const NotUnder = (name: string, other: 'noticesAny' | 'noticesFirst'): PropertyDecorator =>
  ValidateBy({
    name: 'notUnder',
    validator: {
      validate: (count, at) => Number(count) >= (at!.object as NotifierSettings)[other],
      defaultMessage: (at) =>
        `it must be at least ${(at!.object as NotifierSettings)[other]}, as ${name} is; raise the one or lower the other`,
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
    name: 'CANH_NOTICES_MINUTES',
    says: 'The time over which the messages to one address are counted, in each channel. What is more than the bounds below comes together in a digest, and nothing is dropped.',
  })
  @IsInt()
  @Min(1)
  @Max(1_440)
  readonly noticesMinutes: number = USUAL_BOUNDS.windowMs / MINUTE_MS;

  @Setting({
    name: 'CANH_NOTICES_ANY',
    says: 'So many single messages go to one address within CANH_NOTICES_MINUTES, whatever they say.',
  })
  @IsInt()
  @Min(1)
  @Max(10_000)
  readonly noticesAny: number = USUAL_BOUNDS.any;

  @Setting({
    name: 'CANH_NOTICES_FIRST',
    says: 'Up to so many, when the further ones are each the first word of an alert, or say that one became worse.',
  })
  @IsInt()
  @Min(1)
  @Max(10_000)
  @NotUnder('CANH_NOTICES_ANY', 'noticesAny')
  readonly noticesFirst: number = USUAL_BOUNDS.first;

  @Setting({
    name: 'CANH_NOTICES_CRITICAL',
    says: 'Up to so many, when those beyond say that something is critical now.',
  })
  @IsInt()
  @Min(1)
  @Max(10_000)
  @NotUnder('CANH_NOTICES_FIRST', 'noticesFirst')
  readonly noticesCritical: number = USUAL_BOUNDS.critical;

  @Setting({
    name: 'CANH_DIGEST_WAIT_SECONDS',
    says: 'So long a digest waits for what comes next; in a storm, less makes more mails.',
  })
  @IsInt()
  @Min(1)
  @Max(3_600)
  readonly digestWaitSeconds: number = USUAL_BOUNDS.digestWaitMs / SECOND_MS;

  @Setting({
    name: 'CANH_DIGEST_SECONDS',
    says: 'The next digest to the same contact comes so long after the one before, or sooner when it says that something is critical.',
  })
  @IsInt()
  @Min(1)
  @Max(86_400)
  readonly digestSeconds: number = USUAL_BOUNDS.digestEveryMs / SECOND_MS;

  @Setting({
    name: 'CANH_DIGEST_ALERTS',
    says: 'So many alerts are named in one digest; of more, several digests are made. 500 make a mail of about half a megabyte.',
  })
  @IsInt()
  @Min(10)
  @Max(2_000)
  readonly digestAlerts: number = USUAL_BOUNDS.digestIncidents;

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

  get tellingBounds(): TellingBounds {
    return {
      windowMs: this.noticesMinutes * MINUTE_MS,
      any: this.noticesAny,
      first: this.noticesFirst,
      critical: this.noticesCritical,
      digestWaitMs: this.digestWaitSeconds * SECOND_MS,
      digestEveryMs: this.digestSeconds * SECOND_MS,
      digestIncidents: this.digestAlerts,
    };
  }
}
