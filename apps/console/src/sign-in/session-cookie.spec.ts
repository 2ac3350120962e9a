import { expect, it } from 'vitest';
import { sessionCookie, sessionToken } from './session-cookie.js';

const TOKEN = 'a-_Z0'.padEnd(43, 'x');

it.each([
  [`canh_session=${TOKEN}`, TOKEN],
  [`theme=dark; canh_session=${TOKEN}; x=1`, TOKEN],
  [`theme=dark;canh_session=${TOKEN}`, TOKEN],
  [undefined, null],
  ['', null],
  [`xcanh_session=${TOKEN}`, null],
  [`canh_session=${TOKEN}x`, null],
  [`canh_session=${TOKEN.slice(1)}`, null],
  [`canh_session="${TOKEN}"`, null],
])('finds in the header %j the token %j', (header, token) => {
  expect(sessionToken(header)).toBe(token);
});

it('goes back to the browser as the header that it will send', () => {
  expect(sessionToken(sessionCookie(TOKEN, true).split(';')[0])).toBe(TOKEN);
});
