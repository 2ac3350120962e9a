import { IsBoolean, IsInt, IsOptional, Matches, Max, Min, MinLength, ValidateBy } from 'class-validator';
import { isMailAddress } from '@canh/core/dispatch/mail-address';
import { Setting } from '@canh/runtime/settings';
import { TlsSettings } from '@canh/runtime/tls/tls.settings';

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
}
