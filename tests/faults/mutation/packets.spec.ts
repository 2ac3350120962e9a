import type { DoorOnDisk } from '../../broker/door-on-disk.js';
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { kindOfTopic } from '../../../apps/broker/src/mqtt/device-topics.js';
import { eventually } from '../../support/eventually.js';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { times } from '../process/length.js';
import { openMutationDoor } from './mutation-door.js';
import {
  anyPacket,
  connectPacket,
  misspelt,
  mutated,
  oneOf,
  pieces,
  PINGREQ,
  publishesIn,
  publishPacket,
  TELEMETRY,
  upTo,
  type Chance,
  type Sent,
} from './packets.js';
import { RawClient } from './raw-client.js';

const MUTATED = times(100_000, 1_000_000);
const AT_ONCE = 400;
const MOST_PACKETS = 60;
const MUTATED_SHARES = [0.1, 0.4];
const DEVICES = 50;
const HONEST = 0;
/** CONNACK and PUBACK alike. */
const BYTES_OF_ANSWER = 4;
const PUBACK = 4;
const PUBREC = 5;
/** What is left over after so many connections: much less than if each of them left anything. */
const MOST_MEMORY_KEPT = 8 * 2 ** 20;
/** How long an answer is waited for that may never come. */
const PATIENCE_MS = 100;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let door: DoorOnDisk;
beforeAll(async () => {
  door = await openMutationDoor(DEVICES + 1, true);
});
afterAll(() => door?.close());

it(
  `outlives ${MUTATED} packets with a mistake in them, keeps each that it acknowledged, and serves an honest device all along`,
  async () => {
    const seed = faultSeed('packets');
    const chance = seededRandom(seed);
    const sent = new Tally();
    const acknowledged = new Tally();
    await mutate(Math.floor(MUTATED / 50), chance, sent, acknowledged);
    const before = await memory();

    const honest = new HonestDevice();
    const serving = honest.publishAll(door);
    await mutate(MUTATED, chance, sent, acknowledged);
    honest.enough = true;
    await serving;

    const kept = new Tally();
    const keptOfHonest: string[] = [];
    await door.readOn(({ kind, deviceId, payload }) => {
      if (deviceId === `d${HONEST}`) keptOfHonest.push(Buffer.from(payload).toString());
      else kept.add(deviceId, kind, payload);
    });
    expect(keptOfHonest).toEqual(honest.published);
    expect(acknowledged.missingIn(kept), 'acknowledged, and not in the journal').toBe(0);
    expect(kept.missingIn(sent), 'in the journal, and sent by nobody').toBe(0);
    console.info(
      `packets: ${MUTATED} mutated, ${kept.count} messages kept, ${acknowledged.count} of them acknowledged, ${door.refusals.length} refusals; honest device: ${honest.published.length} messages`,
    );
    for (const tally of [sent, acknowledged, kept]) tally.forget();
    honest.published.length = 0;
    keptOfHonest.length = 0;
    await eventually(async () =>
      expect(((await memory()) - before) / 2 ** 20).toBeLessThan(MOST_MEMORY_KEPT / 2 ** 20),
    );
  },
  times(600_000, 3_600_000),
);

/** In bytes, with nobody connected and nothing under way. */
async function memory(): Promise<number> {
  await eventually(() => expect([door.connections, door.underWay]).toEqual([0, 0]));
  collectGarbage();
  // What was outside the heap is given back by and by.
  await setImmediate();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Connections of devices that make so many mistakes among them. */
async function mutate(count: number, chance: Chance, sent: Tally, acknowledged: Tally): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left > 0) {
      const made = await connection(chance, sent, acknowledged);
      left -= made;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

/** Gives how many of the packets had mistakes. */
async function connection(chance: Chance, sent: Tally, acknowledged: Tally): Promise<number> {
  const device = 1 + upTo(chance, DEVICES);
  const client = await RawClient.open(door.port);
  let id = 0;
  const nextId = (): number => (id += chance() < 0.05 ? 0 : 1) || 1;
  let mistakes = 0;
  const share = oneOf(chance, MUTATED_SHARES);
  const gentle = chance() < 0.5;
  const maybeMutated = (packet: Buffer, share: number): Buffer => {
    if (chance() >= share) return packet;
    mistakes += 1;
    return (gentle ? misspelt : mutated)(packet, chance);
  };
  const rightHello = chance() < 0.95;
  const options = {
    clientId: chance() < 0.5 ? '' : `c${upTo(chance, 5)}`,
    clean: chance() < 0.7,
    ...(rightHello && chance() < 0.1 ? { will: { topic: TELEMETRY, payload: '{"level_m":0}', qos: 1 as const } } : {}),
  };
  const hello = maybeMutated(connectPacket(door.tokens[device]!, options), rightHello ? 0 : 1);
  const waits = rightHello && chance() < 0.8;
  const rest = Array.from({ length: upTo(chance, MOST_PACKETS) }, () => maybeMutated(anyPacket(chance, nextId), share));
  const all = Buffer.concat([hello, ...rest, PINGREQ]);
  if (waits) {
    await client.send(hello);
    await client.answered();
  }
  for (const piece of pieces(waits ? all.subarray(hello.length) : all, chance)) await client.send(piece);
  await answersOf(client);

  const published = publishesIn(all);
  const allowed = published.filter(({ topic }) => kindOfTopic(topic) !== undefined);
  for (const { topic, payload } of allowed) sent.add(`d${device}`, kindOfTopic(topic)!, payload);
  if (options.will !== undefined) sent.add(`d${device}`, 'telemetry', Buffer.from(options.will.payload));
  const [once, twice] = [1, 2].map((qos) => allowed.filter((message) => message.qos === qos)) as [Sent[], Sent[]];
  const pubAcks = client.idsOf(PUBACK);
  expect(pubAcks, 'PUBACKs in the order of their messages').toEqual(once.slice(0, pubAcks.length).map((of) => of.id));
  // At QoS 2 what comes again under the same id is told at once, and need not be kept.
  const pubRecs = new Set(client.idsOf(PUBREC));
  const received = [...pubRecs].map((of) => twice.find((message) => message.id === of));
  for (const message of [...once.slice(0, pubAcks.length), ...received]) {
    if (message === undefined) throw new Error('a PUBREC for a message that was not sent');
    acknowledged.add(`d${device}`, kindOfTopic(message.topic)!, message.payload);
  }
  client.hangUp();
  return mistakes;
}

async function answersOf(client: RawClient): Promise<void> {
  for (let heard = -1; !client.ended && heard !== client.bytesHeard;) {
    heard = client.bytesHeard;
    await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  }
}

/** How often each message was seen. */
class Tally {
  private readonly seen = new Map<string, number>();
  count = 0;

  add(deviceId: string, kind: string, payload: Uint8Array): void {
    const key = createHash('sha1').update(deviceId).update(kind).update(payload).digest('base64');
    this.seen.set(key, (this.seen.get(key) ?? 0) + 1);
    this.count += 1;
  }

  missingIn(other: Tally): number {
    let missing = 0;
    for (const [key, count] of this.seen) missing += Math.max(0, count - (other.seen.get(key) ?? 0));
    return missing;
  }

  forget(): void {
    this.seen.clear();
  }
}

/** One that makes no mistakes, and waits for each of its acknowledgements. */
class HonestDevice {
  readonly published: string[] = [];
  enough = false;

  async publishAll(at: DoorOnDisk): Promise<void> {
    const client = await RawClient.open(at.port);
    await client.send(connectPacket(at.tokens[HONEST]!));
    await client.answered();
    while (!this.enough) {
      const number = this.published.length;
      const payload = `{"level_m":2.5,"seq":${number}}`;
      this.published.push(payload);
      await client.send(publishPacket(TELEMETRY, payload, { qos: 1, id: (number % 65_535) + 1 }));
      await eventually(() => {
        if (client.ended) throw new Error(`the honest device was cut off after ${number} messages`);
        expect(client.bytesHeard).toBe(BYTES_OF_ANSWER * (number + 2));
      });
    }
    client.hangUp();
  }
}
