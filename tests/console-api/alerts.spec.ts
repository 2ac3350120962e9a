import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { USUAL_BOUNDS } from '@canh/core/dispatch/telling-bounds';
import { MINUTE_MS } from '@canh/core/time/instant';
import { hashPassword } from '../../apps/console/src/sign-in/passwords.js';
import { changed, NIGHT, raised, returned } from '../contracts/records.story.js';
import { get, putThachHan, send, SetClock, signIn, startConsole, type RunningConsole } from './console.parts.js';

let console: RunningConsole;
let clock: SetClock;
let admin: { cookie: string };
let binh: { cookie: string };

beforeEach(async () => {
  clock = new SetClock(NIGHT + MINUTE_MS);
  console = await startConsole({ clock });
  await putThachHan(console.records);
  await console.records.operators.add(
    { id: 'binh', login: 'binh', name: 'Lê T. Bình', role: 'officer', language: 'vi' },
    await hashPassword('trực ban đêm'),
  );
  await console.records.alertStore.apply([raised('thach-han', NIGHT, 'major')], NIGHT);
  admin = await signIn(console);
  binh = await signIn(console, 'binh', 'trực ban đêm');
});
afterEach(() => console.close());

const open = async () => (await get(console, '/api/alerts', admin)).body;
const acknowledge = (id: string, body: unknown, who = binh) =>
  send(console, 'POST', `/api/alerts/${encodeURIComponent(id)}/acknowledge`, body, who);

describe('the list of alerts', () => {
  it('names rule, station and area in both languages, and says what decided', async () => {
    expect(await open()).toEqual([
      {
        id: expect.any(String),
        version: 1,
        state: 'active',
        severity: 'major',
        worst: 'major',
        ruleId: 'river-level',
        ruleVersion: 1,
        ruleNames: { vi: 'Mực nước sông đạt mức báo động', en: 'River at alarm level' },
        stationId: 'thach-han',
        stationNames: { vi: 'Thạch Hãn', en: 'Thach Han' },
        areaNames: { vi: 'xã Triệu Phong, tỉnh Quảng Trị', en: 'Trieu Phong commune, Quang Tri province' },
        since: NIGHT - 10 * MINUTE_MS,
        raisedAt: NIGHT,
        returnedAt: null,
        acknowledgedAt: null,
        acknowledgedBy: null,
        evidence: {
          deviceId: 'logger-7',
          metric: 'level_m',
          value: 6.1,
          measuredAt: NIGHT,
          receivedAt: NIGHT + 1_500,
          limit: 6,
          limitName: 'alarm_3',
          document: '05/2020/QĐ-TTg',
        },
        unit: 'm',
        decimals: 2,
      },
    ]);
  });

  it('calls what was removed meanwhile by its id', async () => {
    await console.records.alertStore.apply([{ ...raised('gone', NIGHT), ruleId: 'no-rule' }], NIGHT);
    const [alert] = await open();
    expect(alert).toMatchObject({
      ruleNames: { vi: 'no-rule', en: 'no-rule' },
      stationNames: { vi: 'gone', en: 'gone' },
      unit: '',
    });
    const detail = await get(console, `/api/alerts/${alert.id}`, admin);
    expect(detail.status).toBe(200);
    expect(detail.body.guidance.response.vi).toContain('không còn');
  });

  it('leaves closed ones out unless all are asked for, and knows no other choice', async () => {
    const [{ id }] = await open();
    await acknowledge(id, { version: 1 });
    await console.records.alertStore.apply([returned('thach-han', NIGHT + MINUTE_MS, 'major')], NIGHT);
    expect(await open()).toEqual([]);
    expect((await get(console, '/api/alerts?which=all', admin)).body).toMatchObject([
      { id, state: 'closed', acknowledgedBy: 'Lê T. Bình' },
    ]);
    for (const query of ['which=closed', 'which=all&which=open', 'witch=all'])
      expect(await get(console, `/api/alerts?${query}`, admin)).toMatchObject({
        status: 400,
        body: { code: 'bad-request' },
      });
  });
});

describe('one alert', () => {
  it('says what to do, what has happened, and who was told, attempt by attempt', async () => {
    const { outbox } = console.records;
    const [notice] = await outbox.unplanned(1);
    if (notice === undefined) throw new Error('an alert was raised and nobody is to be told');
    const contact = {
      id: 'ban-chi-huy',
      name: 'Ban Chỉ huy',
      channel: 'email',
      address: 'truc@quangtri.example',
      language: 'vi',
      fromSeverity: 'warning',
    } as const;
    await outbox.plan([notice], [contact], USUAL_BOUNDS, NIGHT);
    const [delivery] = await outbox.due(NIGHT + MINUTE_MS, 1, 'email');
    await outbox.record(
      delivery?.id ?? '',
      { at: NIGHT + MINUTE_MS, outcome: { kind: 'failed', answer: '451 greylisted' } },
      { state: 'pending', nextAttemptAt: NIGHT + 2 * MINUTE_MS },
    );

    const [{ id }] = await open();
    const { status, body } = await get(console, `/api/alerts/${id}`, admin);
    expect(status).toBe(200);
    expect(body.alert).toEqual((await open())[0]);
    expect(body.guidance).toMatchObject({
      cause: { vi: expect.stringContaining('Mưa lớn') },
      response: { en: expect.stringContaining('Look at the chart') },
    });
    expect(body.history).toMatchObject([
      { kind: 'raised', at: NIGHT, severity: 'major', by: null, evidence: { value: 6.1 } },
    ]);
    expect(body.deliveries).toEqual([
      {
        id: delivery?.id,
        event: 'raised',
        contactName: 'Ban Chỉ huy',
        channel: 'email',
        address: 'truc@quangtri.example',
        state: 'pending',
        digest: false,
        nextAttemptAt: NIGHT + 2 * MINUTE_MS,
        attempts: [{ at: NIGHT + MINUTE_MS, outcome: 'failed', answer: '451 greylisted' }],
      },
    ]);
  });

  it('that does not exist is a 404', async () => {
    expect(await get(console, '/api/alerts/no.such.alert', admin)).toMatchObject({
      status: 404,
      body: { code: 'unknown-alert' },
    });
  });
});

describe('acknowledging', () => {
  it('is done for the version that was seen, in the name of who is signed in, with the note', async () => {
    const [{ id, version }] = await open();
    const answer = await acknowledge(id, { version, note: 'Đã gọi xã Triệu Phong' });
    expect(answer).toMatchObject({
      status: 200,
      body: { id, version: 2, state: 'acknowledged', acknowledgedBy: 'Lê T. Bình', acknowledgedAt: NIGHT + MINUTE_MS },
    });
    const { body } = await get(console, `/api/alerts/${id}`, admin);
    expect(body.history.at(-1)).toEqual({
      kind: 'acknowledged',
      at: NIGHT + MINUTE_MS,
      severity: 'major',
      by: 'Lê T. Bình',
      note: 'Đã gọi xã Triệu Phong',
      evidence: null,
    });
    expect(await open()).toEqual([answer.body]);
  });

  it('names who was quicker and when, and changes nothing', async () => {
    const [{ id, version }] = await open();
    await acknowledge(id, { version });
    clock.pass(5 * MINUTE_MS);
    const second = await acknowledge(id, { version }, admin);
    expect(second).toMatchObject({ status: 409, body: { statusCode: 409, code: 'alert-already' } });
    // NIGHT is 02:00 in the province.
    expect(second.body.message).toContain('Lê T. Bình đã xác nhận lúc 02:01');
    expect(await open()).toMatchObject([{ version: 2, acknowledgedBy: 'Lê T. Bình' }]);
  });

  it('is refused for an alert that has got worse since it was seen', async () => {
    const [{ id, version }] = await open();
    await console.records.alertStore.apply([changed('thach-han', NIGHT + MINUTE_MS, 'major', 'critical')], NIGHT);
    expect(await acknowledge(id, { version })).toMatchObject({ status: 409, body: { code: 'alert-stale' } });
    expect(await open()).toMatchObject([{ state: 'active', severity: 'critical', version: 2 }]);
    expect((await acknowledge(id, { version: 2 })).status).toBe(200);
  });

  it('is done once when twenty officers press at the same moment', async () => {
    const [{ id, version }] = await open();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => acknowledge(id, { version }, n % 2 === 0 ? binh : admin)),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, ...Array(19).fill(409)]);
    expect(
      (await get(console, `/api/alerts/${id}`, admin)).body.history.map(({ kind }: { kind: string }) => kind),
    ).toEqual(['raised', 'acknowledged']);
  });

  it.each([
    ['no version', {}],
    ['a version that is text', { version: '1' }],
    ['version 0', { version: 0 }],
    ['half a version', { version: 1.5 }],
    ['a note too long', { version: 1, note: 'x'.repeat(2_001) }],
    ['another person’s name', { version: 1, by: 'admin' }],
  ])('with %s is refused and changes nothing', async (_what, body) => {
    const [{ id }] = await open();
    expect(await acknowledge(id, body)).toMatchObject({ status: 400, body: { code: 'bad-request' } });
    expect(await open()).toMatchObject([{ state: 'active', version: 1 }]);
  });

  it('of an alert that does not exist is a 404, whatever its id looks like', async () => {
    for (const id of ['no.such.alert', '../session', "' OR 1=1", 'ấ'.repeat(20)])
      expect(await acknowledge(id, { version: 1 })).toMatchObject({ status: 404 });
  });
});
