import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';
import { hashPassword } from '../../apps/console/src/sign-in/passwords.js';
import { NIGHT } from '../contracts/records.story.js';
import { eventually } from '../support/eventually.js';
import {
  ADMIN_PASSWORD,
  get,
  putThachHan,
  send,
  signIn,
  startConsole,
  type Answer,
  type RunningConsole,
} from './console.parts.js';
import { startProcessor, type RunningProcessor } from './processor.parts.js';

let console: RunningConsole;
let processor: RunningProcessor;
let session: { cookie: string };
/** The beginning of an hour. */
const HOUR = Math.floor(NIGHT / HOUR_MS) * HOUR_MS;
const at = (minute: number): number => HOUR + minute * MINUTE_MS;

const ledger = (query: Readonly<Record<string, string | number>>): Promise<Answer> =>
  get(console, `/api/ledger?${new URLSearchParams(query as Record<string, string>).toString()}`, session);
const wholeNight = { from: HOUR - DAY_MS, to: HOUR + DAY_MS };

beforeAll(async () => {
  console = await startConsole();
  await putThachHan(console.records);
  processor = await startProcessor(console.dataDir);
  session = await signIn(console);
  for (const [measured, level, received] of [
    [10, 3.1, 10],
    [20, 3.2, 20],
    [20, 3.2, 21],
    [20, 9.9, 22],
    [-120, 2.5, 30],
    [70, 3.3, 70],
  ] as const)
    await processor.says('logger-7', { ts: at(measured), values: { level_m: level } }, at(received));
  await processor.says('logger-7', { ts: at(40), values: { level_m: 3.4, la_lam: 1 } }, at(40));
  await processor.says('logger-7', '{"level_m":\u202e', at(41));
  await processor.says('may-la', { level_m: 1 }, at(42));
  await eventually(async () => expect((await ledger(wholeNight)).body.totals.received).toBe(10));
});
afterAll(async () => {
  await processor.close();
  await console.close();
});

describe('the ledger', () => {
  it('has a line for each device and hour, newest hour first, and its totals', async () => {
    const { status, body } = await ledger(wholeNight);
    expect(status).toBe(200);
    expect(body.lines).toEqual([
      {
        deviceId: 'logger-7',
        stationId: 'thach-han',
        stationNames: { vi: 'Thạch Hãn', en: 'Thach Han' },
        hour: HOUR + HOUR_MS,
        messages: 1,
        received: 1,
        stored: 1,
        duplicate: 0,
        late: 0,
        missing: 0,
        quarantined: [],
      },
      {
        deviceId: 'logger-7',
        stationId: 'thach-han',
        stationNames: { vi: 'Thạch Hãn', en: 'Thach Han' },
        hour: HOUR,
        messages: 7,
        received: 8,
        stored: 4,
        duplicate: 1,
        late: 1,
        missing: 0,
        quarantined: [
          { reason: 'conflict', count: 1 },
          { reason: 'not-json', count: 1 },
          { reason: 'unknown-metric', count: 1 },
        ],
      },
      expect.objectContaining({
        deviceId: 'may-la',
        stationId: null,
        stationNames: null,
        quarantined: [{ reason: 'unknown-device', count: 1 }],
      }),
    ]);
    expect(body.totals).toMatchObject({ messages: 9, received: 10, stored: 5, duplicate: 1, late: 1 });
    expect(body).toMatchObject({ ...wholeNight, more: false });
    expect(body.books).toMatchObject({ accountedUpTo: at(42), behindBytes: 0, waitingSince: null, problems: [] });
  });

  it('counts every hour that the span touches whole, of one device where that is asked', async () => {
    const { body } = await ledger({ from: at(59), to: at(60), deviceId: 'logger-7' });
    expect(body).toMatchObject({ from: HOUR, to: HOUR + HOUR_MS });
    expect(body.lines).toEqual([expect.objectContaining({ hour: HOUR, received: 8 })]);
    expect((await ledger({ from: at(59), to: at(61), deviceId: 'logger-7' })).body.lines).toHaveLength(2);
  });

  it('is of the last 24 hours unless a span is asked for', async () => {
    const { body } = await ledger({});
    expect(body.lines).toEqual([]);
    expect([DAY_MS, DAY_MS + HOUR_MS]).toContain(body.to - body.from);
  });

  it.each([
    [{ from: 2, to: 2 }, 'bad-span'],
    [{ from: 'hôm qua' }, 'bad-request'],
    [{ from: 1.5 }, 'bad-request'],
    [{ to: -1 }, 'bad-request'],
    [{ deviceId: 'x'.repeat(300) }, 'bad-request'],
    [{ device: 'logger-7' }, 'bad-request'],
  ])('refuses %j', async (query, code) => {
    expect(await ledger(query)).toMatchObject({ status: 400, body: { code } });
  });

  it('is shown also while the processor does not answer', async () => {
    const alone = await startConsole();
    const { status, body } = await get(alone, '/api/ledger', await signIn(alone));
    await alone.close();
    expect([status, body.books, body.lines]).toEqual([200, null, []]);
  });
});

describe('the readings of a line', () => {
  const readings = (query: Readonly<Record<string, string | number>>): Promise<Answer> =>
    get(console, `/api/ledger/readings?${new URLSearchParams(query as Record<string, string>).toString()}`, session);

  it('are those that were received in that hour, a late one among them, newest first', async () => {
    const { body } = await readings({ deviceId: 'logger-7', hour: HOUR });
    expect(body).toMatchObject({ deviceId: 'logger-7', hour: HOUR, stored: 4 });
    expect(
      body.readings.map(({ value, measuredAt }: { value: number; measuredAt: number }) => [value, measuredAt]),
    ).toEqual([
      [3.4, at(40)],
      [3.2, at(20)],
      [3.1, at(10)],
      [2.5, at(-120)],
    ]);
    expect(body.readings[0]).toMatchObject({ metric: 'level_m', unit: 'm', decimals: 2, flag: 1, receivedAt: at(40) });
  });

  it('are none of a device that is not registered, and a clear no where nothing came', async () => {
    expect((await readings({ deviceId: 'may-la', hour: HOUR })).body).toMatchObject({ stored: 0, readings: [] });
    expect(await readings({ deviceId: 'ai-do', hour: HOUR })).toMatchObject({
      status: 404,
      body: { code: 'unknown-device' },
    });
    expect(await readings({ deviceId: 'logger-7', hour: HOUR + 1 })).toMatchObject({
      status: 400,
      body: { code: 'bad-hour' },
    });
  });
});

describe('the quarantine', () => {
  const quarantine = async (query: Readonly<Record<string, string | number>>): Promise<Answer> =>
    get(console, `/api/quarantine?${new URLSearchParams(query as Record<string, string>).toString()}`, session);

  it('is asked for by device, reason and time; its bytes are shown and not obeyed', async () => {
    const { body } = await quarantine({ deviceId: 'logger-7', reason: 'not-json', from: HOUR, to: HOUR + HOUR_MS });
    expect(body.newest).toEqual([
      expect.objectContaining({
        deviceId: 'logger-7',
        senderId: 'logger-7',
        reason: 'not-json',
        excerpt: '{"level_m":\\u{202e}',
        hex: null,
        replayable: true,
        replayedAt: null,
      }),
    ]);
    expect((await quarantine({ deviceId: 'logger-7', from: at(60) })).body.newest).toEqual([]);
    expect(await quarantine({ reason: 'bad-luck' })).toMatchObject({ status: 400 });
    expect(await quarantine({ from: 2, to: 1 })).toMatchObject({ status: 400, body: { code: 'bad-span' } });
  });

  it('shows what is no text in hexadecimal', async () => {
    await console.records.quarantine.keep([
      {
        offset: 9e15,
        part: 0,
        kind: 'telemetry',
        senderId: 'logger-8',
        deviceId: 'logger-8',
        receivedAt: at(1),
        reason: 'not-utf8',
        detail: '',
        payload: Uint8Array.of(0xff, 0x00, 0x41),
      },
    ]);
    const { body } = await quarantine({ deviceId: 'logger-8' });
    expect(body.newest[0]).toMatchObject({ hex: 'ff0041', excerpt: '\ufffd\\u{0}A', bytes: 3 });
  });

  it('is decoded again when an administrator asks, once, and something must be named', async () => {
    const replay = (body: object, who = session): Promise<Answer> =>
      send(console, 'POST', '/api/quarantine/replay', body, who);
    expect(await replay({})).toMatchObject({ status: 400, body: { code: 'nothing-selected' } });
    expect(await replay({ from: 2, to: 1 })).toMatchObject({ status: 400, body: { code: 'bad-span' } });
    const officer = { id: randomUUID(), login: 'truc', name: 'Trực', role: 'officer', language: 'vi' } as const;
    await console.records.operators.add(officer, await hashPassword(ADMIN_PASSWORD));
    expect(await replay({ all: true }, await signIn(console, 'truc'))).toMatchObject({
      status: 403,
      body: { code: 'only-administrators' },
    });
    expect(await replay({ deviceId: 'logger-7', reason: 'unknown-metric' })).toMatchObject({
      status: 200,
      body: { messages: 1 },
    });
    expect((await replay({ deviceId: 'logger-7', reason: 'unknown-metric' })).body).toEqual({ messages: 0 });
    expect((await console.records.replayRequests.open(10)).map(({ message }) => message.deviceId)).toEqual([
      'logger-7',
    ]);
  });
});
