import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLog } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import { Tls } from '@canh/runtime/tls/tls';
import type { DoorOnDisk } from '../broker/door-on-disk.js';
import { openMutationDoor } from '../faults/mutation/mutation-door.js';
import { Authority } from '../support/authority.js';
import { eventually } from '../support/eventually.js';
import { missing } from '../support/servers/series-server.js';

const TELEMETRY = 'v1/devices/me/telemetry';
const REQUESTS = 'v1/devices/me/rpc/request/+';
/** MQTT 3.1.1, 3.2.2.3. */
const BAD_USER_NAME = 4;
const ENDS_WITHIN_MS = 60_000;
/** Debian's own, which has Debian's modules. */
const PYTHON = '/usr/bin/python3';
const PAHO = [
  '/usr/lib/python3/dist-packages/paho/mqtt/client.py',
  '/usr/lib/python3/site-packages/paho/mqtt/client.py',
];

const log = openLog('broker', { logLevel: 'silent' });
const payloadsOf = (client: string): string[] => [1, 2, 3, 4, 5, 6].map((n) => JSON.stringify({ level_m: n, client }));

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

function run(program: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { timeout: ENDS_WITHIN_MS }, (_error, output, errors) =>
      resolve({ code: child.exitCode, output, errors }),
    );
  });
}

describe.each([
  ['TCP', 'mqtt', 'mqttPort'],
  ['WebSocket', 'ws', 'wsPort'],
  ['TLS', 'mqtts', 'mqttsPort'],
  ['WebSocket over TLS', 'wss', 'wsPort'],
] as const)('clients that others wrote, over %s', (_name, protocol, port) => {
  const overTls = protocol === 'mqtts' || protocol === 'wss';
  const overWebSocket = protocol === 'ws' || protocol === 'wss';
  let authority: Authority;
  let tls: Tls | null = null;
  let door: DoorOnDisk;
  let kept: string[] = [];

  beforeAll(async () => {
    if (overTls) {
      authority = await Authority.make('Tỉnh');
      const { certFile, keyFile } = await authority.issueServer();
      const files = {
        tlsCertFile: certFile,
        tlsKeyFile: keyFile,
        tlsClientCaFile: undefined,
        tlsCrlFile: undefined,
        tlsClientCaUnits: undefined,
      };
      tls = await Tls.open(files, systemClock, log);
    }
    door = await openMutationDoor(3, true, tls === null ? null : { tls, mqttsPort: 0, plain: 'loopback' });
  });
  afterAll(async () => {
    tls?.close();
    await door?.close();
    await authority?.remove();
  });

  const at = (): number => (port === 'mqttPort' ? door.port : door[port]);
  const token = (device: number): string => door.tokens[device]!;
  /** What came since of the device, without order between qualities of service. */
  const expectKept = async (device: number, payloads: readonly string[]): Promise<void> => {
    kept = [];
    await eventually(async () => {
      await door.readOn(({ deviceId, payload }) => kept.push(`${deviceId} ${Buffer.from(payload).toString()}`));
      expect(kept.toSorted()).toEqual(payloads.map((payload) => `d${device} ${payload}`).toSorted());
    });
  };

  it('mqtt, of JavaScript: every quality of service, a session that is kept, a wrong token', async () => {
    const url = `${protocol}://127.0.0.1:${at()}${overWebSocket ? '/mqtt' : ''}`;
    const options = async (username: string): Promise<IClientOptions> => ({
      username,
      clientId: 'unit',
      clean: false,
      reconnectPeriod: 0,
      ...(overTls ? { ca: await authority.cert() } : {}),
    });
    const opened = async (username: string): Promise<{ client: MqttClient; sessionPresent: boolean }> => {
      const client = connect(url, await options(username));
      const sessionPresent = await new Promise<boolean>((resolve, reject) => {
        client.once('connect', (connack) => resolve(connack.sessionPresent));
        client.once('error', reject);
      });
      return { client, sessionPresent };
    };
    const first = await opened(token(0));
    expect(first.sessionPresent).toBe(false);
    const granted = await first.client.subscribeAsync(REQUESTS, { qos: 1 });
    expect(granted.map(({ qos }) => qos)).toEqual([1]);
    for (const [n, payload] of payloadsOf('mqtt').entries())
      await first.client.publishAsync(TELEMETRY, payload, { qos: (n % 3) as 0 | 1 | 2 });
    await first.client.endAsync();
    await expectKept(0, payloadsOf('mqtt'));
    const second = await opened(token(0));
    expect(second.sessionPresent).toBe(true);
    await second.client.endAsync();
    await expect(opened('nobody')).rejects.toMatchObject({ code: BAD_USER_NAME });
  });

  it.skipIf(withoutPaho())('Paho, of Python: the same', async () => {
    const paho = (user: string, ...payloads: readonly string[]): Promise<Ended> =>
      run(PYTHON, [
        join(import.meta.dirname, 'paho_client.py'),
        overWebSocket ? 'websockets' : 'tcp',
        '127.0.0.1',
        `${at()}`,
        overTls ? authority.certFile : '-',
        user,
        'unit',
        ...payloads,
      ]);
    const { code, output, errors } = await paho(token(1), ...payloadsOf('paho'));
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(JSON.parse(output)).toEqual({
      first: { code: 0, session: 0 },
      granted: [1, 128],
      second: { code: 0, session: 1 },
    });
    await expectKept(1, payloadsOf('paho'));
    const refused = await paho('nobody');
    expect(JSON.parse(refused.output)).toEqual({ first: { code: BAD_USER_NAME, session: 0 } });
  });

  // Debian's speak no WebSocket.
  if (overWebSocket) return;
  it.skipIf(missing('mosquitto_pub', 'mosquitto-clients'))('mosquitto_pub and mosquitto_sub: the same', async () => {
    const mosquitto = (program: string, user: string, ...args: readonly string[]): Promise<Ended> =>
      run(program, [
        ...['-h', '127.0.0.1', '-p', `${at()}`, '-u', user],
        ...(overTls ? ['--cafile', authority.certFile] : []),
        ...args,
      ]);
    for (const [n, payload] of payloadsOf('mosquitto').entries())
      expect(
        await mosquitto('mosquitto_pub', token(2), '-q', `${n % 3}`, '-t', TELEMETRY, '-m', payload),
      ).toMatchObject({ code: 0, errors: '' });
    await expectKept(2, payloadsOf('mosquitto'));
    const session = ['-c', '-i', 'unit', '-q', '1', '-t', REQUESTS, '-E', '-d'];
    for (let time = 1; time <= 2; time += 1) {
      const { code, output } = await mosquitto('mosquitto_sub', token(2), ...session);
      expect(code, output).toBe(0);
      expect(output).toMatch(/SUBACK/);
    }
    const refused = await mosquitto('mosquitto_pub', 'nobody', '-q', '1', '-t', TELEMETRY, '-m', '{}');
    expect(refused).toMatchObject({ code: BAD_USER_NAME });
  });
});

/** Said loudly; in CI it is no reason to leave it out. */
function withoutPaho(): boolean {
  if (process.env['CI'] !== undefined || PAHO.some((path) => existsSync(path))) return false;
  console.warn('SKIPPED: Paho of Python is not installed. On Debian: apt-get install python3-paho-mqtt');
  return true;
}
