import { afterEach, describe, expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';
import {
  ADMIN_PASSWORD,
  attempt,
  cookieOf,
  get,
  send,
  SetClock,
  signIn,
  startConsole,
  type RunningConsole,
} from './console.parts.js';

const NOW = Date.UTC(2026, 10, 21, 19);

let running: RunningConsole;
afterEach(() => running.close());
const start = async (wish?: Parameters<typeof startConsole>[0]): Promise<RunningConsole> =>
  (running = await startConsole(wish));

describe('the first start', () => {
  it('makes admin with CANH_ADMIN_PASSWORD and prints nothing', async () => {
    await start();
    expect(running.printed).toEqual([]);
    expect((await attempt(running, 'admin', ADMIN_PASSWORD)).status).toBe(200);
  });

  it('makes a password of its own where none is set, prints it this one time, and keeps only its argon2id hash', async () => {
    await start({ settings: { adminPassword: undefined } });
    const [line] = running.printed;
    const password = /: (\S+)$/.exec(line ?? '')?.[1] ?? '';
    expect(running.printed).toHaveLength(1);
    expect(password).toMatch(/^[A-Za-z0-9_-]{16}$/);
    expect((await attempt(running, 'admin', password)).status).toBe(200);
    expect((await running.records.operators.byLogin('admin'))?.passwordHash).toMatch(
      /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/,
    );
  });

  it('is only the first: another start prints nothing, and another CANH_ADMIN_PASSWORD is the way back in and ends what was signed in', async () => {
    await start({ settings: { adminPassword: undefined } });
    const { dataDir } = running;
    const again = await startConsole({ dataDir, settings: { adminPassword: undefined } });
    const { cookie } = await signIn(again, 'admin', /: (\S+)$/.exec(running.printed[0] ?? '')?.[1]);
    await again.close();
    expect(again.printed).toEqual([]);

    const reset = await startConsole({ dataDir, settings: { adminPassword: 'một mật khẩu khác' } });
    const signedOut = await get(reset, '/api/session', { cookie });
    const signedIn = await attempt(reset, 'admin', 'một mật khẩu khác');
    await reset.close();
    expect(signedOut.status).toBe(401);
    expect(signedIn.status).toBe(200);
    expect(reset.printed.join()).not.toContain('một mật khẩu khác');
  });
});

describe('signing in', () => {
  it('gives who it is and a cookie that script cannot read, that other sites do not send, and that is gone after a day', async () => {
    await start({ settings: { demoInboxUrl: 'http://127.0.0.1:8025/' }, clock: new SetClock(NOW) });
    const answer = await attempt(running, 'admin', ADMIN_PASSWORD);
    expect(answer.body).toEqual({
      operator: { id: expect.any(String), login: 'admin', name: 'Quản trị viên', role: 'admin', language: 'vi' },
      timezone: 'Asia/Ho_Chi_Minh',
      now: NOW,
      demoInboxUrl: 'http://127.0.0.1:8025/',
    });
    expect(answer.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^canh_session=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=86400$/),
    ]);
    expect((await get(running, '/api/session', { cookie: cookieOf(answer) })).body).toEqual(answer.body);
  });

  it('marks the cookie Secure where people come in over https', async () => {
    await start({ settings: { publicUrl: 'https://canh.quangtri.gov.vn' } });
    expect((await attempt(running, 'admin', ADMIN_PASSWORD)).headers.getSetCookie()[0]).toMatch(/; Secure$/);
  });

  it('says the same of a wrong password and of an unknown login', async () => {
    await start();
    const wrong = await attempt(running, 'admin', 'sai mật khẩu');
    const unknown = await attempt(running, 'nobody', 'sai mật khẩu');
    expect(wrong).toMatchObject({ status: 401, body: { statusCode: 401, code: 'wrong-credentials' } });
    expect(unknown.body).toEqual(wrong.body);
    expect(wrong.headers.getSetCookie()).toEqual([]);
  });

  it('takes a password whichever way its accents were typed', async () => {
    await start();
    expect((await attempt(running, 'admin', ADMIN_PASSWORD.normalize('NFD'))).status).toBe(200);
  });

  it('keeps no token, only its hash under the server key', async () => {
    await start();
    const { cookie } = await signIn(running);
    const token = cookie.slice('canh_session='.length);
    expect(await running.records.operators.session(token)).toBeNull();
  });

  it('ends the session that the browser had before, so that one that was planted is worth nothing', async () => {
    await start();
    const planted = await signIn(running);
    const answer = await attempt(running, 'admin', ADMIN_PASSWORD, planted);
    expect(cookieOf(answer)).not.toBe(planted.cookie);
    expect((await get(running, '/api/session', planted)).status).toBe(401);
    expect((await get(running, '/api/session', { cookie: cookieOf(answer) })).status).toBe(200);
  });

  it('does not believe a made-up token, nor one that is too long or has other signs in it', async () => {
    await start();
    for (const token of ['A'.repeat(43), 'A'.repeat(4_000), '', "' OR 1=1 --", '../../etc'])
      expect((await get(running, '/api/session', { cookie: `canh_session=${token}` })).body).toMatchObject({
        code: 'signed-out',
      });
  });

  it.each([
    ['no body', undefined],
    ['not JSON', '{"login":'],
    ['not an object', '[]'],
    ['a number for a login', { login: 7, password: 'x' }],
    ['an object for a password', { login: 'admin', password: { $ne: '' } }],
    ['a field too many', { login: 'admin', password: 'x', role: 'admin' }],
    ['a login too long', { login: 'a'.repeat(65), password: 'x' }],
    ['a prototype', '{"__proto__":{"login":"admin"},"login":"admin","password":"x"}'],
    ['brackets without end', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
  ])('refuses %s with 400 and the reason', async (_what, body) => {
    await start();
    expect(await attempt2(body)).toMatchObject({
      status: 400,
      body: { statusCode: 400, code: 'bad-request', message: expect.any(String) },
    });
  });
  const attempt2 = (body: unknown) => send(running, 'POST', '/api/session', body);

  it('refuses a body that is too large, and one that is no JSON', async () => {
    await start();
    expect(await attempt2({ login: 'admin', password: 'x'.repeat(70_000) })).toMatchObject({
      status: 413,
      body: { code: 'too-large' },
    });
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x'])
      expect(
        await send(running, 'POST', '/api/session', 'login=admin&password=x', { 'content-type': type }),
      ).toMatchObject({
        status: 415,
        body: { statusCode: 415, code: 'not-json' },
      });
  });
});

describe('a session', () => {
  it('lasts a shift without being touched, and not longer', async () => {
    const clock = new SetClock(NOW);
    await start({ clock });
    const session = await signIn(running);
    clock.pass(12 * HOUR_MS - 1);
    expect((await get(running, '/api/session', session)).status).toBe(200);
    clock.pass(12 * HOUR_MS - MINUTE_MS);
    expect((await get(running, '/api/alerts', session)).status).toBe(200);
  });

  it('ends 12 hours after its last use', async () => {
    const clock = new SetClock(NOW);
    await start({ clock });
    const session = await signIn(running);
    clock.pass(12 * HOUR_MS);
    expect((await get(running, '/api/session', session)).status).toBe(401);
  });

  it('ends 24 hours after it began, however much it is used', async () => {
    const clock = new SetClock(NOW);
    await start({ clock });
    const session = await signIn(running);
    for (let hour = 1; hour < 24; hour += 1) {
      clock.pass(HOUR_MS);
      expect((await get(running, '/api/session', session)).status).toBe(200);
    }
    clock.pass(HOUR_MS);
    expect((await get(running, '/api/session', session)).status).toBe(401);
  });

  it('is over when its operator signs out, for whoever has copied the cookie too', async () => {
    await start();
    const session = await signIn(running);
    const answer = await send(running, 'DELETE', '/api/session', undefined, session);
    expect(answer.status).toBe(204);
    expect(answer.headers.getSetCookie()).toEqual(['canh_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0']);
    expect((await get(running, '/api/session', session)).status).toBe(401);
  });
});

describe('guessing', () => {
  it('is slowed down after five failures on one account, wherever they come from, while who is signed in goes on working', async () => {
    const clock = new SetClock(NOW);
    await start({ clock });
    const session = await signIn(running);
    for (let guess = 1; guess <= 5; guess += 1)
      expect(
        (await attempt(running, 'admin', `sai ${guess}`, { 'x-forwarded-for': `203.0.113.${guess}` })).status,
      ).toBe(401);
    const held = await attempt(running, 'ADMIN', ADMIN_PASSWORD, { 'x-forwarded-for': '203.0.113.99' });
    expect(held).toMatchObject({ status: 429, body: { statusCode: 429, code: 'too-many-attempts' } });
    expect(held.headers.get('retry-after')).toBe('1');
    expect((await get(running, '/api/session', session)).status).toBe(200);

    clock.pass(1_000);
    expect((await attempt(running, 'admin', ADMIN_PASSWORD)).status).toBe(200);
    expect((await attempt(running, 'admin', 'sai')).status).toBe(401);
  });

  it('waits twice as long after each further failure, up to 15 minutes, and forgets after an hour of quiet', async () => {
    const clock = new SetClock(NOW);
    await start({ clock });
    for (let guess = 1; guess <= 5; guess += 1)
      await attempt(running, 'admin', 'sai', { 'x-forwarded-for': `203.0.113.${guess}` });
    const waits: number[] = [];
    for (let guess = 6; guess <= 18; guess += 1) {
      const from = { 'x-forwarded-for': `198.51.100.${guess}` };
      const wait = Number((await attempt(running, 'admin', 'sai', from)).headers.get('retry-after'));
      waits.push(wait);
      clock.pass(wait * 1_000);
      expect((await attempt(running, 'admin', 'sai', from)).status).toBe(401);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    clock.pass(HOUR_MS);
    for (let guess = 1; guess <= 5; guess += 1)
      expect((await attempt(running, 'admin', 'sai', { 'x-forwarded-for': `192.0.2.${guess}` })).status).toBe(401);
  });

  it('gets at most 20 of 1,000 passwords tried, on one account or on many, one by one or all at the same moment', async () => {
    await start({ clock: new SetClock(NOW) });
    const oneAccount = await Promise.all(
      Array.from({ length: 500 }, (_, guess) => attempt(running, 'admin', `${guess}`)),
    );
    const manyAccounts = await Promise.all(
      Array.from({ length: 500 }, (_, guess) =>
        attempt(running, `officer-${guess}`, 'x', { 'x-forwarded-for': '203.0.113.7' }),
      ),
    );
    const tried = [...oneAccount, ...manyAccounts].filter(({ status }) => status === 401);
    expect(tried.length).toBeLessThanOrEqual(20);
    expect([...oneAccount, ...manyAccounts].filter(({ status }) => status !== 401 && status !== 429)).toEqual([]);
  });

  it('from one address is not washed clean by an account of one’s own', async () => {
    await start({ clock: new SetClock(NOW) });
    const statuses: number[] = [];
    for (let guess = 0; guess < 12; guess += 1) {
      await attempt(running, 'admin', ADMIN_PASSWORD);
      statuses.push((await attempt(running, `victim-${guess}`, 'x')).status);
    }
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(401));
    expect(statuses.slice(10)).toEqual([429, 429]);
  });
});
