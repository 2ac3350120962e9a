import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  Api,
  canh,
  canhDone,
  CanhProcess,
  type Finished,
  type Settings,
  temporaryFolder,
} from '../support/canh-process.js';
import { riverProvince } from './river-province.js';

const FREE_PORTS: Settings = { CANH_HTTP_PORT: '0', CANH_MQTT_PORT: '0', CANH_WS_PORT: '0', CANH_LOG_LEVEL: 'silent' };

/** What a person must see of something that cannot be: one line that says what, and the code for it. */
function expectOneLine({ stderr, code }: Finished, says: RegExp, expectedCode = 1): void {
  expect(stderr).toMatch(says);
  expect(stderr.trim().split('\n'), stderr).toHaveLength(1);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(code).toBe(expectedCode);
}

describe('canh start, when it cannot', () => {
  let dataDir = '';
  beforeAll(async () => {
    dataDir = await temporaryFolder();
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  it.each(['CANH_HTTP_PORT', 'CANH_MQTT_PORT', 'CANH_WS_PORT'])('names the busy port of %s', async (setting) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const ended = await canh(['start'], { ...FREE_PORTS, CANH_DATA_DIR: dataDir, [setting]: String(port) });
    other.close();
    expectOneLine(ended, new RegExp(`^Canh: Port ${port} on 127\\.0\\.0\\.1 .*in use.*${setting}`, 'm'));
  });

  it('names the folder that it cannot write', async () => {
    const file = join(dataDir, 'a-file');
    await writeFile(file, 'no folder');
    expectOneLine(await canh(['start'], { ...FREE_PORTS, CANH_DATA_DIR: join(file, 'data') }), /^Canh: .*a-file/);
    expectOneLine(await canh(['start'], { ...FREE_PORTS, CANH_DATA_DIR: file }), /^Canh: .*a-file/);
  });

  it('names every setting that is wrong, with no secret in it', async () => {
    const wrong = { CANH_MQTT_PORT: 'bốn', CANH_HTTP_PORT: '70000', CANH_TIMEZONE: 'Asia/Hue' };
    const ended = await canh(['start'], { ...FREE_PORTS, CANH_DATA_DIR: dataDir, ...wrong });
    for (const setting of Object.keys(wrong)) expectOneLine(ended, new RegExp(`^Canh: Wrong setting .*${setting}=`));
    const secret = await canh(['start'], { ...FREE_PORTS, CANH_DATA_DIR: dataDir, CANH_SMTP_URL: 'ngan' });
    expectOneLine(secret, /^Canh: Wrong setting CANH_SMTP_URL/);
    expect(secret.stderr).not.toContain('ngan');
  });

  it('names a setting that there is not', async () => {
    const ended = await canh(['start'], { ...FREE_PORTS, CANH_DATA_DIR: dataDir, CANH_MQTT_PROT: '1883' });
    expectOneLine(ended, /^Canh: No setting is called CANH_MQTT_PROT\./);
  });
});

describe('the command line', () => {
  let env: Settings = {};
  beforeAll(async () => {
    const dataDir = await temporaryFolder();
    await riverProvince(dataDir, ['thach-han']);
    env = { CANH_DATA_DIR: dataDir };
  }, 60_000);
  afterAll(() => rm(env['CANH_DATA_DIR'] ?? '', { recursive: true, force: true }));

  it.each([
    [[], /usage/i],
    [['nonsense'], /unknown command/i],
    [['station', 'add', '--id', 'x'], /required option/i],
    [['device', 'add', '--station', 'thach-han', '--profile', 'no-such-profile'], /no-such-profile/],
    [['device', 'add', '--station', 'thach-han', '--profile', 'river-gauge', '--id', 'thach-han'], /already/],
    [['simulate', '--story', 'no-such-story'], /no-such-story/],
    [['replay', '/no/such/file.csv'], /--token/],
    [['contact', 'add', '--name', 'X', '--address', 'no address'], /e-mail/],
  ])('ends with 2 when it is asked wrongly: %j', async (args, says) => {
    const { stdout, stderr, code } = await canh(args, env);
    expect({ code, said: stdout + stderr }).toEqual({ code: 2, said: expect.stringMatching(says) });
    expect(stdout + stderr).not.toMatch(/^\s+at /m);
  });

  it('answers --help with 0', async () => {
    const { stdout, code } = await canh(['--help'], env);
    expect(code).toBe(0);
    for (const command of ['start', 'demo', 'simulate', 'replay', 'station', 'device', 'contact', 'area'])
      expect(stdout).toContain(command);
  });

  it('imports the example of a province, and lets no simulation write over it', async () => {
    const own = { CANH_DATA_DIR: await temporaryFolder() };
    expect((await canh(['station', 'list'], own)).stderr).toMatch(/^Canh: There is no /);
    const example = join(import.meta.dirname, '../../docs/province.example.yaml');
    expect((await canh(['station', 'import', example], own)).stdout).toBe(
      '2 areas, 1 stations, 1 devices, 1 contacts\n',
    );
    const before = (await canh(['station', 'list', '--json'], own)).stdout;
    const refused = await canh(['simulate', '--story', 'smog'], own);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/^Canh: Stations of your own .*thach-han/),
    ]);
    expect((await canh(['station', 'list', '--json'], own)).stdout).toBe(before);
    expect((await canh(['contact', 'remove', 'nobody'], own)).stderr).toMatch(/^Canh: There is no contact nobody/);
  });

  it('prints JSON that programs can read', async () => {
    const json = async (...args: string[]): Promise<unknown> => JSON.parse(await canhDone([...args, '--json'], env));
    expect(await json('station', 'list')).toEqual([expect.objectContaining({ id: 'thach-han', limits: 3 })]);
    expect(await json('contact', 'list')).toEqual([expect.objectContaining({ id: 'truc-ban' })]);
    const [added] = (await json('device', 'add', '--station', 'thach-han', '--profile', 'rain-gauge')) as object[];
    expect(added).toEqual({ device: 'thach-han-rain-gauge', token: expect.stringMatching(/^\S{16,}$/) });
    const [rotated] = (await json('device', 'rotate', 'thach-han-rain-gauge')) as object[];
    expect(rotated).not.toEqual(added);
    expect(await json('device', 'list')).toHaveLength(2);
  });
});

describe('canh start', () => {
  const running: CanhProcess[] = [];
  const start = async (env: Settings): Promise<CanhProcess> => {
    const canh = await CanhProcess.start({ env });
    running.push(canh);
    return canh;
  };
  afterEach(async () => {
    for (const canh of running.splice(0)) await canh.remove();
  });

  it('prints the password once, which signs in, and no second time', async () => {
    const first = await start({ CANH_ADMIN_PASSWORD: '' });
    const password = /admin .*\(shown only once\): (\S+)/.exec(first.program.stdout)?.[1] ?? '';
    expect(password).toMatch(/^\S{12,}$/);
    await first.signIn(password);
    await expect(first.signIn('something else')).rejects.toThrow(/401/);
    await first.stop();
    await first.restart();
    expect(first.program.stdout).not.toContain(password);
    expect(first.program.stdout).not.toMatch(/mật khẩu/);
    await first.signIn(password);
    // The way back in for who has lost it.
    await first.stop();
    const again = await start({ CANH_DATA_DIR: first.dataDir, CANH_ADMIN_PASSWORD: 'mat-khau-moi-hon' });
    await again.signIn('mat-khau-moi-hon');
    await expect(again.signIn(password)).rejects.toThrow(/401/);
  }, 90_000);

  it('leaves the data folder to the process that has it', async () => {
    const first = await start({});
    const second = await canh(['start'], { ...FREE_PORTS, CANH_DATA_DIR: first.dataDir });
    expectOneLine(second, /^Canh: .*(another process|already|in use)/i);
    // And the first is none the worse for it.
    expect((await fetch(`${first.consoleUrl}/health/ready`)).status).toBe(200);
    await first.stop();
  });

  it('ends with 0 after SIGTERM, with the page and devices connected', async () => {
    const dataDir = await temporaryFolder();
    const [{ token } = { token: '' }] = await riverProvince(dataDir, ['thach-han']);
    const process = await start({ CANH_DATA_DIR: dataDir });
    const api: Api = await process.signIn();
    const live = await fetch(`${process.consoleUrl}/api/live`, { headers: api.headers });
    const reader = live.body?.pipeThrough(new TextDecoderStream()).getReader();
    let heard = '';
    while (!/^event: /m.test(heard)) heard += (await reader?.read())?.value ?? '';
    const clients = await Promise.all(
      [process.mqttUrl, process.wsUrl].map((url) =>
        connectAsync(url, { username: token, protocolVersion: 4, reconnectPeriod: 0 }, false),
      ),
    );
    for (const client of clients) client.on('error', () => {});
    await process.stop();
    await reader?.cancel().catch(() => undefined);
    for (const client of clients) await client.endAsync(true);
  });
});
