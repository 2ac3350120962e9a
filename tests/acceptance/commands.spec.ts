import { once } from 'node:events';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { connectAsync } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  Api,
  canh,
  canhDone,
  CanhProcess,
  type Finished,
  Program,
  type Settings,
  temporaryFolder,
} from '../support/canh-process.js';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { eventually } from '../support/eventually.js';
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
    [['quarantine', 'replay'], /Nothing is selected.*--all/],
    [['quarantine', 'list', '--reason', 'bad-luck'], /Allowed choices/],
    [['quarantine', 'list', '--limit', '0'], /--limit 0/],
    [['ledger', '--from', 'hôm qua'], /--from hôm qua is not a time/],
    [['ledger', '--from', '1h', '--to', '2h'], /--from 1h is not before --to 2h/],
    [['reconcile', '--from', '2026-13-01'], /--from 2026-13-01 is not a time/],
    [['reconcile'], /There is no journal/],
  ])('ends with 2 when it is asked wrongly: %j', async (args, says) => {
    const { stdout, stderr, code } = await canh(args, env);
    expect({ code, said: stdout + stderr }).toEqual({ code: 2, said: expect.stringMatching(says) });
    expect(stdout + stderr).not.toMatch(/^\s+at /m);
  });

  it('answers --help with 0', async () => {
    const { stdout, code } = await canh(['--help'], env);
    expect(code).toBe(0);
    for (const command of [
      'start',
      'demo',
      'simulate',
      'replay',
      'station',
      'device',
      'contact',
      'area',
      'ledger',
      'quarantine',
      'reconcile',
    ])
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
    const asking = await canh(['contact', 'add', '--name', 'Người mới', '--address', 'moi@example.vn'], env);
    expect([asking.stdout, asking.stderr]).toEqual([
      'moi-example-vn\n',
      expect.stringContaining('contact confirm moi-'),
    ]);
    expect(await json('contact', 'list')).toEqual([
      expect.objectContaining({ id: 'moi-example-vn', confirmed: 'no, code pending' }),
      expect.objectContaining({ id: 'truc-ban', confirmed: 'yes' }),
    ]);
    expect(await canh(['contact', 'confirm', 'moi-example-vn', 'AAAA-AAAA'], env)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^Canh: That is not the code of moi-example-vn/),
    });
    const known = ['contact', 'add', '--name', 'Người mới', '--address', 'moi@example.vn', '--confirmed'];
    expect((await canh(known, env)).stderr).toBe('');
    await canhDone(['contact', 'remove', 'moi-example-vn'], env);
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

  it('lets itself be simulated for, on a folder in which it has made a station of its own', async () => {
    const first = await start({});
    const simulation = new Program(
      'apps/canh/src/main.js',
      ['simulate', '--story', 'smog', '--history', '10m', '--url', first.mqttUrl],
      { CANH_DATA_DIR: first.dataDir },
    );
    await simulation.printed(/thiết bị \/ devices/);
    await simulation.kill();
  }, 60_000);

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

describe('the books of a running Canh', () => {
  let running: CanhProcess;
  let records: RecordsDatabase;
  let env: Settings = {};
  let token = '';
  const RIVER = 'thach-han';
  const MINUTE_MS = 60_000;
  const told = Date.now();

  interface Line {
    readonly deviceId: string;
    readonly quarantined: Readonly<Record<string, number>>;
  }
  interface Finding {
    readonly kind: string;
    readonly deviceId: string;
    readonly count: number;
    readonly what: readonly string[];
  }
  interface Reconciled {
    readonly agrees: boolean;
    readonly devices: readonly Line[];
    readonly differences: readonly Finding[];
    readonly notes: readonly Finding[];
  }

  const reconcile = async (): Promise<Reconciled & { readonly code: number | null }> => {
    const { stdout, stderr, code } = await canh(['reconcile', '--json'], env);
    expect(stderr).toBe('');
    return { ...(JSON.parse(stdout) as Reconciled), code };
  };
  const ofRiver = ({ devices }: Reconciled): Line | undefined => devices.find(({ deviceId }) => deviceId === RIVER);
  const publish = async (...payloads: readonly (string | object)[]): Promise<void> => {
    const client = await connectAsync(running.mqttUrl, { username: token, protocolVersion: 4, reconnectPeriod: 0 });
    for (const payload of payloads)
      await client.publishAsync(
        'v1/devices/me/telemetry',
        typeof payload === 'string' ? payload : JSON.stringify(payload),
        { qos: 1 },
      );
    await client.endAsync();
  };

  beforeAll(async () => {
    const dataDir = await temporaryFolder();
    const devicesDir = join(dataDir, 'devices');
    await cp(join(import.meta.dirname, '../../devices'), devicesDir, { recursive: true });
    [{ token } = { token: '' }] = await riverProvince(dataDir, [RIVER]);
    env = { CANH_DATA_DIR: dataDir, CANH_DEVICES_DIR: devicesDir };
    running = await CanhProcess.start({ env });
    records = await openRecords(join(dataDir, 'records.sqlite'));
    await publish(
      { ts: told, values: { level_m: 3 } },
      { ts: told - MINUTE_MS, values: { level_m: 3.1, salinity_gl: 5 } },
      { ts: told, values: { level_m: 3 } },
      { ts: told, values: { level_m: 9 } },
      { ts: told - 20 * MINUTE_MS, values: { level_m: 3.2 } },
      '{"level_m":',
    );
  }, 90_000);
  afterAll(async () => {
    await records.destroy();
    await running.remove();
  });

  it('agree with the journal: good, duplicate, conflicting, late, undecodable, and of a metric that nobody knows', async () => {
    await eventually(async () => {
      const found = await reconcile();
      expect(found).toMatchObject({ code: 0, agrees: true, differences: [], notes: [] });
      expect(ofRiver(found)).toMatchObject({
        messages: 6,
        received: 7,
        stored: 3,
        duplicate: 1,
        late: 1,
        quarantined: { 'unknown-metric': 1, 'not-json': 1, conflict: 1 },
      });
    });
    const { stdout, code } = await canh(['reconcile', '--device', RIVER, '--from', '1d'], env);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^thach-han +6 +7 +3 +1 +3 +1 +yes$[^]*all agrees/m)]);
    const lines = JSON.parse(await canhDone(['ledger', '--device', RIVER, '--json'], env)) as { received: number }[];
    expect(lines.reduce((sum, { received }) => sum + received, 0)).toBe(7);
    expect(await canhDone(['quarantine', 'list', '--device', RIVER, '--reason', 'conflict'], env)).toMatch(
      /conflict +level_m is stored as 3 /,
    );
  }, 90_000);

  it('are found out when a row of the quarantine is removed behind their back', async () => {
    const row = await records
      .deleteFrom('quarantine')
      .where('reason', '=', 'not-json')
      .returningAll()
      .executeTakeFirst();
    expect(await reconcile()).toMatchObject({
      code: 1,
      agrees: false,
      differences: [{ kind: 'no-row', deviceId: RIVER, count: 1, what: ['not-json'] }],
    });
    const { stdout, code } = await canh(['reconcile'], env);
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(/≠ thach-han: 1 faults \(not-json\).* have no row in quarantine/),
    ]);
    await records.insertInto('quarantine').values(row!).execute();
    expect(await reconcile()).toMatchObject({ code: 0 });
  }, 60_000);

  it('are found out when somebody corrects a figure', async () => {
    const raise = (by: number): Promise<unknown> =>
      records
        .updateTable('ledger')
        .set((row) => ({ stored: row('stored', '+', by) }))
        .where('device_id', '=', RIVER)
        .execute();
    await raise(1);
    const { code, differences } = await reconcile();
    expect([code, differences.map(({ kind, deviceId }) => [kind, deviceId])]).toEqual([1, [['ledger', RIVER]]]);
    await raise(-1);
    expect(await reconcile()).toMatchObject({ code: 0 });
  }, 60_000);

  it('take in what can be decoded after its profile was mended, and say so of the row', async () => {
    await running.stop();
    const profile = join(env['CANH_DEVICES_DIR'] ?? '', 'water/river-gauge/profile.yaml');
    const salinity = `metrics:
  - name: salinity_gl
    names: { vi: Độ mặn, en: Salinity }
    unit: g/L
    plausible: { min: 0, max: 60 }
    decimals: 1
`;
    await writeFile(profile, (await readFile(profile, 'utf8')).replace('metrics:\n', salinity));
    // Nobody runs, so the store is opened here.
    expect(await reconcile()).toMatchObject({
      code: 0,
      differences: [],
      notes: [{ kind: 'readable-now', deviceId: RIVER, count: 1 }],
    });
    await running.restart();
    expect(JSON.parse(await canhDone(['quarantine', 'replay', '--reason', 'unknown-metric', '--json'], env))).toEqual({
      messages: 1,
    });
    await eventually(async () => {
      const found = await reconcile();
      // The message came again: its level is a duplicate now, its salinity is stored.
      expect(ofRiver(found)).toMatchObject({ messages: 7, duplicate: 2 });
      expect(found).toMatchObject({ code: 0, notes: [{ kind: 'replayed', deviceId: RIVER }] });
    });
    const [row] = JSON.parse(await canhDone(['quarantine', 'list', '--reason', 'unknown-metric', '--json'], env)) as {
      replayedAt: number | null;
    }[];
    expect(row?.replayedAt).toBeGreaterThan(told);
    const api = await running.signIn();
    const { stations } = { stations: await api.get<{ id: string; latest: object[] }[]>('/api/stations') };
    expect(stations.find(({ id }) => id === RIVER)?.latest).toContainEqual(
      expect.objectContaining({ metric: 'salinity_gl', value: 5 }),
    );
  }, 120_000);

  it('are found out when a reading is removed from the store', async () => {
    await running.stop();
    const store = await DuckDBInstance.create(join(env['CANH_DATA_DIR'] ?? '', 'series/readings.duckdb'));
    const connection = await store.connect();
    await connection.run('DELETE FROM readings WHERE value = 3.2');
    connection.closeSync();
    store.closeSync();
    expect(await reconcile()).toMatchObject({
      code: 1,
      differences: [{ kind: 'not-stored', deviceId: RIVER, count: 1, what: ['level_m'] }],
    });
  }, 60_000);
});
