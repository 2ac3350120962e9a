import type { DoorOnDisk } from '../../broker/door-on-disk.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { times } from '../process/length.js';
import { openMutationDoor } from './mutation-door.js';
import {
  anyPacket,
  connectPacket,
  type Chance,
  DISCONNECT,
  misspelt,
  mutated,
  oneOf,
  pieces,
  upTo,
} from './packets.js';
import { RawClient } from './raw-client.js';

const STREAMS = times(2_000, 20_000);
/** Together on both doors; each device is on one of them. */
const AT_ONCE = 100;
const MOST_PACKETS = 40;
const LOOK_EVERY_MS = 5;
/** Nothing was heard and nothing is under way, looked at so often: then it is over. */
const QUIET_LOOKS = 30;

interface Stream {
  /** The CONNECT is waited for: what comes before its answer is Aedes's alone. */
  readonly waits: boolean;
  readonly pieces: readonly Buffer[];
  readonly hex: string;
}

interface Outcome {
  readonly ended: boolean;
  /** Each kind of answer in its order; between kinds the order is that of the disk, and of chance. */
  readonly answers: Readonly<Record<string, readonly string[]>>;
  readonly journal: readonly string[];
}

let withLane: DoorOnDisk;
let without: DoorOnDisk;
beforeAll(async () => {
  [withLane, without] = await Promise.all([openMutationDoor(AT_ONCE, true), openMutationDoor(AT_ONCE, false)]);
});
afterAll(async () => {
  await withLane?.close();
  await without?.close();
});

it(
  `does with the telemetry lane what it does without it: ${STREAMS} streams of packets, in any pieces, right and wrong`,
  async () => {
    const chance = seededRandom(faultSeed('lane'));
    const seen = { ended: 0, open: 0, answers: 0, messages: 0 };
    for (let done = 0; done < STREAMS; done += AT_ONCE) {
      const count = Math.min(AT_ONCE, STREAMS - done);
      const streams = Array.from({ length: count }, () => streamOf(chance));
      const [lane, aedes] = await Promise.all([play(streams, withLane), play(streams, without)]);
      for (const [device, { hex }] of streams.entries()) {
        const [first, second] = [lane[device]!, aedes[device]!];
        expect(first.ended, `the end of ${hex}`).toBe(second.ended);
        expect(first.journal, `the journal after ${hex}`).toEqual(second.journal);
        for (const kind of new Set([...Object.keys(first.answers), ...Object.keys(second.answers)]))
          expectSame(kind, first, second, hex);
        seen[first.ended ? 'ended' : 'open'] += 1;
        seen.messages += first.journal.length;
        seen.answers += Object.values(first.answers).flat().length;
      }
    }
    console.info(`lane: ${STREAMS} streams, ${JSON.stringify(seen)}`);
    expect(Math.min(seen.ended, seen.open)).toBeGreaterThan(STREAMS / 10);
  },
  times(600_000, 3_600_000),
);

/** Of these the order is that of the messages, and of the others it depends on the disk. */
const IN_ORDER = new Set(['4', 'd']);

/** Where the connection was ended in the middle, how much was answered before depends on the disk, too. */
function expectSame(kind: string, first: Outcome, second: Outcome, hex: string): void {
  const [one, other] = [first.answers[kind] ?? [], second.answers[kind] ?? []];
  if (!first.ended) return expect(one, `answers ${kind} to ${hex}`).toEqual(other);
  if (!IN_ORDER.has(kind)) return;
  const heard = Math.min(one.length, other.length);
  expect(one.slice(0, heard), `answers ${kind} to ${hex}`).toEqual(other.slice(0, heard));
}

function streamOf(chance: Chance): Stream {
  const share = oneOf(chance, [0, 0, 0.1, 0.3]);
  const wrong = oneOf(chance, [mutated, misspelt]);
  let id = 0;
  const nextId = (): number => (id += chance() < 0.05 ? 0 : 1) || 1;
  const waits = share > 0 || chance() < 0.5;
  const packets = Array.from({ length: 1 + upTo(chance, MOST_PACKETS) }, () => {
    const packet = anyPacket(chance, nextId);
    return chance() < share ? wrong(packet, chance) : packet;
  });
  // What came before the CONNACK is let go of or not when the connection is ended: as it happens.
  const bytes = Buffer.concat(waits ? packets : packets.filter((packet) => !endsConnection(packet)));
  return { waits, pieces: pieces(bytes, chance), hex: bytes.toString('hex').slice(0, 4_000) };
}

const endsConnection = (packet: Buffer): boolean =>
  packet.equals(DISCONNECT) || packet[0] === 0x10 || packet.includes('another/topic');

async function play(streams: readonly Stream[], door: DoorOnDisk): Promise<Outcome[]> {
  const clients = await Promise.all(
    streams.map(async ({ waits, pieces: all }, device) => {
      const client = await RawClient.open(door.port);
      await client.send(connectPacket(door.tokens[device]!));
      if (waits) await client.answered();
      for (const piece of all) await client.send(piece);
      return client;
    }),
  );
  await quiet(clients, door);
  const journal = streams.map((): string[] => []);
  await door.readOn(({ deviceId, kind, payload }) =>
    journal[Number(deviceId.slice(1))]!.push(`${kind} ${Buffer.from(payload).toString('latin1')}`),
  );
  const outcomes = clients.map((client, device): Outcome => {
    const answers: Record<string, string[]> = {};
    for (const answer of client.answers) (answers[answer[0]!] ??= []).push(answer);
    for (const [kind, all] of Object.entries(answers)) if (!IN_ORDER.has(kind)) all.sort();
    return { ended: client.ended, answers, journal: journal[device]! };
  });
  for (const client of clients) client.hangUp();
  return outcomes;
}

/** Resolves when nothing has happened for a good while, looked at as often as the process had its turn. */
async function quiet(clients: readonly RawClient[], door: DoorOnDisk): Promise<void> {
  let last = -1;
  for (let unchanged = 0; unchanged < QUIET_LOOKS;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    const now = clients.reduce((sum, { bytesHeard, ended }) => sum + bytesHeard + (ended ? 1 : 0), 0);
    unchanged = now === last && door.underWay === 0 ? unchanged + 1 : 0;
    last = now;
  }
}
