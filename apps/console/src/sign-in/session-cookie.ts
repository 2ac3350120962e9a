import { LONGEST_MS } from './sessions.js';

const NAME = 'canh_session';
const COOKIE = new RegExp(`(?:^|;\\s*)${NAME}=([A-Za-z0-9_-]{43})(?:;|$)`);

/** The token in a Cookie header. */
export function sessionToken(cookieHeader: string | undefined): string | null {
  return COOKIE.exec(cookieHeader ?? '')?.[1] ?? null;
}

/** The Set-Cookie that hands a token over, or takes it back where there is none. `secure` wherever people come in over https. */
export function sessionCookie(token: string | null, secure: boolean): string {
  const parts = [
    `${NAME}=${token ?? ''}`,
    'Path=/',
    'HttpOnly',
    'SameSite=Lax',
    `Max-Age=${token === null ? 0 : LONGEST_MS / 1_000}`,
  ];
  return [...parts, ...(secure ? ['Secure'] : [])].join('; ');
}
