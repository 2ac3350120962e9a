import { SetMetadata, type CustomDecorator } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Server } from 'node:tls';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { nestsDeeperThan } from '@canh/core/readings/decode-telemetry';
import { portNotOpen } from './open-door.js';
import { setSecurityHeaders } from './security-headers.js';
import type { Tls } from './tls/tls.js';

/** More than any document that a page or a program hands in; a door for devices states its own. */
export const MAX_BODY_BYTES = 64 * 1024;
/** Deeper than any of those documents, and far from where the code that walks through one runs out of stack. */
const MAX_JSON_DEPTH = 8;
const MAX_CONNECTIONS = 2_000;

export const PUBLIC = 'canh:public';

/** A route that may be called without a signed-in operator. Whatever is not marked needs one. */
export const Public = (): CustomDecorator => SetMetadata(PUBLIC, true);

class HttpAdapter extends FastifyAdapter {
  /** Nest's own parsers take forms as well, which any site can make a browser send without asking; ours is set where the adapter is made. */
  override registerParserMiddleware(): void {}
}

/**
 * Fastify as every process of Canh wants it: over TLS where there is a certificate, limits on time, size and number, safe headers, JSON as
 * the only kind of body. `asksDevices`: client certificates are asked for, where there are authorities for them.
 */
export function createHttpAdapter(tls: Tls | null = null, asksDevices = false): FastifyAdapter {
  // Node looks for slow senders only so often; its own 30 s would make 10 s into 40.
  const slowness = { headersTimeout: 10_000, connectionsCheckingInterval: 5_000 };
  const overTls = tls !== null;
  const adapter = new HttpAdapter({
    // A stream stays open for ever, and with it the process that should stop.
    forceCloseConnections: true,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: 30_000,
    ...(overTls ? { https: { ...tls.options(asksDevices), ...slowness } } : { http: slowness }),
    // A proxy on this machine may say for whom it asks; nobody else is believed.
    trustProxy: 'loopback',
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error: FastifyError, _request: FastifyRequest, reply: FastifyReply) => {
      setSecurityHeaders(reply.raw, overTls);
      const statusCode = error.statusCode ?? 400;
      void reply
        .code(statusCode)
        .send({ statusCode, code: 'bad-address', message: 'Địa chỉ không hợp lệ. / The address is not valid.' });
    },
  });
  const http = adapter.getInstance();
  http.server.maxConnections = MAX_CONNECTIONS;
  // As its types do not tell, it is a TLS server here.
  tls?.serve(http.server as unknown as Server, asksDevices);
  http.addHook('onRequest', (_request, reply, done) => {
    setSecurityHeaders(reply.raw, overTls);
    done();
  });
  const parse = http.getDefaultJsonParser('error', 'error');
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  http.removeAllContentTypeParsers();
  http.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    let text: string;
    try {
      text = utf8.decode(body as Buffer);
    } catch {
      return done(badBody('The body is not UTF-8.'));
    }
    if (nestsDeeperThan(text, MAX_JSON_DEPTH)) return done(badBody(`The body nests deeper than ${MAX_JSON_DEPTH}.`));
    return parse(request, text, done);
  });
  return adapter;
}

const badBody = (message: string): Error =>
  Object.assign(new Error(message), { statusCode: 400, status: 400, expose: true });

/** Opens the door and returns its address, or throws CanhError `PORT_NOT_OPEN`. `setting` is what the person who starts it can change. */
export async function listen(
  app: NestFastifyApplication,
  host: string,
  port: number,
  setting: string,
): Promise<string> {
  await app.init();
  try {
    // Nest's own listen() writes an error line of its own beside ours.
    return await app.getHttpAdapter().getInstance().listen({ port, host });
  } catch (cause) {
    throw portNotOpen(host, port, setting, cause);
  }
}
