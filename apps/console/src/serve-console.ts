import { existsSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { ProblemView } from '@canh/contract/views.dto';
import { ConsoleModule } from './console.module.js';

/** Where the build puts the page: beside the compiled program. */
const BUILT_PAGE = fileURLToPath(new URL('../static/', import.meta.url));

/** Adds the page and the description of the API to an application that has the ConsoleModule in it; before it listens. */
export function serveConsole(app: NestFastifyApplication, pageFolder = BUILT_PAGE): void {
  serveDescription(app);
  servePage(app, pageFolder);
}

/** The API as OpenAPI describes it. */
export function describeApi(app: NestFastifyApplication): OpenAPIObject {
  const about = new DocumentBuilder()
    .setTitle('Canh')
    .setDescription(
      'API of the console. Times are milliseconds since the epoch, UTC. Every write carries the header `x-canh: console`.',
    )
    .setVersion('1')
    .addCookieAuth('canh_session')
    .addSecurityRequirements('cookie')
    .addGlobalResponse({ status: 'default', description: 'Every refusal says why.', type: ProblemView })
    .build();
  return SwaggerModule.createDocument(app, about, { include: [ConsoleModule], extraModels: [ProblemView] });
}

function serveDescription(app: NestFastifyApplication): void {
  SwaggerModule.setup('api/docs', app, () => describeApi(app), {
    customSiteTitle: 'Canh API',
    jsonDocumentUrl: 'api/openapi.json',
    raw: ['json'],
    swaggerOptions: { validatorUrl: null },
  });
}

/** Addresses that belong to programs: what is missing there is an error in JSON, and never the page. */
const FOR_PROGRAMS = /^\/(api|health|metrics)(\/|$)/;
/** Addresses the page gives its views. Nothing needs an escape in them, so nothing hidden in one gets through. */
const VIEW = /^\/[A-Za-z0-9._~/-]*$/;

function servePage(app: NestFastifyApplication, folder: string): void {
  const http = app.getHttpAdapter().getInstance();
  const built = existsSync(join(folder, 'index.html'));
  if (built) {
    const root = realpathSync(folder);
    void http.register(fastifyStatic, {
      root: folder,
      // One route for each file that was built: there is no path to work out, and so none to work around.
      wildcard: false,
      // The page itself is answered below, at every address of its views.
      index: false,
      // A link in the folder must not lead out of it.
      allowedPath: (path) =>
        existsSync(join(root, path)) && `${realpathSync(join(root, path))}${sep}`.startsWith(root + sep),
      cacheControl: false,
      setHeaders: (reply, path) =>
        // Names in assets/ carry the hash of what is in them; the rest is asked for again and answered with 304.
        reply.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'),
    });
  }
  http.get('/*', (request, reply) => {
    const [path = '/'] = request.url.split('?');
    const wantsPage = request.headers.accept?.includes('text/html') === true;
    if (FOR_PROGRAMS.test(path) || !VIEW.test(path) || /\/\.|\/\//.test(path) || !wantsPage)
      return reply.callNotFound();
    if (!built)
      return reply
        .code(503)
        .type('text/plain; charset=utf-8')
        .send('Trang chưa được dựng; hãy chạy npm run build.\nThe page was not built; run npm run build.\n');
    return reply.sendFile('index.html');
  });
}
