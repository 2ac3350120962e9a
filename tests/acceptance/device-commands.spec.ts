import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { START } from '@canh/core/readings/journal';
import { canh, canhDone, Program, type Settings, temporaryFolder } from '../support/canh-process.js';
import { eventually } from '../support/eventually.js';
import { missing } from '../support/servers/series-server.js';
import { steadyPort } from '../support/steady-port.js';
import { riverProvince } from './river-province.js';

const REQUESTS = 'v1/devices/me/rpc/request/+';
const ENDS_WITHIN_MS = 30_000;

interface Command {
  readonly command: number;
  readonly method: string;
  readonly state: string;
  readonly answer: string | null;
}

/** The command line and the broker are two processes, and the device is Debian's mosquitto-clients. */
describe.skipIf(missing('mosquitto_sub', 'mosquitto-clients'))('a command to a device, from a command line', () => {
  let dataDir = '';
  let settings: Settings = {};
  let broker: Program;
  let token = '';
  let port = 0;

  const start = async (): Promise<void> => {
    broker = new Program('apps/broker/src/main.js', [], settings);
    const url = `http://127.0.0.1:${settings['CANH_HTTP_PORT']}/health/ready`;
    await eventually(async () => expect((await fetch(url)).status, broker.output).toBe(200), 60_000);
  };
  const mosquitto = (program: 'mosquitto_pub' | 'mosquitto_sub', ...args: readonly string[]): Promise<string> =>
    new Promise((resolve, reject) =>
      execFile(
        program,
        ['-h', '127.0.0.1', '-p', String(port), '-u', token, '-q', '1', ...args],
        { timeout: ENDS_WITHIN_MS },
        (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(stdout + stderr))),
      ),
    );
  const commands = async (): Promise<Command[]> =>
    JSON.parse(await canhDone(['device', 'commands', 'thach-han', '--json'], settings)) as Command[];
  const send = async (method: string, ...args: readonly string[]): Promise<number> => {
    const printed = await canhDone(
      ['device', 'send', '--device', 'thach-han', '--method', method, '--json', ...args],
      settings,
    );
    return (JSON.parse(printed) as Command[])[0]!.command;
  };

  beforeAll(async () => {
    dataDir = await temporaryFolder();
    [token = ''] = (await riverProvince(dataDir, ['thach-han'])).map((device) => device.token);
    port = await steadyPort();
    settings = {
      CANH_DATA_DIR: dataDir,
      CANH_MQTT_PORT: String(port),
      CANH_WS_PORT: '0',
      CANH_HTTP_PORT: String(await steadyPort()),
      CANH_SELF_REPORT_SECONDS: '0',
      CANH_LOG_LEVEL: 'error',
    };
    await start();
  }, 120_000);
  afterAll(async () => {
    await broker?.kill();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('waits in the session of a device that is away, also when the broker is killed, and is answered', async () => {
    await mosquitto('mosquitto_sub', '-c', '-i', 'gate', '-t', REQUESTS, '-E');
    const id = await send('openGate', '--params', '{"gate":2,"percent":40}');
    await eventually(async () => expect(await commands()).toMatchObject([{ command: id, state: 'sent' }]));
    await broker.kill();
    await start();
    const heard = await mosquitto('mosquitto_sub', '-c', '-i', 'gate', '-t', REQUESTS, '-C', '1', '-F', '%t %p');
    expect(heard.trim()).toBe(`v1/devices/me/rpc/request/${id} {"method":"openGate","params":{"gate":2,"percent":40}}`);
    await eventually(async () => expect(await commands()).toMatchObject([{ state: 'delivered' }]));
    await mosquitto('mosquitto_pub', '-t', `v1/devices/me/rpc/response/${id}`, '-m', '{"percent":40}');
    expect(await commands()).toMatchObject([{ command: id, state: 'answered', answer: '{"percent":40}' }]);
    const table = await canhDone(['device', 'commands', 'thach-han'], settings);
    expect(table).toMatch(/openGate .*answered .*\{"percent":40\}/);
  });

  it('that was handed in while no broker ran is brought, unless its time is over', async () => {
    await broker.kill();
    await send('tooLate', '--expires', '1ms');
    const id = await send('closeGate');
    await start();
    const heard = await mosquitto('mosquitto_sub', '-c', '-i', 'gate', '-t', REQUESTS, '-C', '1', '-F', '%t');
    expect(heard.trim()).toBe(`v1/devices/me/rpc/request/${id}`);
    await eventually(async () =>
      expect((await commands()).slice(0, 2)).toMatchObject([
        { method: 'closeGate', state: 'delivered' },
        { method: 'tooLate', state: 'expired' },
      ]),
    );
  });

  it('is refused in words that say what to do', async () => {
    const refused = async (...args: readonly string[]): Promise<string> => {
      const { stderr, code } = await canh(['device', 'send', '--method', 'x', ...args], settings);
      expect([code, stderr.trim().split('\n').length], stderr).toEqual([2, 1]);
      return stderr;
    };
    expect(await refused('--device', 'nobody')).toContain('canh device list');
    expect(await refused('--device', 'thach-han', '--params', 'gate=2')).toContain('--params');
    expect(await refused('--device', 'thach-han', '--expires', 'soon')).toContain('90s');
  });

  it('a will of who was connected when the broker was killed is told at its next start, once', async () => {
    const will = {
      topic: 'v1/devices/me/telemetry',
      payload: Buffer.from('{"level_m":0.5}'),
      qos: 1,
      retain: false,
    } as const;
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { username: token, reconnectPeriod: 0, will });
    client.on('error', () => undefined);
    await broker.kill();
    client.end(true);
    await start();
    await broker.kill();
    await start();
    const reader = new FileJournalReader(join(dataDir, 'journal'));
    const wills: string[] = [];
    for (let from = START; ;) {
      const { entries, next } = await reader.read(from, 2 ** 20);
      if (next === from) break;
      for (const { message } of entries)
        wills.push(`${message.kind} ${message.deviceId} ${Buffer.from(message.payload).toString()}`);
      from = next;
    }
    await reader.close();
    expect(wills).toEqual(['telemetry thach-han {"level_m":0.5}']);
  });
});
