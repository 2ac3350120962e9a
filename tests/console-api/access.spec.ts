import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeApi } from '../../apps/console/src/serve-console.js';
import { get, putThachHan, send, signIn, startConsole, type RunningConsole } from './console.parts.js';
import { raised } from '../contracts/records.story.js';

const NOW = Date.UTC(2026, 10, 21, 19);

let console: RunningConsole;
let session: { cookie: string };
let pageFolder: string;
let alertId: string;

beforeAll(async () => {
  pageFolder = await mkdtemp(join(tmpdir(), 'canh-page-'));
  await mkdir(join(pageFolder, 'static', 'assets'), { recursive: true });
  await writeFile(join(pageFolder, 'static', 'index.html'), '<!doctype html><title>Canh</title>');
  await writeFile(join(pageFolder, 'static', 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  await writeFile(join(pageFolder, 'static', 'assets', 'index-C0ffee01.js'), 'export {};');
  await writeFile(join(pageFolder, 'secret.txt'), 'TOP-SECRET');
  await symlink(join(pageFolder, 'secret.txt'), join(pageFolder, 'static', 'linked.txt'));
  console = await startConsole({ pageFolder: join(pageFolder, 'static') });
  await putThachHan(console.records);
  await console.records.alertStore.apply([raised('thach-han', NOW)], NOW);
  alertId = (await console.records.alertDesk.list('open', 1))[0]?.id ?? '';
  session = await signIn(console);
});
afterAll(async () => {
  await console.close();
  await rm(pageFolder, { recursive: true, force: true });
});

interface Route {
  readonly method: string;
  readonly path: string;
}

/** Every operation that the API describes, with something in the place of its parameters. */
function routes(): Route[] {
  const { paths } = describeApi(console.app);
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{\w+\}/g, alertId),
    })),
  );
}

describe('who is not signed in', () => {
  it('is refused by every route of the API but the one that signs in', async () => {
    const all = routes();
    expect(all.length).toBeGreaterThanOrEqual(9);
    const open: string[] = [];
    for (const { method, path } of all) {
      const sent = path === '/api/session' ? { login: 'a', password: 'b' } : { version: 1 };
      const { status, body } = await send(console, method, path, method === 'POST' ? sent : undefined);
      if (status !== 401 || body.code !== 'signed-out') open.push(`${method} ${path}: ${status} ${body?.code}`);
    }
    expect(open).toEqual(['POST /api/session: 401 wrong-credentials']);
  });

  it('cannot tell by the answer whether an alert or a station exists', async () => {
    const known = await get(console, `/api/alerts/${alertId}`);
    expect(await get(console, '/api/alerts/no.such.alert')).toMatchObject({ status: known.status, body: known.body });
  });

  it('gets health, and metrics, and the description of the API, with nothing secret in them', async () => {
    for (const path of ['/health/live', '/metrics', '/api/openapi.json', '/api/docs']) {
      const { status, text } = await get(console, path);
      expect([path, status]).toEqual([path, 200]);
      expect(text).not.toContain('argon2');
    }
  });
});

describe('a write that another site made the browser send', () => {
  const acknowledge = (headers: Readonly<Record<string, string>>) =>
    send(console, 'POST', `/api/alerts/${alertId}/acknowledge`, { version: 1 }, { ...session, ...headers });

  it.each([
    ['without our header', { 'x-canh': '' }],
    ['with another origin', { origin: 'https://evil.example' }],
    ['with a page in a sandbox', { origin: 'null' }],
    ['with the same host on another port', { origin: 'http://127.0.0.1:1' }],
    ['with a host that begins like ours', { origin: 'http://127.0.0.1.evil.example' }],
    ['from another site, says the browser', { 'sec-fetch-site': 'cross-site' }],
    ['from a neighbour of the same site, says the browser', { 'sec-fetch-site': 'same-site' }],
  ])('is refused: %s', async (_what, headers) => {
    expect(await acknowledge(headers)).toMatchObject({ status: 403, body: { statusCode: 403, code: 'cross-site' } });
    expect((await console.records.alertDesk.one(alertId))?.alert).toMatchObject({ state: 'active', version: 1 });
  });

  it('is refused for signing in and out as well', async () => {
    for (const [method, body] of [
      ['POST', { login: 'admin', password: 'x' }],
      ['DELETE', undefined],
    ] as const)
      expect(
        await send(console, method, '/api/session', body, { ...session, origin: 'https://evil.example' }),
      ).toMatchObject({ status: 403 });
    expect((await get(console, '/api/session', session)).status).toBe(200);
  });

  it('is no write when it comes from the page itself', async () => {
    const answer = await send(
      console,
      'POST',
      '/api/alerts/no.such/acknowledge',
      { version: 1 },
      { ...session, origin: console.url, 'sec-fetch-site': 'same-origin' },
    );
    expect(answer).toMatchObject({ status: 404, body: { code: 'unknown-alert' } });
  });
});

describe('an answer', () => {
  it('carries the headers that keep a page safe, whatever it is', async () => {
    const answers = [
      await get(console, '/api/alerts', session),
      await get(console, '/api/alerts'),
      await get(console, '/api/nothing', session),
      await get(console, '/', { accept: 'text/html' }),
      await get(console, '/%zz'),
      await get(console, `/api/alerts/${'x'.repeat(300)}`, session),
      await send(console, 'POST', '/api/session', '{'),
    ];
    for (const { headers } of answers) {
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
      );
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('same-origin');
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
    expect(answers[0]?.headers.get('cache-control')).toBe('no-store');
  });

  it('to what is not there is a problem in JSON, never a page and never a stack', async () => {
    for (const [method, path] of [
      ['GET', '/api/nothing'],
      ['GET', '/api'],
      ['GET', '/api/alerts/a/b/c'],
      ['PUT', '/api/alerts'],
      ['POST', '/nothing'],
      ['GET', '/health/nothing'],
    ] as const) {
      const { status, body, text } = await send(console, method, path, undefined, { ...session, accept: 'text/html' });
      expect([path, status, body]).toEqual([
        path,
        404,
        { statusCode: 404, code: 'not-found', message: expect.any(String) },
      ]);
      expect(text).not.toMatch(/\n\s+at |node_modules/);
    }
  });

  it('to a preflight of another site allows nothing', async () => {
    const { status, headers } = await send(console, 'OPTIONS', '/api/session', undefined, {
      origin: 'https://evil.example',
      'access-control-request-method': 'POST',
    });
    expect(status).toBe(404);
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('the page', () => {
  it('is served for its own views, asked for again each time', async () => {
    for (const path of ['/', `/alerts/${alertId}`, '/stations/thach-han?metric=level_m']) {
      const { status, text, headers } = await get(console, path, { accept: 'text/html,*/*' });
      expect([path, status, text]).toEqual([path, 200, '<!doctype html><title>Canh</title>']);
      expect(headers.get('cache-control')).toBe('no-cache');
    }
  });

  it('has parts whose names carry their hash, and those may be kept', async () => {
    const { status, headers } = await get(console, '/assets/index-C0ffee01.js');
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect((await get(console, '/favicon.svg')).headers.get('content-type')).toBe('image/svg+xml');
  });

  it('is not given in the place of a part that is missing', async () => {
    expect((await get(console, '/assets/index-gone.js', { accept: '*/*' })).status).toBe(404);
  });

  it.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/%2e%2e%2fsecret.txt',
    '/..%252fsecret.txt',
    '/assets/../../secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/assets/....//....//secret.txt',
    '/..%5csecret.txt',
    '/..\\secret.txt',
    '/%00',
    '/index.html%00.js',
    '/assets/%00../../secret.txt',
    '/%c0%ae%c0%ae/secret.txt',
    '//etc/passwd',
    '/%2fetc%2fpasswd',
    '/linked.txt',
    '/../linked.txt',
    'http://127.0.0.1/../secret.txt',
    '/api/docs/..%2f..%2f..%2fpackage.json',
    '/api/docs/%2e%2e/%2e%2e/package.json',
    '/.git/config',
    '/.env',
  ])('gives nothing outside itself for %s', async (path) => {
    // Over a socket, since every client tidies such a path before it sends it.
    const answer = await rawGet(path);
    expect(answer).toMatch(/^HTTP\/1\.1 40[034] /);
    expect(answer).not.toMatch(/TOP-SECRET|root:|"dependencies"/);
  });
});

function rawGet(path: string): Promise<string> {
  const { hostname, port } = new URL(console.url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname);
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => (answer += part));
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAccept: text/html\r\nConnection: close\r\n\r\n`);
  });
}
