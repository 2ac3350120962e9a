import type { DoorOnDisk } from '../broker/door-on-disk.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMutationDoor } from '../faults/mutation/mutation-door.js';
import { connectPacket, oneOf, publishPacket, upTo, type Chance } from '../faults/mutation/packets.js';
import { RawClient } from '../faults/mutation/raw-client.js';
import { times } from '../faults/process/length.js';
import { eventually } from '../support/eventually.js';
import { faultSeed, seededRandom } from '../support/seeded.js';

const TOPICS = times(2_500, 25_000);
const AT_ONCE = 50;
const PUBACK = 4;
const OWN = [
  'v1/devices/me/telemetry',
  'v1/devices/me/attributes',
  'v1/gateway/telemetry',
  'v1/gateway/connect',
  'v1/gateway/disconnect',
];
const PIECES = [
  ...['', '..', '../', '.', '/', '//', '+', '#', '$SYS', '$SYS/broker', '$share/a', 'received', '*', '%2e%2e%2f', '\\'],
  ...['\0', '\n', '\r\n', '\u001b[2J', '\u007f', '\u202e', '\u00a0', '\ufeff', '\ufffd', ' ', 'é', 'e\u0301', '́', '😀'],
  ...['d1', 'me', 'ME', 'devices', 'v1', 'v2', 'telemetry', 'telemetry ', 'rpc/request/1', 'rpc/response/x'],
];

/** A topic that is near to one of a device's own, far from all, or another's. */
function anyTopic(chance: Chance): string {
  const own = oneOf(chance, OWN);
  const levels = own.split('/');
  const piece = oneOf(chance, PIECES);
  const at = upTo(chance, own.length + 1);
  switch (upTo(chance, 9)) {
    case 0:
      return own;
    case 1:
      return own.slice(0, at) + piece + own.slice(at);
    case 2:
      return own.slice(0, at) + own.slice(at + 1);
    case 3:
      return levels.with(upTo(chance, levels.length), piece).join('/');
    case 4:
      return `${piece}/${own}`;
    case 5:
      return `${own}/${piece}`;
    case 6:
      return own.replace('me', `d${upTo(chance, 3)}`);
    case 7:
      return Array.from({ length: 101 + upTo(chance, 100) }, () => oneOf(chance, ['v1', '', 'me'])).join('/');
    default:
      return Array.from({ length: 1 + upTo(chance, 6) }, () => oneOf(chance, PIECES)).join('/');
  }
}

/** The same with bytes in its topic that are no UTF-8. */
function withBrokenText(packet: Buffer, topicBytes: number, chance: Chance): Buffer {
  const at = packet.length - topicBytes + upTo(chance, topicBytes);
  packet[at] = oneOf(chance, [0xff, 0xc0, 0x80, 0xed]);
  return packet;
}

describe.each([true, false])('T02 with a telemetry lane: %s', (lane) => {
  let door: DoorOnDisk;
  beforeAll(async () => {
    door = await openMutationDoor(1, lane);
  });
  afterAll(() => door.close());

  it(`of ${TOPICS} topics only the device’s own reach the journal, and whoever publishes to another is hung up on`, async () => {
    const chance = seededRandom(faultSeed('topics'));
    const own: string[] = [];
    let tried = 0;
    const one = async (): Promise<void> => {
      while (tried < TOPICS) {
        const nth = (tried += 1);
        const broken = chance() < 0.1;
        const topic = anyTopic(chance);
        const payload = `{"n":${nth}}`;
        const qos = oneOf(chance, [0, 1, 1, 2] as const);
        const client = await RawClient.open(door.port);
        await client.send(connectPacket(door.tokens[0]!));
        await client.answered();
        const packet = publishPacket(topic, broken ? '' : payload, { qos, id: 1 });
        const ids = qos === 0 ? 0 : 2;
        const bytes = Buffer.byteLength(topic);
        await client.send(
          broken && bytes > 0
            ? Buffer.concat([
                withBrokenText(packet.subarray(0, packet.length - ids), bytes, chance),
                Buffer.alloc(ids, 1),
              ])
            : packet,
        );
        const mine = !broken && OWN.includes(topic);
        if (mine) own.push(payload);
        // Answered after it, so that it has been looked at.
        await client.send(publishPacket(OWN[0]!, '{}', { qos: 1, id: 2 }));
        await eventually(
          () => expect(client.ended || (mine && client.idsOf(PUBACK).includes(2)), topic).toBe(true),
          10_000,
        );
        expect(client.ended, JSON.stringify(topic)).toBe(!mine);
        expect(client.idsOf(PUBACK), JSON.stringify(topic)).toEqual(mine ? (qos === 1 ? [1, 2] : [2]) : []);
        client.hangUp();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    const kept: string[] = [];
    await door.readOn(({ deviceId, payload }) => {
      expect(deviceId).toBe('d0');
      if (payload.length > 2) kept.push(Buffer.from(payload).toString());
    });
    expect(kept.toSorted()).toEqual(own.toSorted());
    expect(own.length).toBeGreaterThan(TOPICS / 20);
  });
});
