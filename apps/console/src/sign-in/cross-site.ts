import type { FastifyRequest } from 'fastify';
import { crossSite } from '../problem.js';

/**
 * A browser sends our cookie whoever asks it to, but lets another site set no header of its own, and says where a request comes from.
 * Throws the Problem `cross-site` for a write that is not the page's own.
 */
export function refuseCrossSite(request: FastifyRequest, publicUrl: string | undefined): void {
  const { origin, host, 'x-canh': marker, 'sec-fetch-site': site } = request.headers;
  if (marker !== 'console') throw crossSite();
  if (site !== undefined && site !== 'same-origin') throw crossSite();
  if (origin === undefined) return;
  const from = originHost(origin);
  if (from === null || (from !== host && from !== originHost(publicUrl))) throw crossSite();
}

/** By host and port: behind a proxy that ends TLS, the scheme that arrives here is not the one in the browser. */
function originHost(url: string | undefined): string | null {
  return url !== undefined && URL.canParse(url) ? new URL(url).host : null;
}
