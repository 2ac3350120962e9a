import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { attempt, get } from './console.parts.js';

const MAIN = join(import.meta.dirname, '../../dist/apps/console/src/main.js');

/** The console as it is installed: a process of its own, from what was built. */
describe.skipIf(!existsSync(MAIN))('the built console (needs dist: npm run build)', () => {
  let dataDir: string;
  const processes: ChildProcess[] = [];
  afterEach(async () => {
    for (const process of processes.splice(0))
      if (process.exitCode === null && process.kill('SIGKILL')) await once(process, 'exit');
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(
    settings: Readonly<Record<string, string>>,
  ): Promise<{ child: ChildProcess; said: () => string }> {
    dataDir = await mkdtemp(join(tmpdir(), 'canh-built-'));
    const child = spawn(process.execPath, ['--enable-source-maps', MAIN], {
      env: { PATH: process.env['PATH'], CANH_DATA_DIR: dataDir, CANH_LOG_LEVEL: 'error', ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    processes.push(child);
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (part: string) => (text += part));
    return { child, said: () => text };
  }

  async function address(child: ChildProcess, said: () => string): Promise<string> {
    for (;;) {
      const found = /^Canh: (http\S+)$/m.exec(said())?.[1];
      if (found !== undefined) return found;
      if (child.exitCode !== null) throw new Error(`the console ended: ${said()}`);
      await once(child.stdout!, 'data');
    }
  }

  it('prints its address and the one-time password, lets admin in with it, and stops with 0 when told to', async () => {
    const { child, said } = await start({ CANH_HTTP_PORT: '0' });
    const url = await address(child, said);
    const password = /administrator: admin .*: (\S+)$/m.exec(said())?.[1] ?? '';
    expect((await attempt({ url }, 'admin', password)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('describes every answer and every body of its API with its fields', async () => {
    const { child, said } = await start({ CANH_HTTP_PORT: '0' });
    const { body: api } = await get({ url: await address(child, said) }, '/api/openapi.json');
    const empty = Object.entries(api.components.schemas as Record<string, { properties?: object }>).filter(
      ([, { properties }]) => Object.keys(properties ?? {}).length === 0,
    );
    expect(empty).toEqual([]);
    for (const [path, operations] of Object.entries(
      api.paths as Record<string, Record<string, { responses: Record<string, { content?: object }> }>>,
    ))
      for (const [method, { responses }] of Object.entries(operations)) {
        const answered = responses['200'] ?? responses['201'];
        expect([method, path, answered ?? responses['204']]).toEqual([method, path, expect.anything()]);
        if (answered !== undefined) expect([method, path, answered.content]).toEqual([method, path, expect.anything()]);
        expect(JSON.stringify(responses['default'])).toContain('ProblemView');
      }
    expect(api.components.schemas.AcknowledgeAlert).toMatchObject({
      required: ['version'],
      properties: { version: { minimum: 1 }, note: { maxLength: 2_000 } },
    });
    expect(api.components.schemas.AlertView.properties.state.enum.toSorted()).toEqual([
      'acknowledged',
      'active',
      'closed',
      'returned',
    ]);
  });

  it('says in one line that its port is taken, and ends with 1', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as import('node:net').AddressInfo;
    const { child, said } = await start({ CANH_HTTP_PORT: String(port), CANH_ADMIN_PASSWORD: 'một mật khẩu' });
    expect(await once(child, 'close')).toEqual([1, null]);
    other.close();
    expect(said()).toBe(
      `Canh: Port ${port} on 127.0.0.1 cannot be opened: it is in use by another program. Free it, or set CANH_HTTP_PORT to another one.\n`,
    );
  });

  it('says in one line which setting is wrong, without printing a secret, and ends with 1', async () => {
    const { child, said } = await start({ CANH_HTTP_PORT: '70000', CANH_ADMIN_PASSWORD: 'ngắn' });
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(said()).toMatch(/^Canh: Wrong setting [^\n]*CANH_ADMIN_PASSWORD[^\n]*\n$/);
    expect(said()).toContain("CANH_HTTP_PORT='70000'");
    expect(said()).not.toContain('ngắn');
  });
});
