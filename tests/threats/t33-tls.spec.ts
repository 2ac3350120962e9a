import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import type { Credentials } from '@canh/core/stations/credentials';
import { createHttpAdapter } from '@canh/runtime/http';
import { openLog } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import { Tls } from '@canh/runtime/tls/tls';
import { Intake } from '../../apps/broker/src/intake/intake.js';
import { MqttDoor } from '../../apps/broker/src/mqtt/mqtt-door.js';
import { doorSettings } from '../broker/door-settings.js';
import { Authority } from '../support/authority.js';

const log = openLog('tls', { logLevel: 'silent' });
const AT_ONCE = 8;
const GOOD = /^ECDHE-(ECDSA|RSA)-(AES\d+-GCM-SHA\d+|CHACHA20-POLY1305)$/;
/** Nobody comes that far in a handshake. */
const nobody = {} as Credentials;

let authority: Authority;
let folder: string;
let journal: FileJournalWriter;
let tls: Tls;
let door: MqttDoor;
const http = { adapter: null as ReturnType<typeof createHttpAdapter> | null };
let ports: Record<'mqtts' | 'wss' | 'https', number>;

beforeAll(async () => {
  authority = await Authority.make('Tỉnh');
  const { certFile, keyFile } = await authority.issueServer();
  const none = { tlsClientCaFile: undefined, tlsCrlFile: undefined, tlsClientCaUnits: undefined };
  tls = (await Tls.open({ tlsCertFile: certFile, tlsKeyFile: keyFile, ...none }, systemClock, log))!;
  folder = await mkdtemp(join(tmpdir(), 'canh-tls-threat-'));
  journal = await FileJournalWriter.open(join(folder, 'journal'));
  const intake = new Intake(journal, systemClock, log, () => undefined);
  const settings = doorSettings({ mqttConnectsPerSecond: 100_000 });
  door = await MqttDoor.open(intake, nobody, settings, log, null, { tls, mqttsPort: 0, plain: 'off' });
  http.adapter = createHttpAdapter(tls);
  const server = http.adapter.getInstance();
  await server.listen({ port: 0, host: '127.0.0.1' });
  ports = { mqtts: door.mqttsPort, wss: door.wsPort, https: (server.server.address() as AddressInfo).port };
});
afterAll(async () => {
  await http.adapter?.getInstance().close();
  await door.close();
  await journal.close();
  tls.close();
  await authority.remove();
  await rm(folder, { recursive: true, force: true });
});

/** What openssl prints, with what it is told on its input. */
async function openssl(args: readonly string[], input = ''): Promise<string> {
  const child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  await once(child, 'close');
  return said;
}

const greet = (port: number, ...more: string[]): Promise<string> =>
  openssl(['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', authority.certFile, ...more]);

/** The suite that was agreed upon, or null. */
const agreed = (said: string): string | null => /^New, \S+, Cipher is (?!\(NONE\))(\S+)$/m.exec(said)?.[1] ?? null;

async function eachOf<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const next = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

const doors = ['mqtts', 'wss', 'https'] as const;

it.each(doors)('T33 %s speaks TLS 1.2 and 1.3, with a certificate that holds', async (name) => {
  for (const version of ['-tls1_2', '-tls1_3']) {
    const said = await greet(ports[name], version, '-verify_return_error');
    expect(agreed(said), said).toMatch(version === '-tls1_3' ? /^TLS_/ : GOOD);
    expect(said).toContain('Verify return code: 0 (ok)');
    expect(said).toContain('Compression: NONE');
  }
});

it.each(doors)('T33 %s speaks no TLS below 1.2', async (name) => {
  for (const version of ['-tls1', '-tls1_1']) {
    const said = await greet(ports[name], version, '-cipher', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0');
    expect(agreed(said), said).toBeNull();
    expect(said).toMatch(/alert protocol version/);
  }
});

it.each(doors)('T33 %s takes no suite without forward secrecy and authenticated encryption', async (name) => {
  const all = (await openssl(['ciphers', '-tls1_2', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0'])).trim().split(':');
  const tls12 = all.filter((suite) => !suite.startsWith('TLS_'));
  expect(tls12.length).toBeGreaterThan(60);
  const taken: string[] = [];
  await eachOf(tls12, async (suite) => {
    const suites = `${suite}:@SECLEVEL=0`;
    if (agreed(await greet(ports[name], '-tls1_2', '-cipher', suites)) !== null) taken.push(suite);
  });
  expect(taken.toSorted()).toEqual([
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
  ]);
});

it.each(doors)('T33 %s lets nobody negotiate anew', async (name) => {
  const asked = ['s_client', '-connect', `127.0.0.1:${ports[name]}`, '-tls1_2', '-CAfile', authority.certFile];
  const said = await openssl(asked, 'R\n');
  expect(agreed(said), said).toMatch(GOOD);
  expect(said).toMatch(/RENEGOTIATING[^]*(no renegotiation|renegotiation)/i);
  expect(said).toMatch(/:error:.*renegotiation/i);
});

it.each(['wss', 'https'] as const)(
  'T33 %s tells a browser to come in over nothing else, whatever it asked for',
  async (name) => {
    const ca = await authority.cert();
    const headers = await new Promise<IncomingHttpHeaders>((resolve, reject) =>
      get({ host: 'localhost', port: ports[name], ca, path: '/nothing' }, (response) => {
        response.resume();
        resolve(response.headers);
      }).on('error', reject),
    );
    expect(headers).toMatchObject({
      'strict-transport-security': 'max-age=15552000',
      'x-content-type-options': 'nosniff',
    });
  },
);
