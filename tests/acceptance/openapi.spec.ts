import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CanhProcess } from '../support/canh-process.js';

type Schema = Readonly<Record<string, unknown>>;
interface Operation {
  readonly operationId?: string;
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema?: Schema }>> }>>;
  readonly requestBody?: unknown;
}
interface OpenApi {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, { properties?: object }>> };
}

describe('/api/openapi.json of the build', () => {
  let canh: CanhProcess;
  let document: OpenApi;
  beforeAll(async () => {
    canh = await CanhProcess.start();
    document = await (await canh.signIn()).get<OpenApi>('/api/openapi.json');
  }, 90_000);
  afterAll(() => canh?.remove());

  it('is OpenAPI 3 with schemas that have properties, and every reference leads somewhere', () => {
    expect(document.openapi).toMatch(/^3\.\d+\.\d+$/);
    expect(document.info.title).not.toBe('');
    const { schemas } = document.components;
    expect(Object.keys(schemas).length).toBeGreaterThan(5);
    for (const [name, { properties }] of Object.entries(schemas))
      expect(Object.keys(properties ?? {}).length, `${name} has no properties`).toBeGreaterThan(0);
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
    expect(references.length).toBeGreaterThan(5);
    for (const [, name = ''] of references) expect(schemas[name], name).toBeDefined();
    const ids = Object.values(document.paths).flatMap((path) => Object.values(path).map((one) => one.operationId));
    expect(new Set(ids).size).toBe(ids.length);
    for (const [path, operations] of Object.entries(document.paths))
      for (const name of [...path.matchAll(/\{(\w+)\}/g)].map(([, inPath]) => inPath))
        for (const { parameters = [] } of Object.values(operations))
          expect(
            parameters.some((one) => one.in === 'path' && one.name === name),
            path,
          ).toBe(true);
  });

  it('describes what the page uses, and each of it asks who is there', async () => {
    const asked: string[] = [];
    for (const [path, operations] of Object.entries(document.paths)) {
      if (operations['get'] === undefined || path.startsWith('/health') || path === '/metrics') continue;
      const url = canh.consoleUrl + path.replace(/\{\w+\}/g, 'x');
      const answer = await fetch(url);
      await answer.body?.cancel();
      expect(answer.status, path).toBe(401);
      asked.push(path);
    }
    expect(asked).toEqual(
      expect.arrayContaining([
        '/api/session',
        '/api/alerts',
        '/api/alerts/{id}',
        '/api/stations',
        '/api/stations/{id}/devices',
        '/api/devices/{id}/commands',
        '/api/devices/{id}/commands/{command}',
        '/api/quarantine',
        '/api/ledger',
        '/api/ledger/readings',
      ]),
    );
    expect(document.paths['/api/quarantine/replay']).toHaveProperty('post.requestBody');
    expect(document.paths['/api/devices/{id}/commands']).toHaveProperty('post.requestBody');
    const replayed = await fetch(`${canh.consoleUrl}/api/quarantine/replay`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-canh': 'console' },
      body: '{}',
    });
    expect(replayed.status).toBe(401);
  });
});
