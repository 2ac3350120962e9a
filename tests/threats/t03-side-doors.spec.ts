import type { DoorOnDisk } from '../broker/door-on-disk.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMutationDoor } from '../faults/mutation/mutation-door.js';
import { connectPacket, publishPacket, TELEMETRY } from '../faults/mutation/packets.js';
import { RawClient } from '../faults/mutation/raw-client.js';
import { eventually } from '../support/eventually.js';

const ADMITTED = '20020000';
const NOT_AUTHORIZED = '20020005';
const OTHERS = [
  'v1/devices/d1/telemetry',
  'v1/devices/me/rpc/request/1',
  '$SYS/broker/uptime',
  'received',
  'alarm/all',
];

describe.each([true, false])('T03 with a telemetry lane: %s', (lane) => {
  let door: DoorOnDisk;
  beforeAll(async () => {
    door = await openMutationDoor(2, lane);
  });
  afterAll(() => door.close());
  const kept = async (): Promise<string[]> => {
    const all: string[] = [];
    await door.readOn(({ kind, deviceId, payload }) => all.push(`${kind} ${deviceId} ${String(payload)}`));
    return all;
  };

  it.each(OTHERS)('a will on %s is refused with its CONNECT', async (topic) => {
    const client = await RawClient.open(door.port);
    await client.send(connectPacket(door.tokens[0]!, { will: { topic, payload: '{"level_m":9}', qos: 1 } }));
    await eventually(() => expect(client.ended).toBe(true), 5_000);
    expect(client.answers).toEqual([NOT_AUTHORIZED]);
    expect(await kept()).toEqual([]);
  });

  it('what is published as retained, at any QoS or by a will, is a message like any other, and nothing is retained', async () => {
    const will = { topic: 'v1/devices/me/attributes', payload: '{"n":5}', qos: 1, retain: true } as const;
    const client = await RawClient.open(door.port);
    await client.send(withRetainedWill(connectPacket(door.tokens[0]!, { clientId: 'a', will })));
    await client.answered();
    expect(client.answers).toEqual([ADMITTED]);
    for (const [n, qos, topic] of [
      [1, 0, TELEMETRY],
      [2, 1, TELEMETRY],
      [3, 2, TELEMETRY],
      [4, 1, will.topic],
    ] as const)
      await client.send(publishPacket(topic, `{"n":${n}}`, { qos, id: n, retain: true }));
    await eventually(() => expect(client.idsOf(4)).toEqual([2, 4]));
    client.hangUp();
    await eventually(async () =>
      expect((await kept()).map((line) => Number(/\d+(?=\})/.exec(line)?.[0]))).toEqual([1, 2, 3, 4, 5]),
    );
    const retained: unknown[] = [];
    for await (const packet of door.mail!.store.createRetainedStreamCombi(['#'])) retained.push(packet);
    expect(retained).toEqual([]);
  });
});

/** Its flags follow the length, the name of the protocol and its version. */
function withRetainedWill(connect: Buffer): Buffer {
  connect[9] = connect[9]! | 0x20;
  return connect;
}
