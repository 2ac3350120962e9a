import type { ServerResponse } from 'node:http';

const HEADERS: Readonly<Record<string, string>> = {
  // The page's parts set styles from script, so styles may stand inline; script never may.
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  // What may be kept says so itself.
  'cache-control': 'no-store',
};

/** Browsers that came in over TLS once come in over nothing else for half a year. */
const ONLY_TLS = 'max-age=15552000';

/** On the raw response, so that streams, errors and what is refused before routing carry them too. */
export function setSecurityHeaders(response: ServerResponse, overTls: boolean): void {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  if (overTls) response.setHeader('strict-transport-security', ONLY_TLS);
}
