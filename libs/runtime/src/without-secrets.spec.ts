import { describe, expect, it } from 'vitest';
import { harmlessLine, keepSecret, withoutSecrets } from './without-secrets.js';

describe('a line of the log', () => {
  it('says no secret setting, in whatever form a library repeats it', () => {
    keepSecret('smtp://canh:m%40t-kh%E1%BA%A9u@mail.example.vn:587');
    keepSecret('a-key-of-at-least-"32"-characters-and-more');
    keepSecret('https://ping.example/0a1b2c3d-uuid');
    const login = Buffer.from('\0canh\0m@t-khẩu').toString('base64');
    const said = [
      'connect smtp://canh:m%40t-kh%E1%BA%A9u@mail.example.vn:587 failed',
      '535 bad password m@t-khẩu',
      `AUTH PLAIN ${login}`,
      JSON.stringify({ key: 'a-key-of-at-least-"32"-characters-and-more' }),
      'HTTP 404 Not Found: no check at /0a1b2c3d-uuid',
    ];
    for (const line of said) {
      const clean = withoutSecrets(line);
      expect(clean).toContain('[secret]');
      for (const secret of ['t-kh', login, '32', '0a1b2c3d']) expect(clean).not.toContain(secret);
    }
  });

  it.each([
    [{ a: { b: { deviceToken: 'x"y\\z' } } }, { a: { b: { deviceToken: '[secret]' } } }],
    [{ headers: { authorization: 'Token abc' } }, { headers: { authorization: '[secret]' } }],
    [{ body: '{"password": "abc def","n":1}' }, { body: '{"password": "[secret]","n":1}' }],
    [{ url: '/api/v1/Zm9vYmFy/telemetry?x=1' }, { url: '/api/v1/[secret]/telemetry?x=1' }],
    [{ msg: 'cannot reach postgres://canh:abc@db:5432/x' }, { msg: 'cannot reach postgres://[secret]@db:5432/x' }],
    [
      { event: 'mqtt.tokens-unchecked', n: 1 },
      { event: 'mqtt.tokens-unchecked', n: 1 },
    ],
  ])('cuts %j out by its name or its place', (said, left) => {
    expect(JSON.parse(withoutSecrets(JSON.stringify(said)))).toEqual(left);
  });

  it('holds no sign that ends a line, moves a cursor or turns words around', () => {
    const said = { deviceId: 'x\nINFO \u001b[2J \u0085 \u2028 \u202e \u009b31m' };
    const line = harmlessLine(JSON.stringify(said));
    // oxlint-disable-next-line no-control-regex -- that is what must not be there
    expect(line).toMatch(/^[\u0020-\u007e]+$/);
    expect(JSON.parse(line)).toEqual(said);
  });
});
