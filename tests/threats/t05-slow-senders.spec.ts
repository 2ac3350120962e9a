import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { riverProvince } from '../acceptance/river-province.js';
import { RawDevice } from '../broker/raw-device.js';
import { inLongRuns, times } from '../faults/process/length.js';
import { CanhProcess, temporaryFolder } from '../support/canh-process.js';

const SLOW_MQTT = 500;
const SLOW_HTTP = 250;
const ATTACK_MS = times(17_000, 60_000);
const DRIP_MS = 1_000;
const CONNECT_SECONDS = times(3, 10);
/** How long one of them may hold its connection: what the door gives it, and how often it looks. */
const HELD_MS = { mqtt: (CONNECT_SECONDS + 4) * 1_000, headers: 16_000, body: 36_000 };
const MOST_WAIT_MS = 500;
const HONEST_EVERY_MS = 50;
/** A machine that stands still for a moment does not do so each time; what is attacked does. */
const LOOKS = 3;

/** Says `beginning`, then a little more each second, and never comes to an end. */
type Slow = readonly [kind: keyof typeof HELD_MS, beginning: string | Buffer, drip: string | Buffer];
const MQTT: readonly Slow[] = [
  ['mqtt', '', ''],
  ['mqtt', Buffer.from([0x10]), ''],
  // A CONNECT of 1,000 bytes, of which one comes each second.
  ['mqtt', Buffer.from('10e80700044d5154540482003c03d0', 'hex'), 'x'],
];
const HTTP: readonly Slow[] = [
  ['headers', '', ''],
  ['headers', 'GET / HTTP/1.1\r\nHost: canh\r\n', 'X-A: b\r\n'],
  [
    'body',
    'POST /api/session HTTP/1.1\r\nHost: canh\r\nX-Canh: console\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{',
    ' ',
  ],
];

let canh: CanhProcess;
let token = '';
beforeAll(async () => {
  const dataDir = await temporaryFolder();
  [token = ''] = (await riverProvince(dataDir, ['thach-han'])).map((device) => device.token);
  canh = await CanhProcess.start({
    env: { CANH_DATA_DIR: dataDir, CANH_MQTT_CONNECT_SECONDS: String(CONNECT_SECONDS) },
  });
});
afterAll(() => canh?.remove());

/** Connections that are held open, and how long each was held until it was hung up on. */
class Attack {
  readonly heldMs: Record<keyof typeof HELD_MS, number[]> = { mqtt: [], headers: [], body: [] };
  private readonly open = new Map<Socket, { readonly slow: Slow; readonly since: number }>();
  private over = false;

  /** Whoever is hung up on comes again. */
  begin(port: number, slow: Slow): void {
    if (this.over) return;
    const socket = connect({ port, host: '127.0.0.1' });
    const [kind, beginning, drip] = slow;
    const since = performance.now();
    this.open.set(socket, { slow, since });
    if (beginning.length > 0) socket.write(beginning);
    const dripping = drip.length === 0 ? undefined : setInterval(() => socket.write(drip), DRIP_MS);
    socket.resume();
    socket.on('error', () => undefined);
    socket.once('end', () => socket.destroy());
    socket.once('close', () => {
      clearInterval(dripping);
      this.open.delete(socket);
      if (!this.over) this.heldMs[kind].push(performance.now() - since);
      this.begin(port, slow);
    });
  }

  /** How long those that are still open were held. */
  end(): void {
    this.over = true;
    for (const [socket, { slow, since }] of this.open) {
      this.heldMs[slow[0]].push(performance.now() - since);
      socket.destroy();
    }
  }
}

/** How long an honest device waits for its acknowledgements and an honest person for the page, in ms. */
async function honestWaits(device: RawDevice, forMs: number): Promise<Record<'mqtt' | 'http', number[]>> {
  const took: Record<'mqtt' | 'http', number[]> = { mqtt: [], http: [] };
  const until = performance.now() + forMs;
  while (performance.now() < until) {
    let began = performance.now();
    await device.publish(1, (n) => `{"level_m":${n % 3}}`);
    while (device.acknowledged.length < device.sent) {
      if (device.ended) throw new Error('the honest device was hung up on');
      await new Promise((next) => setTimeout(next, 1));
    }
    took.mqtt.push(performance.now() - began);
    began = performance.now();
    const answer = await fetch(`${canh.consoleUrl}/api/v1/${token}/telemetry`, {
      method: 'POST',
      body: '{"level_m":1}',
    });
    expect(answer.status).toBe(200);
    await answer.text();
    took.http.push(performance.now() - began);
    await new Promise((next) => setTimeout(next, HONEST_EVERY_MS));
  }
  return took;
}

const at99 = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length * 0.99)]!;

/** What is wrong when everybody is there at once; empty when nothing is. */
async function findings(device: RawDevice): Promise<string[]> {
  const mqttPort = Number(new URL(canh.mqttUrl).port);
  const httpPort = Number(new URL(canh.consoleUrl).port);
  const alone = await honestWaits(device, 2_000);
  const attack = new Attack();
  for (let n = 0; n < SLOW_MQTT; n += 1) attack.begin(mqttPort, MQTT[n % MQTT.length]!);
  for (let n = 0; n < SLOW_HTTP; n += 1) attack.begin(httpPort, HTTP[n % HTTP.length]!);
  const beside = await honestWaits(device, ATTACK_MS);
  const late = await RawDevice.connect(mqttPort, token);
  attack.end();
  const found = late.ended ? ['who comes later is not let in'] : [];
  late.close();
  const atMost = (what: string, ms: number, most: number): void => {
    if (ms >= most) found.push(`${what}: ${Math.round(ms)} ms, at most ${Math.round(most)}`);
  };
  const atLeast = (what: string, count: number, least: number): void => {
    if (count < least) found.push(`${what}: ${count}, at least ${least}`);
  };
  // Where the machine itself is that slow, no slower than before.
  for (const kind of ['mqtt', 'http'] as const)
    atMost(`waits of the honest, ${kind}`, at99(beside[kind]), Math.max(MOST_WAIT_MS, 3 * at99(alone[kind])));
  for (const kind of ['mqtt', 'headers', 'body'] as const)
    atMost(`held open, ${kind}`, Math.max(...attack.heldMs[kind]), HELD_MS[kind]);
  atLeast('hung up on, mqtt', attack.heldMs.mqtt.length, 2 * SLOW_MQTT);
  atLeast('hung up on, headers', attack.heldMs.headers.length, SLOW_HTTP / 2);
  if (inLongRuns) atLeast('hung up on, body', attack.heldMs.body.length, SLOW_HTTP / 3 + 1);
  return found;
}

it(`T05 an honest device and an honest person are served while ${SLOW_MQTT} speak MQTT and ${SLOW_HTTP} HTTP without an end, and each of those is hung up on`, async () => {
  const device = await RawDevice.connect(Number(new URL(canh.mqttUrl).port), token);
  let found = await findings(device);
  for (let look = 1; look < LOOKS && found.length > 0; look += 1) {
    console.warn(`T05, look ${look}: ${found.join('; ')}`);
    found = await findings(device);
  }
  expect(found).toEqual([]);
  device.close();
});
