import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { SqlCommandDesk } from '@canh/adapters/records-sql/sql-device-commands';
import { HOUR_MS } from '@canh/core/time/instant';
import { eventually } from '../support/eventually.js';
import { MailDoor, REQUESTS, type Heard } from './mail-door.js';

const RPC = 'v1/gateway/rpc';
const VALVE = 'Van xả số 3';
const heard = ({ packets }: Heard): unknown[] =>
  packets.map(({ payload }) => JSON.parse(payload.toString()) as unknown);

/** `a` is a gateway, and `valve` a device behind it. */
describe('commands to a device behind a gateway', () => {
  let door: MailDoor;
  let desk: SqlCommandDesk;

  beforeEach(async () => {
    door = await MailDoor.open({ mqttQueueMessages: 3 });
    desk = new SqlCommandDesk(door.records);
    await standsBehind('a');
  });
  afterEach(() => door.close());

  const standsBehind = (gatewayId: string | null): Promise<void> =>
    new SqlInventoryDesk(door.records).putDevice({
      id: 'valve',
      name: VALVE,
      stationId: 's',
      profileId: 'gauge',
      gatewayId,
    });
  const send = (method: string, expiresInMs = HOUR_MS): Promise<number> => {
    const now = Date.now() + door.laterMs;
    return desk.send(
      { deviceId: 'valve', method, params: '{"percent":40}', by: 'trực ban', expiresAt: now + expiresInMs },
      now,
    );
  };
  const states = async (): Promise<string[]> => {
    await door.mail.look();
    return (await desk.of('valve', 100)).map(({ state }) => state);
  };
  const leave = async (gateway: 'a' | 'b'): Promise<void> => {
    const { client } = await door.connect(gateway);
    await client.subscribeAsync(RPC, { qos: 1 });
    await client.endAsync();
    await door.settled();
  };
  const answer = (id: number, device = VALVE): string => JSON.stringify({ device, id, data: { percent: 40 } });

  it('go to the gateway by the name that it knows, and its answer is that of the device', async () => {
    const gateway = await door.connect('a', { clean: true });
    await gateway.client.subscribeAsync(RPC, { qos: 1 });
    const ids = [await send('open'), await send('close')];
    await eventually(async () => expect(await states()).toEqual(['delivered', 'delivered']));
    expect(gateway.packets.map(({ topic }) => topic)).toEqual([RPC, RPC]);
    expect(heard(gateway)).toEqual(
      ['open', 'close'].map((method, n) => ({ device: VALVE, data: { id: ids[n], method, params: { percent: 40 } } })),
    );
    await gateway.client.publishAsync(RPC, answer(ids[1]!), { qos: 1 });
    expect(await desk.of('valve', 2)).toMatchObject([
      { id: ids[1], state: 'answered', answer: '{"percent":40}', sentThrough: 'a' },
      { id: ids[0], state: 'delivered', answer: null },
    ]);
    await gateway.client.publishAsync(RPC, answer(ids[1]!), { qos: 1 });
    expect(await door.dropped()).toEqual({ 'unknown-command': 1 });
  });

  it('are kept in the session of a gateway that is away, also over a restart, each until it expires', async () => {
    await leave('a');
    const first = await send('open');
    await send('late', 1_000);
    expect(await states()).toEqual(['sent', 'sent']);
    await door.stop();
    door.laterMs = 2_000;
    await door.start();
    expect(await states()).toEqual(['expired', 'sent']);
    const back = await door.connect('a');
    await eventually(async () => expect(await states()).toEqual(['expired', 'delivered']));
    expect(heard(back)).toMatchObject([{ data: { id: first, method: 'open' } }]);
  });

  it('wait where nobody follows them yet, and come when the gateway does', async () => {
    await send('open');
    expect(await states()).toEqual(['waiting']);
    const gateway = await door.connect('a');
    expect(await states()).toEqual(['waiting']);
    await gateway.client.subscribeAsync(RPC, { qos: 1 });
    await eventually(async () => expect(await states()).toEqual(['delivered']));
  });

  it('go to whoever listens: the device itself first, its gateway rather than a session that it left', async () => {
    const device = { name: VALVE, stationId: 's', profileId: 'gauge' };
    await new SqlInventoryDesk(door.records).putDevice({ ...device, id: 'b', gatewayId: 'a' });
    const through = async (): Promise<unknown> => {
      await door.send('b', 'open');
      await eventually(async () => expect((await door.states('b'))[0]).toBe('delivered'));
      return (await desk.of('b', 1))[0]?.sentThrough;
    };
    const gateway = await door.connect('a');
    await gateway.client.subscribeAsync(RPC, { qos: 1 });
    const itself = await door.connect('b');
    await itself.client.subscribeAsync(REQUESTS, { qos: 1 });
    expect(await through()).toBe('b');
    await itself.client.endAsync();
    await eventually(() => expect(door.remembered.counted).toBe(1));
    expect(await through()).toBe('a');
    await gateway.client.endAsync();
    await door.settled();
    await door.send('b', 'close');
    await door.states('b');
    expect((await desk.of('b', 1))[0]).toMatchObject({ state: 'sent', sentThrough: 'b' });
  });

  it('are answered by their own gateway alone, by the right name, in the right form', async () => {
    const gateway = await door.connect('a', { clean: true });
    await gateway.client.subscribeAsync(RPC, { qos: 1 });
    const stranger = await door.connect('b', { clean: true });
    await stranger.client.subscribeAsync(RPC, { qos: 1 });
    const id = await send('open');
    await eventually(async () => expect(await states()).toEqual(['delivered']));
    expect(stranger.packets).toEqual([]);
    await stranger.client.publishAsync(RPC, answer(id), { qos: 1 });
    const deep = `{"device":"${VALVE}","id":${id},"data":${'['.repeat(30_000)}${']'.repeat(30_000)}}`;
    const wrong = [answer(id, 'Van khác'), answer(id + 1), '', '{', 'null', '[]', `{"device":"${VALVE}"}`, deep];
    for (const payload of wrong) await gateway.client.publishAsync(RPC, payload, { qos: 1 });
    expect(await desk.of('valve', 1)).toMatchObject([{ state: 'delivered', answer: null }]);
    expect(await door.dropped()).toEqual({ 'unknown-command': 9 });
    await gateway.client.publishAsync(RPC, answer(id), { qos: 1 });
    expect(await desk.of('valve', 1)).toMatchObject([{ state: 'answered', answer: '{"percent":40}' }]);
  });

  it('do not stay with a gateway that does not speak for the device any more', async () => {
    await leave('a');
    await send('open');
    expect(await states()).toEqual(['sent']);
    await standsBehind('b');
    expect(await states()).toEqual(['dropped']);
    expect(door.mail.store.waiting).toBe(0);
  });

  it('are handed over once where a crash came before the note of it', async () => {
    await leave('a');
    await send('open');
    expect(await states()).toEqual(['sent']);
    await door.stop();
    await door.records.updateTable('device_commands').set({ state: 'waiting', sent_through: null }).execute();
    await door.start();
    expect(await states()).toEqual(['sent']);
    expect(door.mail.store.waiting).toBe(1);
    expect(await desk.of('valve', 1)).toMatchObject([{ sentThrough: 'a' }]);
  });

  it('wait their turn where all of them are more than a session of the gateway takes', async () => {
    await leave('a');
    await door.stop();
    const stand = { name: 'b', stationId: 's', profileId: 'gauge', gatewayId: 'a' };
    await new SqlInventoryDesk(door.records).putDevice({ ...stand, id: 'b' });
    await door.start();
    for (let n = 0; n < 3; n += 1) await Promise.all([send(`valve ${n}`), door.send('b', `b ${n}`)]);
    const all = async (): Promise<string[]> => [...(await states()), ...(await door.states('b'))];
    expect((await all()).filter((state) => state === 'sent')).toHaveLength(3);
    const back = await door.connect('a');
    await eventually(async () => expect(new Set(await all())).toEqual(new Set(['delivered'])));
    expect(back.packets).toHaveLength(6);
    expect(await door.dropped()).toEqual({});
  });
});
