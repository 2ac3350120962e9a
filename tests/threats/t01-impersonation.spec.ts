import type { DoorOnDisk } from '../broker/door-on-disk.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openMutationDoor } from '../faults/mutation/mutation-door.js';
import { connectPacket, publishPacket, TELEMETRY } from '../faults/mutation/packets.js';
import { RawClient } from '../faults/mutation/raw-client.js';
import { eventually } from '../support/eventually.js';

const ADMITTED = '20020000';
const [VICTIM, ATTACKER] = [0, 1];

let door: DoorOnDisk;
beforeAll(async () => {
  door = await openMutationDoor(2, true);
});
afterAll(() => door.close());

it.each(['logger', 'd0/logger', 'd0', '../d0/logger', 'd1/../d0/logger'])(
  'T01 a device that calls itself %s takes nobody’s place: the victim stays, its will is not published, and nothing goes by its name',
  async (clientId) => {
    const will = { topic: TELEMETRY, payload: '{"gone":1}', qos: 1 } as const;
    const victim = await RawClient.open(door.port);
    await victim.send(connectPacket(door.tokens[VICTIM]!, { clientId: 'logger', will }));
    await victim.answered();
    expect(victim.answers).toEqual([ADMITTED]);

    const attacker = await RawClient.open(door.port);
    await attacker.send(connectPacket(door.tokens[ATTACKER]!, { clientId }));
    await attacker.send(publishPacket(TELEMETRY, '{"forged":1}', { qos: 1, id: 7 }));
    await eventually(() => expect(attacker.idsOf(4)).toEqual([7]), 5_000);

    await victim.send(publishPacket(TELEMETRY, '{"mine":1}', { qos: 1, id: 9 }));
    await eventually(() => expect(victim.idsOf(4)).toEqual([9]), 5_000);
    expect(victim.ended).toBe(false);
    const kept: string[] = [];
    await door.readOn(({ deviceId, payload }) => kept.push(`${deviceId} ${Buffer.from(payload).toString()}`));
    expect(kept.slice(-2)).toEqual(['d1 {"forged":1}', 'd0 {"mine":1}']);
    expect(kept.filter((line) => line.startsWith('d0'))).not.toContain('d0 {"gone":1}');
    // In order, so that the will of this round is not published in the next.
    await victim.send(Buffer.from([0xe0, 0]));
    await victim.closed;
    attacker.hangUp();
  },
);
