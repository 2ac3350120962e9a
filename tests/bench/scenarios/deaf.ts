import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { median } from '../figures.js';
import type { Load } from '../generator.js';
import { interleaved, type Measuring } from '../measuring.js';
import { canhRound, type Round } from '../round.js';
import { said, wholePerS } from '../table.js';
import { percent, verdict, type Verdict } from '../verdict.js';

/** All that a device may follow. */
const FILTERS = [
  'v1/devices/me/attributes',
  'v1/devices/me/attributes/response/+',
  'v1/devices/me/rpc/request/+',
  'v1/devices/me/rpc/response/+',
  'v1/gateway/attributes',
  'v1/gateway/attributes/response',
  'v1/gateway/rpc',
];
const PING = Buffer.from([0xc0, 0]);
/** Whose answers are more than the kernel holds for it. */
const MOST_PINGS = 4_000_000;
const PINGS_AT_ONCE = 8_192;
const STALLED_AFTER_MS = 500;
const CONNECTIONS = 100;
const BESIDE = 'Canh → DuckDB, one deaf';

/**
 * A device that subscribes to all that it may, and reads nothing. What devices publish is forwarded to nobody, so the answers to its own
 * packets are the most that can be made to wait for it: before the load it asks until no more of them is taken.
 */
export async function deaf(measuring: Measuring): Promise<{ rounds: Round[]; verdicts: Verdict[] }> {
  const [{ window, warmUpSeconds, seconds } = { window: 20, warmUpSeconds: 2, seconds: 5 }] = measuring.wishes.loads;
  const load = { connections: CONNECTIONS, window, rate: 0, warmUpSeconds, seconds };
  let cutOff = 0;
  const rounds = await interleaved(
    measuring,
    [load],
    [
      (of: Load) => canhRound(measuring, of, null),
      (of: Load) =>
        canhRound(measuring, of, null, {
          name: BESIDE,
          meanwhile: async ({ port }) => {
            const client = await DeafClient.open(port, measuring.inventory.spareToken);
            return async () => {
              cutOff += client.cutOff;
              client.close();
            };
          },
        }),
    ],
    said,
  );
  const of = (server: string): number => median(rounds.filter((round) => round.server === server).map(wholePerS));
  return {
    rounds,
    verdicts: [
      verdict(
        { what: `throughput beside a subscriber that stops reading, c${CONNECTIONS}`, least: 0.9, said: percent },
        of(BESIDE) / of('Canh → DuckDB'),
        `cut off ${cutOff} times in ${measuring.wishes.rounds} rounds`,
      ),
    ],
  };
}

class DeafClient {
  cutOff = 0;
  private readonly socket: Socket;
  private closed = false;
  private lastTaken = performance.now();

  private constructor(port: number, token: string) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.cutOff += this.closed ? 0 : 1));
    const who = [Buffer.from('\0\x04MQTT\x04\xc2\0\x78', 'latin1'), text(''), text(token), text('')];
    this.socket.write(packet(0x10, Buffer.concat(who)));
  }

  /** Resolves when its questions are taken no more: then all that may wait for it does. */
  static async open(port: number, token: string): Promise<DeafClient> {
    const client = new DeafClient(port, token);
    // What is sent before the CONNACK has a bound of its own. After it, nothing is read any more.
    await once(client.socket, 'data');
    client.socket.pause();
    const filters = FILTERS.flatMap((filter) => [text(filter), Buffer.from([1])]);
    client.socket.write(packet(0x82, Buffer.concat([Buffer.from([0, 1]), ...filters])));
    const some = Buffer.alloc(PINGS_AT_ONCE * PING.length, PING);
    for (let sent = 0; sent < MOST_PINGS; sent += PINGS_AT_ONCE)
      client.socket.write(some, () => (client.lastTaken = performance.now()));
    while (performance.now() - client.lastTaken < STALLED_AFTER_MS) await pause(STALLED_AFTER_MS / 10);
    return client;
  }

  close(): void {
    this.closed = true;
    this.socket.destroy();
  }
}

const text = (value: string): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(Buffer.byteLength(value));
  return Buffer.concat([length, Buffer.from(value)]);
};

const packet = (type: number, body: Buffer): Buffer => {
  const length = [];
  for (let left = body.length; ;) {
    const more = left > 127;
    length.push((left & 127) | (more ? 128 : 0));
    if (!more) return Buffer.concat([Buffer.from([type, ...length]), body]);
    left >>= 7;
  }
};
