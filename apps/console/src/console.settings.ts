import { IsOptional, IsString, IsUrl, MaxLength, MinLength } from 'class-validator';
import { HttpSettings } from '@canh/runtime/http.settings';
import { Setting } from '@canh/runtime/settings';

export class ConsoleSettings extends HttpSettings {
  @Setting({
    name: 'CANH_ADMIN_PASSWORD',
    says: 'Password of the operator admin, at least 8 characters; without it the first start makes one and prints it once.',
    secret: true,
  })
  @IsOptional()
  @IsString()
  @MinLength(8)
  @MaxLength(256)
  readonly adminPassword: string | undefined = undefined;

  @Setting({
    name: 'CANH_DEMO_INBOX_URL',
    says: 'Where the mailbox of a demonstration can be read; the page links to it.',
  })
  @IsOptional()
  @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false })
  readonly demoInboxUrl: string | undefined = undefined;
}
