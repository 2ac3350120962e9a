import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as openSocket, type Socket } from 'node:net';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QuarantinedView, QuarantineView, StationView } from '@canh/contract/views.dto';
import { type Api, CanhProcess, temporaryFolder } from '../support/canh-process.js';
import { eventually } from '../support/eventually.js';
import { riverProvince } from './river-province.js';

const TELEMETRY = 'v1/devices/me/telemetry';
const DAY_MS = 86_400_000;
/** Longer than what a client has for its CONNECT. */
const HUNG_UP_WITHIN_MS = 25_000;
const MAY_GROW_BYTES = 300 * 2 ** 20;

interface Garbage {
  readonly what: string;
  readonly payload: () => string | Buffer;
  readonly reason: QuarantinedView['reason'];
}

/** What a door takes, since it is for the processor to judge, and what becomes of it. */
const garbage: readonly Garbage[] = [
  { what: 'no JSON', payload: () => 'xin chào', reason: 'not-json' },
  { what: 'half a JSON', payload: () => '{"level_m":3.', reason: 'not-json' },
  { what: 'a text as value', payload: () => '{"level_m":"cao"}', reason: 'not-a-number' },
  { what: 'true as value', payload: () => '{"level_m":true}', reason: 'not-a-number' },
  { what: 'null as value', payload: () => '{"level_m":null}', reason: 'not-a-number' },
  { what: '1e400 as value', payload: () => '{"level_m":1e400}', reason: 'not-a-number' },
  { what: 'a number alone', payload: () => '3.4', reason: 'wrong-shape' },
  { what: 'an empty array', payload: () => '[]', reason: 'wrong-shape' },
  { what: 'an array of numbers', payload: () => '[3.4]', reason: 'wrong-shape' },
  { what: 'values that are a list', payload: () => '{"ts":1700000000000,"values":[3.4]}', reason: 'wrong-shape' },
  { what: 'a time in words', payload: () => '{"ts":"hôm qua","values":{"level_m":3.4}}', reason: 'bad-time' },
  {
    what: 'tomorrow',
    payload: () => JSON.stringify({ ts: Date.now() + DAY_MS, values: { level_m: 3.4 } }),
    reason: 'in-the-future',
  },
  { what: 'the first second of 1970', payload: () => '{"ts":1000,"values":{"level_m":3.4}}', reason: 'too-old' },
  {
    what: 'bytes that are no UTF-8',
    payload: () => Buffer.from('{"level_m":3.4,"\xff\xfe":1}', 'latin1'),
    reason: 'not-utf8',
  },
  { what: 'JSON a hundred thousand deep', payload: () => '['.repeat(100_000), reason: 'too-deep' },
  { what: 'a metric nobody knows', payload: () => '{"__proto__":1,"muc_nuoc":3.4}', reason: 'unknown-metric' },
  {
    what: 'a thousand values',
    payload: () => JSON.stringify(Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`m_${at}`, at]))),
    reason: 'too-many-values',
  },
];

describe('garbage at the doors for devices', () => {
  let canh: CanhProcess;
  let api: Api;
  const token: Record<string, string> = {};

  beforeAll(async () => {
    const dataDir = await temporaryFolder();
    for (const device of await riverProvince(dataDir, ['mqtt', 'ws', 'http', 'honest']))
      token[device.deviceId] = device.token;
    canh = await CanhProcess.start({ env: { CANH_DATA_DIR: dataDir, CANH_LOG_LEVEL: 'error' } });
    api = await canh.signIn();
  }, 120_000);
  afterAll(() => canh?.remove());

  const residentBytes = (): number =>
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${canh.program.pid}/status`, 'utf8'))?.[1]) * 1024;

  const dial = (url: string, options: IClientOptions): Promise<MqttClient> =>
    connectAsync(url, { protocolVersion: 4, reconnectPeriod: 0, ...options }, false);

  const newest = async (): Promise<QuarantinedView[]> => (await api.get<QuarantineView>('/api/quarantine')).newest;
  const kept = async (deviceId: string, reason: string): Promise<QuarantinedView[]> =>
    (await newest()).filter((one) => one.deviceId === deviceId && one.reason === reason);

  /** A second's refusals beyond the fifth are only counted, so a test that wants to see each goes slower. */
  let refusedAt: number[] = [];
  async function withinTheRate(): Promise<void> {
    const second = (): number => Math.floor(Date.now() / 1000);
    await eventually(() => expect(refusedAt.filter((at) => at === second()).length).toBeLessThan(4));
    refusedAt = [...refusedAt.slice(-4), second()];
  }

  /** Waits until one refusal more than before, with these words in it, can be seen by the operator. */
  async function refusalShown(words: RegExp, provoke: () => Promise<void>): Promise<void> {
    const matching = async (): Promise<number> =>
      (await newest()).filter(({ reason, detail }) => reason === 'refused' && words.test(detail)).length;
    const before = await matching();
    await withinTheRate();
    await provoke();
    await eventually(async () => expect(await matching(), String(words)).toBe(before + 1));
  }

  async function stillServes(): Promise<void> {
    const level = Math.round(Math.random() * 300) / 100;
    const client = await dial(canh.mqttUrl, { username: token['honest'] ?? '' });
    await client.publishAsync(TELEMETRY, JSON.stringify({ level_m: level }), { qos: 1 });
    await client.endAsync();
    await eventually(async () => {
      const stations = await api.get<StationView[]>('/api/stations');
      const latest = stations.find(({ id }) => id === 'honest')?.latest ?? [];
      expect(latest.map(({ value }) => value)).toEqual([level]);
    });
  }

  const doors = ['mqtt', 'ws'] as const;
  const urlOf = (door: (typeof doors)[number]): string => (door === 'mqtt' ? canh.mqttUrl : canh.wsUrl);

  it.each(doors)('keeps what no reading can be made of, with the reason: %s', async (door) => {
    const client = await dial(urlOf(door), { username: token[door] ?? '' });
    for (const { payload } of [...garbage, { payload: () => '' }])
      await client.publishAsync(TELEMETRY, payload(), { qos: 1 });
    await client.endAsync();
    await eventually(async () => {
      // A message with two faults is kept once for each; an empty one is no JSON.
      const reasons = new Set((await newest()).filter(({ deviceId }) => deviceId === door).map((one) => one.reason));
      expect([...reasons].toSorted()).toEqual([...new Set(garbage.map(({ reason }) => reason))].toSorted());
      expect((await kept(door, 'not-json')).length).toBe(3);
      expect((await kept(door, 'not-a-number')).length).toBe(4);
      expect((await kept(door, 'wrong-shape')).length).toBe(4);
    });
    await stillServes();
  });

  it('keeps what comes by HTTP too, and tells the sender what is wrong with it', async () => {
    for (const { what, payload, reason } of garbage) {
      const answer = await post(token['http'] ?? '', payload());
      expect(answer.status, what).toBe(200);
      await eventually(async () => expect((await kept('http', reason)).length, what).toBeGreaterThan(0));
      if (reason === 'not-utf8' || reason === 'too-old' || reason === 'in-the-future' || reason === 'unknown-metric')
        continue; // Judged behind the journal, by the clock and the profile.
      const { faults } = (await answer.json()) as { faults: { reason: string }[] };
      expect(
        faults.map((fault) => fault.reason),
        what,
      ).toContain(reason);
    }
    await stillServes();
  });

  const post = (who: string, body: string | Buffer): Promise<Response> =>
    fetch(`${canh.consoleUrl}/api/v1/${who}/telemetry`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });

  it('refuses by HTTP what is too large, empty, or from a stranger', async () => {
    await refusalShown(/too-large at http/, async () =>
      expect((await post(token['http'] ?? '', 'x'.repeat(300_000))).status).toBe(413),
    );
    await refusalShown(/protocol at http/, async () => expect((await post(token['http'] ?? '', '')).status).toBe(400));
    await refusalShown(/unknown-credential at http/, async () =>
      expect((await post('not-a-token', '{"level_m":3.4}')).status).toBe(401),
    );
    await stillServes();
  });

  it.each(doors)('hangs up on what is too large and on a foreign topic, and says why on the page: %s', async (door) => {
    const hungUp = async (act: (client: MqttClient) => void): Promise<void> => {
      const client = await dial(urlOf(door), { username: token[door] ?? '' });
      client.on('error', () => {});
      const closed = new Promise<void>((resolve) => client.once('close', resolve));
      act(client);
      await closed;
      await client.endAsync(true);
    };
    await refusalShown(new RegExp(`too-large at ${door}`), () =>
      hungUp((client) => void client.publish(TELEMETRY, 'x'.repeat(300_000), { qos: 1 })),
    );
    for (const topic of ['v1/devices/other/telemetry', '$SYS/broker', 'received'])
      await refusalShown(new RegExp(`forbidden-topic at ${door}.*published to ${topic.replace('$', '\\$')}`), () =>
        hungUp((client) => void client.publish(topic, '{"level_m":3.4}', { qos: 1 })),
      );
    await stillServes();
  });

  it.each(doors)('lets nobody listen to others: %s', async (door) => {
    const client = await dial(urlOf(door), { username: token[door] ?? '' });
    for (const filter of ['#', '+/+/+/+', '$SYS/#', 'received'])
      await refusalShown(new RegExp(`forbidden-filter at ${door}`), async () => {
        await expect(client.subscribeAsync(filter, { qos: 1 })).rejects.toThrow(/unspecified error/i);
      });
    await client.endAsync(true);
    await stillServes();
  });

  it.each(doors)('turns strangers away with CONNACK 4: %s', async (door) => {
    for (const username of [undefined, 'not-a-token', 'x'.repeat(3_000)])
      await refusalShown(new RegExp(`unknown-credential at ${door}`), async () => {
        const options = username === undefined ? {} : { username };
        await expect(dial(urlOf(door), options)).rejects.toMatchObject({ code: 4 });
      });
    await stillServes();
  });

  it.each(doors)('hangs up on strangers who say more than a CONNECT has: %s', async (door) => {
    await refusalShown(new RegExp(`too-large at ${door}`), async () => {
      await expect(dial(urlOf(door), { username: 'x'.repeat(60_000) })).rejects.toThrow(/./);
    });
    await stillServes();
  });

  async function socket(): Promise<Socket> {
    const { hostname, port } = new URL(canh.mqttUrl);
    const opened = openSocket(Number(port), hostname);
    opened.on('error', () => {});
    await once(opened, 'connect');
    return opened;
  }

  it('tells a client that speaks MQTT 5 that it does not', async () => {
    await refusalShown(/protocol at mqtt.*version of MQTT/, async () => {
      const client = await socket();
      let answer = Buffer.alloc(0);
      client.on('data', (chunk) => (answer = Buffer.concat([answer, chunk])));
      const closed = once(client, 'close');
      // CONNECT, protocol MQTT, level 5, clean start, keep alive 60 s, no properties, client id "a".
      client.write(Buffer.from('100e00044d5154540502003c00000161', 'hex'));
      await closed;
      expect(answer.toString('hex')).toBe('20020001');
    });
    await stillServes();
  });

  it('hangs up on random bytes, on half a packet and on silence', async () => {
    const client = await dial(canh.mqttUrl, { username: token['honest'] ?? '' });
    const strangers = await Promise.all(Array.from({ length: 40 }, socket));
    const closed = strangers.map((stranger) => once(stranger.resume(), 'close'));
    let seed = 20_261_121;
    for (const [at, stranger] of strangers.entries()) {
      if (at < 5) continue; // Says nothing at all.
      if (at < 10) {
        // A CONNECT that stops in the middle of the protocol's name.
        stranger.write(Buffer.from('101000044d51', 'hex'));
        continue;
      }
      const bytes = Buffer.alloc(4_096);
      for (let index = 0; index < bytes.length; index += 1) {
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
        bytes[index] = seed >>> 24;
      }
      stranger.write(bytes);
    }
    const late = new Promise<never>((_, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${strangers.filter((one) => !one.closed).length} of 40 are still connected`)),
        HUNG_UP_WITHIN_MS,
      );
      void Promise.all(closed).then(() => clearTimeout(timer));
    });
    await Promise.race([Promise.all(closed), late]);
    expect(client.connected).toBe(true);
    await client.endAsync();
    await stillServes();
  });

  it('does not grow with the garbage', async () => {
    const before = residentBytes();
    const client = await dial(canh.mqttUrl, { username: token['mqtt'] ?? '' });
    const quarter = '{'.repeat(250_000);
    for (let round = 0; round < 20; round += 1)
      await Promise.all(Array.from({ length: 10 }, () => client.publishAsync(TELEMETRY, quarter, { qos: 1 })));
    await client.endAsync();
    await stillServes();
    expect(residentBytes() - before).toBeLessThan(MAY_GROW_BYTES);
    expect((await fetch(`${canh.consoleUrl}/health/ready`)).status).toBe(200);
  });
});
