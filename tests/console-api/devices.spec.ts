import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';
import { hashPassword } from '../../apps/console/src/sign-in/passwords.js';
import {
  ADMIN_PASSWORD,
  get,
  putThachHan,
  send,
  SetClock,
  signIn,
  startConsole,
  type Answer,
  type RunningConsole,
} from './console.parts.js';

const NOW = Date.UTC(2026, 10, 21, 19);

let console: RunningConsole;
const clock = new SetClock(NOW);
let session: { cookie: string };
let officer: { cookie: string };

beforeAll(async () => {
  console = await startConsole({ clock });
  await putThachHan(console.records);
  session = await signIn(console);
  const truc = { id: randomUUID(), login: 'truc', name: 'Trực', role: 'officer', language: 'vi' } as const;
  await console.records.operators.add(truc, await hashPassword(ADMIN_PASSWORD));
  officer = await signIn(console, 'truc');
});
afterAll(() => console.close());

const ask = (device: string, body: unknown, who: Readonly<Record<string, string>> = session): Promise<Answer> =>
  send(console, 'POST', `/api/devices/${device}/commands`, body, who);
const see = (path: string): Promise<Answer> => get(console, `/api/devices/${path}`, officer);

describe('a command to a device', () => {
  it('is kept with who asked for it and until when, and is shown with its state and the answer to everybody who is signed in', async () => {
    const { status, body } = await ask('logger-7', { method: 'setInterval', params: { minutes: 5 }, expires: '10m' });
    const sent = {
      command: expect.any(Number),
      device: 'logger-7',
      method: 'setInterval',
      params: { minutes: 5 },
      by: 'Quản trị viên',
      state: 'waiting',
      created: NOW,
      expires: NOW + 10 * MINUTE_MS,
      sent: null,
      through: null,
      delivered: null,
      answered: null,
      answer: null,
      answerCut: false,
    };
    expect({ status, body }).toEqual({ status: 201, body: sent });
    expect((await see('logger-7/commands')).body).toEqual([sent]);

    const { commandQueue } = console.records;
    const id = body.command as number;
    await commandQueue.sent(id, 'sent', 'logger-7', NOW + 1_000);
    await commandQueue.became(id, 'delivered', NOW + 2_000);
    const answer = `{"ok":true,"was":"${'x'.repeat(5_000)}"}`;
    await commandQueue.answered('logger-7', id, answer, NOW + 3_000);
    const one = await see(`logger-7/commands/${id}`);
    expect(one.body).toEqual({
      ...sent,
      state: 'answered',
      sent: NOW + 1_000,
      delivered: NOW + 2_000,
      answered: NOW + 3_000,
      answer,
    });
    const [listed] = (await see('logger-7/commands')).body;
    expect(listed).toEqual({ ...one.body, answer: answer.slice(0, 4_096), answerCut: true });
  });

  it('has no params and an hour unless it is said otherwise, and any JSON as params where it is', async () => {
    expect((await ask('logger-8', { method: 'restart' })).body).toMatchObject({ params: {}, expires: NOW + HOUR_MS });
    for (const params of [[1, 'hai', null], 'chữ', 5, false, null])
      expect((await ask('logger-8', { method: 'restart', params, expires: '30d' })).body).toMatchObject({
        params,
        expires: NOW + 30 * DAY_MS,
      });
  });

  it('stands at its station: each device with the newest of its commands', async () => {
    for (const method of ['a', 'b', 'c', 'd', 'e', 'f']) await ask('logger-7', { method });
    const { body } = await get(console, '/api/stations/thach-han/devices', officer);
    expect(body).toMatchObject([
      { id: 'logger-7', name: 'Thạch Hãn logger', profileId: 'river-gauge', gatewayId: null },
      { id: 'logger-8', name: 'Thạch Hãn rain', profileId: 'rain-gauge', gatewayId: null },
    ]);
    const methods = body.map(({ commands }: { commands: { method: string }[] }) =>
      commands.map(({ method }) => method),
    );
    expect(methods[0]).toEqual(['f', 'e', 'd', 'c', 'b']);
    expect(methods[1]).toHaveLength(5);
    expect(await get(console, '/api/stations/nowhere/devices', officer)).toMatchObject({
      status: 404,
      body: { code: 'unknown-station' },
    });
  });

  it('is for administrators, and for the page itself', async () => {
    expect(await ask('logger-7', { method: 'x' }, officer)).toMatchObject({
      status: 403,
      body: { code: 'only-administrators' },
    });
    expect(await ask('logger-7', { method: 'x' }, { ...session, 'x-canh': '' })).toMatchObject({
      status: 403,
      body: { code: 'cross-site' },
    });
    expect((await see('logger-7/commands')).body[0]).toMatchObject({ method: 'f' });
  });

  it.each([
    ['an unknown device', 'nobody', { method: 'x' }, 404, 'unknown-device', '“nobody”'],
    ['no method', 'logger-7', { params: {} }, 400, 'bad-request', 'method'],
    ['an empty method', 'logger-7', { method: '' }, 400, 'bad-request', 'method'],
    ['a method too long', 'logger-7', { method: 'x'.repeat(101) }, 400, 'bad-request', '100 characters'],
    ['no duration', 'logger-7', { method: 'x', expires: 'soon' }, 400, 'bad-request', '10m'],
    ['a duration too long', 'logger-7', { method: 'x', expires: '31d' }, 400, 'bad-request', '30d'],
    ['a word we do not know', 'logger-7', { method: 'x', expiry: '1h' }, 400, 'bad-request', 'expiry'],
    ['params too long', 'logger-7', { method: 'x', params: 'ă'.repeat(8_192) }, 400, 'params-too-long', '16384'],
    ['a body too long', 'logger-7', { method: 'x', params: 'x'.repeat(70_000) }, 413, 'too-large', ''],
  ])('is refused in words that say what to do: %s', async (_what, device, body, status, code, says) => {
    const answer = await ask(device, body);
    expect(answer).toMatchObject({ status, body: { code } });
    expect(answer.body.message).toContain(says);
    expect(answer.body.message).toContain(' / ');
  });

  it('is refused while too many wait for the device', async () => {
    const device = { id: 'logger-9', name: 'x', stationId: 'thach-han', profileId: 'river-gauge', gatewayId: null };
    await console.records.inventoryDesk.putDevice(device);
    for (let n = 0; n < 100; n += 1) expect((await ask('logger-9', { method: 'x' })).status).toBe(201);
    expect(await ask('logger-9', { method: 'x' })).toMatchObject({ status: 409, body: { code: 'too-many-commands' } });
    expect((await see('logger-9/commands')).body).toHaveLength(100);
  });

  it('that nobody sent is not there, nor is one of another device', async () => {
    const { command } = (await ask('logger-8', { method: 'x' })).body as { command: number };
    for (const path of [`logger-7/commands/${command}`, 'logger-8/commands/999999', 'logger-8/commands/x'])
      expect([path, (await see(path)).body.code]).toEqual([path, 'unknown-command']);
    for (const path of ['nobody/commands', 'nobody/commands/1'])
      expect([path, (await see(path)).body.code]).toEqual([path, 'unknown-device']);
  });
});
