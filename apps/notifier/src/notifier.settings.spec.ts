import { describe, expect, it } from 'vitest';
import { readSettings } from '@canh/runtime/settings';
import { NotifierSettings } from './notifier.settings.js';

const read = (environment: Record<string, string>): NotifierSettings => readSettings(NotifierSettings, environment);

describe('the settings of the notifier', () => {
  it('need nothing to be set', () => {
    expect(read({})).toMatchObject({
      smtpUrl: undefined,
      mailFrom: 'canh@localhost',
      publicUrl: undefined,
      webhookSecret: undefined,
      webhookAllowPrivate: false,
      deliveriesAtOnce: 5,
    });
  });

  it.each([
    'smtp://mail.example.vn',
    'smtp://mail.example.vn:587/',
    'smtps://canh:p%40ss@mail.example.vn:465',
    'smtp://127.0.0.1:1025/?ignoreTLS=true',
    'smtp://[::1]:25',
  ])('take %s as a mail server', (url) => expect(read({ CANH_SMTP_URL: url }).smtpUrl).toBe(url));

  it.each([
    ['CANH_SMTP_URL', 'mail.example.vn', 'CANH_SMTP_URL: it must be smtp:// or smtps:// with a host'],
    [
      'CANH_SMTP_URL',
      'https://user:s3cret@mail.example.vn',
      'CANH_SMTP_URL: it must be smtp:// or smtps:// with a host',
    ],
    [
      'CANH_MAIL_FROM',
      'Canh <canh@example.vn>',
      "CANH_MAIL_FROM='Canh <canh@example.vn>': it must be one bare address",
    ],
    ['CANH_WEBHOOK_SECRET', 'too short', 'CANH_WEBHOOK_SECRET: it must be longer than or equal to 32 characters'],
    ['CANH_WEBHOOK_ALLOW_PRIVATE', 'perhaps', "CANH_WEBHOOK_ALLOW_PRIVATE='perhaps': it must be a boolean"],
    ['CANH_DELIVERIES_AT_ONCE', '0', "CANH_DELIVERIES_AT_ONCE='0': it must not be less than 1"],
    ['CANH_DELIVERIES_AT_ONCE', 'NaN', 'CANH_DELIVERIES_AT_ONCE'],
    ['CANH_HEARTBEAT_URL', 'http://ping.example.vn/x', 'CANH_HEARTBEAT_URL: it must be https, unless'],
    ['CANH_HEARTBEAT_URL', 'https://user:s3cret@ping.example.vn', 'CANH_HEARTBEAT_URL: '],
    ['CANH_CANARY_SECONDS', '119', 'it must be at least 120, twice CANH_SELF_REPORT_SECONDS=60'],
    ['CANH_PUBLIC_URL', 'javascript:alert(1)', 'CANH_PUBLIC_URL'],
    ['CANH_PUBLIC_URL', 'canh.example.vn', 'CANH_PUBLIC_URL'],
  ])('refuse %s=%s', (name, value, message) => {
    expect(() => read({ [name]: value })).toThrowError(
      expect.objectContaining({ code: 'BAD_SETTING', message: expect.stringContaining(message) }),
    );
  });
});
