import type { DoorOnDisk } from './door-on-disk.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openMutationDoor } from '../faults/mutation/mutation-door.js';
import { connectPacket, DISCONNECT, PINGREQ, publishPacket, TELEMETRY } from '../faults/mutation/packets.js';
import { RawClient } from '../faults/mutation/raw-client.js';
import { eventually } from '../support/eventually.js';

let door: DoorOnDisk;
beforeAll(async () => {
  door = await openMutationDoor(1, true);
});
afterAll(() => door?.close());

const CONNECTED = '20020000';
const hello = (): Buffer => connectPacket(door.tokens[0]!, { clientId: 'unit' });
const changed = (bytes: Buffer, at: number, value: number): Buffer => {
  const other = Buffer.from(bytes);
  other[at] = value;
  return other;
};
/** Where in a CONNECT of MQTT 3.1.1 they stand. */
const [VERSION_AT, FLAGS_AT, CLIENT_ID_AT] = [8, 9, 14];

async function answersTo(...packets: readonly Buffer[]): Promise<string[]> {
  const client = await RawClient.open(door.port);
  for (const packet of packets) await client.send(packet);
  await client.closed;
  return client.answers;
}

it.each<[string, () => Buffer]>([
  ['a client id with a U+0000', () => changed(hello(), CLIENT_ID_AT, 0)],
  ['a client id that is not UTF-8', () => changed(hello(), CLIENT_ID_AT, 0xff)],
  ['a will on no topic', () => connectPacket(door.tokens[0]!, { will: { topic: '', payload: 'x', qos: 0 } })],
  ['a user name that its flags do not speak of', () => changed(hello(), FLAGS_AT, 2)],
])('hangs up without a word on a CONNECT with %s', async (_, packet) => {
  expect(await answersTo(packet())).toEqual([]);
});

it.each<[string, () => Buffer, string]>([
  ['a version that nobody knows', () => changed(hello(), VERSION_AT, 9), '20020001'],
  ['no client id, for a session that is kept', () => connectPacket(door.tokens[0]!, { clean: false }), '20020002'],
  ['no client id, in MQTT 3.1', () => connectPacket(door.tokens[0]!, { version: 3 }), '20020002'],
])('says what is wrong with a CONNECT with %s', async (_, packet, connack) => {
  expect(await answersTo(packet())).toEqual([connack]);
});

it.each<[string, Buffer]>([
  ['a topic with a U+0000', publishPacket(`${TELEMETRY}\0`, '{}', { qos: 1, id: 1 })],
  ['no topic filter to unsubscribe from', Buffer.from([0xa2, 2, 0, 1])],
  ['a PUBLISH that ends in its packet id', Buffer.concat([halfAnId(), PINGREQ, PINGREQ])],
  ['a PUBLISH that ends in its packet id, and nothing behind it', halfAnId()],
  ['a PUBACK without a packet id', Buffer.from([0x40, 0])],
  ['a PUBREL with half a packet id', Buffer.from([0x62, 1, 0])],
  ['a SUBSCRIBE with the packet id 0', Buffer.from([0x82, 6, 0, 0, 0, 1, 0x23, 0])],
])('hangs up on a client with %s', async (_, packet) => {
  const client = await RawClient.open(door.port);
  await client.send(hello());
  await client.answered();
  await client.send(packet);
  await client.closed;
  expect(client.answers).toEqual([CONNECTED]);
});

/** MQTT's own parser would take the rest of the id from the packet behind it, and acknowledge an empty message. */
function halfAnId(): Buffer {
  const whole = publishPacket(TELEMETRY, '', { qos: 1, id: 1 });
  return changed(whole.subarray(0, -1), 1, whole[1]! - 1);
}

it('takes nothing that comes behind a DISCONNECT, in one piece with it', async () => {
  const attributes = publishPacket('v1/devices/me/attributes', '{"late":1}', { qos: 1, id: 1 });
  const client = await RawClient.open(door.port);
  await client.send(hello());
  await client.answered();
  await client.send(Buffer.concat([DISCONNECT, attributes]));
  await client.closed;
  await eventually(() => expect([door.connections, door.underWay]).toEqual([0, 0]));
  const kept: string[] = [];
  await door.readOn(({ payload }) => kept.push(Buffer.from(payload).toString()));
  expect(kept).toEqual([]);
});

it('forgets no client that came back in the place of another', async () => {
  for (let times = 0; times < 20; times += 1) {
    const clients = await Promise.all(Array.from({ length: 5 }, () => RawClient.open(door.port)));
    await Promise.all(clients.map((client) => client.send(hello())));
    await Promise.all(clients.map((client) => client.answered()));
    for (const client of clients) client.hangUp();
  }
  await eventually(() => expect(door.connections).toBe(0));
  const last = await RawClient.open(door.port);
  await last.send(hello());
  await eventually(() => expect(door.connections).toBe(1));
  last.hangUp();
});
