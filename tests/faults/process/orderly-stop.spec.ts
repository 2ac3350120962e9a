import { once } from 'node:events';
import { createServer as createHttpServer, get as httpGet } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, it } from 'vitest';
import { connectPacket } from '../../broker/raw-device.js';
import { ADMIN_PASSWORD, type CanhProcess } from '../../support/canh-process.js';
import { eventually } from '../../support/eventually.js';
import { expectStoryTold, FIRST_READING, mailsOf, storyOf } from './flood.js';
import { withinMs } from './length.js';
import { Load } from './load.js';
import { METRIC, Province } from './world.js';

const WITHIN_MS = 60_000;
const PINGS = 500_000;
const floods = ['song-1', 'song-2', 'song-3'];
const rivers = [...floods, 'ton-dong', 'qua-http', 'khong-gio', 'diec'];

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

/** A server that says `greeting` to whoever connects, and nothing more. */
async function startMute(greeting: string): Promise<{ port: number; asked: number }> {
  const mute = { port: 0, asked: 0 };
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).on('data', () => (mute.asked += 1));
    socket.write(greeting);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  mute.port = (server.address() as AddressInfo).port;
  return mute;
}

/** An InfluxDB 1.x with nothing in it, that never answers to what is written while it hangs. */
async function startInflux(): Promise<{ url: string; hangs: boolean; writing: number; readings: Set<string> }> {
  const influx = { url: '', hangs: true, writing: 0, readings: new Set<string>() };
  const server = createHttpServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('error', () => undefined).on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      if (request.url?.startsWith('/query') === true) return response.end('{"results":[{}]}');
      influx.writing += 1;
      if (influx.hangs) return undefined;
      for (const line of Buffer.concat(parts).toString('utf8').trim().split('\n'))
        if (line.startsWith(METRIC)) influx.readings.add(line);
      return response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  influx.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return influx;
}

/** Connects as a device, asks for so many answers, and reads none of them. */
async function connectDeaf(port: number, token: string): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' });
  undo.push(() => socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(connectPacket(token));
  await once(socket, 'data');
  socket.pause();
  const pings = Buffer.alloc(2 * PINGS);
  for (let at = 0; at < pings.length; at += 2) pings[at] = 0xc0;
  socket.write(pings);
}

/** A page that opened the live stream and was put to sleep. */
async function openUnread(canh: CanhProcess): Promise<void> {
  const { cookie } = await canh.signIn();
  const request = httpGet(`${canh.consoleUrl}/api/live`, { headers: { cookie, accept: 'text/event-stream' } });
  request.on('error', () => undefined);
  undo.push(() => request.destroy());
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
  expect(response.statusCode).toBe(200);
  response.on('error', () => undefined).pause();
}

it(
  'ends with 0 under full load, with a mail server that hangs and clients that never read, and nothing is lost or told twice',
  async () => {
    await Province.during('orderly-stop', rivers, async (province) => {
      const { published, inbox, dataDir, ports, settings } = province;
      const mailServer = await startMute('220 mail.example.vn ESMTP\r\n');
      let canh = await province.startCanh({ CANH_SMTP_URL: `smtp://127.0.0.1:${mailServer.port}` });
      const load = new Load(province);
      for (const river of floods) load.flood(river, province.device(river));
      load.backlogs('ton-dong', province.device('ton-dong', { wire: 'torn' }));
      load.backlogs('qua-http', province.httpDevice('qua-http'));
      load.untimed('khong-gio', province.device('khong-gio'));
      await connectDeaf(ports.mqtt, province.tokenOf('diec'));
      await openUnread(canh);
      await eventually(() => expect(published.acknowledged()).toBeGreaterThan(1_000), WITHIN_MS);
      await eventually(() => expect(mailServer.asked).toBeGreaterThan(0), WITHIN_MS);
      const before = performance.now();
      await canh.stop();
      console.info(`orderly-stop: stopped after ${Math.round(performance.now() - before)} ms`);
      expect(canh.program.stderr).not.toContain('did not stop within');

      canh = await province.startCanh({ CANH_SMTP_URL: settings['CANH_SMTP_URL'] ?? '' });
      const minutes = await load.end();
      const expected = floods.flatMap((river) => storyOf(river, minutes.get(river) ?? 0));
      await province.quiet(await canh.signIn());
      await eventually(() => expect(mailsOf(inbox).size).toBe(expected.length), WITHIN_MS);
      await canh.stop();
      await province.expectNothingWrong();
      expect(expectStoryTold(dataDir, expected, FIRST_READING, inbox)).toBe(0);
    });
  },
  withinMs(240_000, 600_000),
);

it(
  'ends with 0 while the series store hangs, and stores what was acknowledged once it answers after the next start',
  async () => {
    await Province.during('orderly-stop', ['song-1'], async (province) => {
      const influx = await startInflux();
      const env = { CANH_INFLUX_URL: influx.url, CANH_INFLUX_VERSION: '1' };
      let canh = await province.startCanh(env);
      const device = province.device('song-1');
      const send = (from: number, count: number): Promise<unknown> =>
        Promise.all(
          Array.from({ length: count }, (_, n) =>
            device.publish(
              province.published.reading('song-1', {
                metric: METRIC,
                ts: FIRST_READING + (from + n) * 60_000,
                seq: from + n,
                value: 1 + (from + n) / 1_000,
              }),
            ),
          ),
        );
      await send(0, 200);
      await eventually(() => expect(influx.writing).toBeGreaterThan(0), WITHIN_MS);
      await send(200, 200);
      // Nothing is called stored before the store has said so.
      const figures = await (await fetch(`${canh.consoleUrl}/metrics`)).text();
      expect(figures).toMatch(/^canh_readings_stored_total 0$/m);
      const before = performance.now();
      await canh.stop();
      console.info(`orderly-stop: stopped after ${Math.round(performance.now() - before)} ms`);

      influx.hangs = false;
      canh = await province.startCanh(env);
      await eventually(() => expect(influx.readings.size).toBe(400), WITHIN_MS);
      await canh.stop();
    });
  },
  withinMs(180_000, 600_000),
);

it(
  'ends with 0 while another process holds the records, and goes on from what it has kept',
  async () => {
    await Province.during('orderly-stop', ['song-1'], async (province) => {
      const canh = await province.startCanh();
      const device = province.device('song-1');
      const send = async (from: number, until: number): Promise<void> => {
        for (let seq = from; seq < until; seq += 1) {
          const reading = { metric: METRIC, ts: FIRST_READING + seq * 60_000, seq, value: 1 + seq / 1_000 };
          await device.publish(province.published.reading('song-1', reading));
        }
      };
      await send(0, 50);
      const other = new DatabaseSync(join(province.dataDir, 'records.sqlite'));
      other.exec('BEGIN IMMEDIATE');
      await send(50, 100);
      const before = performance.now();
      await canh.stop();
      console.info(`orderly-stop: stopped after ${Math.round(performance.now() - before)} ms`);
      other.exec('ROLLBACK');
      other.close();
      await canh.restart();
      await province.quiet(await canh.signIn());
      await canh.stop();
      await province.expectNothingWrong();
    });
  },
  withinMs(180_000, 600_000),
);

it('ends the other processes with 0 while the processor hangs', async () => {
  await Province.during('orderly-stop', ['song-1'], async (province) => {
    const urls = [province.ports.http, province.ports.page].map((port) => `http://127.0.0.1:${port}`);
    // So that each is asking the processor for something all the time.
    const asking = { CANH_SELF_REPORT_SECONDS: '1', CANH_CANARY_SECONDS: '2' };
    const processor = province.startPart('processor', asking);
    const others = (['broker', 'notifier', 'console'] as const).map((part) => province.startPart(part, asking));
    for (const url of urls)
      await eventually(async () => expect((await fetch(`${url}/health/ready`)).status).toBe(200), WITHIN_MS);
    processor.send('SIGSTOP');
    await eventually(async () => expect((await fetch(`${urls[1]!}/health/ready`)).status).toBe(503), WITHIN_MS);
    await Promise.all(others.map((program) => program.stop()));
    processor.send('SIGCONT');
    await processor.stop();
  });
}, 180_000);

it('refuses a second process on the same data folder, in one line, before it opens a port', async () => {
  await Province.during('orderly-stop', ['song-1'], async (province) => {
    const canh = await province.startCanh({ CANH_ADMIN_PASSWORD: ADMIN_PASSWORD });
    const refused = async (path: string, args: readonly string[]): Promise<string> => {
      // The ports are those of the running one: who opened them first would speak of a port.
      const second = province.start(path, args);
      const { code } = await second.ended;
      expect(code, second.output).toBe(1);
      expect(second.stderr.trim().split('\n'), second.output).toHaveLength(1);
      return second.stderr;
    };
    const line = /^Canh: Another process of Canh is .* Stop it, or give this one its own CANH_DATA_DIR\.$/m;
    expect(await refused('apps/canh/src/main.js', ['start'])).toMatch(line);
    for (const part of ['broker', 'processor', 'notifier', 'console'])
      expect(await refused(`apps/${part}/src/main.js`, []), part).toMatch(line);
    expect((await fetch(`${canh.consoleUrl}/health/ready`)).status).toBe(200);
    await canh.stop();

    // The same the other way round: one part alone keeps the whole from starting.
    const alone = province.startPart('console');
    await alone.printed(/Canh: http/);
    expect(await refused('apps/canh/src/main.js', ['start'])).toMatch(line);
    await alone.stop();
  });
}, 180_000);
