import { describe, expect, it } from 'vitest';
import { isMailAddress } from './mail-address.js';

describe('a bare e-mail address', () => {
  it.each([
    'truc.ban@quangtri.gov.vn',
    'a@localhost',
    'x+canh@mail.example.com',
    "o'neil@example.com",
    'a@xn--qung-tr-9ya.vn',
  ])('is %s', (text) => expect(isMailAddress(text)).toBe(true));

  it.each([
    '',
    'a',
    '@example.com',
    'a@',
    'b@x\r\nBcc: evil@x',
    'a@x\n',
    'a@x, evil@x',
    'a@x;evil@x',
    'a@x evil@x',
    'Trực ban <a@example.com>',
    '<a@example.com>',
    '"a b"@example.com',
    '"a@evil.com"@example.com',
    'a@evil.com@example.com',
    'a(comment)@example.com',
    'a@example.com(comment)',
    'group:a@example.com;',
    'a@[127.0.0.1]',
    'a@example..com',
    '.a@example.com',
    'a.@example.com',
    'a..b@example.com',
    'a@-example.com',
    'a@example-.com',
    'a@exam_ple.com',
    'trực.ban@example.com',
    'a@quảngtrị.vn',
    'a@ex\u0000ample.com',
    'a@example.com\u0000',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(64)}.com`,
    `a@${'b.'.repeat(130)}com`,
    'a\u202e@example.com',
  ])('is not %j', (text) => expect(isMailAddress(text)).toBe(false));
});
