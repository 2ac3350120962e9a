import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const CONNECT = 0x10;
const PUBLISH_QOS_1 = 0x32;
const PUBACK = 0x40;
const TOPIC = 'v1/devices/me/telemetry';
const MOST_IDS = 65_535;

/** A device that publishes at QoS 1 as fast as its socket takes it and waits for no acknowledgement; each of its messages carries its number. */
export class RawDevice {
  /** Packet ids in the order of their PUBACKs. */
  readonly acknowledged: number[] = [];
  ended = false;
  /** Messages that were published. */
  sent = 0;
  private rest = Buffer.alloc(0);

  private constructor(private readonly socket: Socket) {
    socket.on('data', (bytes) => this.hear(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () => (this.ended = true));
  }

  static async connect(port: number, token: string): Promise<RawDevice> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    socket.write(connectPacket(token));
    await once(socket, 'data');
    return new RawDevice(socket);
  }

  /** Resolves when the socket has taken all of them. `alone`: each in a segment of its own. */
  async publish(count: number, payloadOf: (number: number) => string, alone = false): Promise<void> {
    let together: Buffer[] = [];
    for (let n = 0; n < count && !this.ended; n += 1) {
      const number = this.sent;
      this.sent += 1;
      const id = (number % MOST_IDS) + 1;
      const payload = Buffer.from(payloadOf(number));
      together.push(packet(PUBLISH_QOS_1, Buffer.concat([field(TOPIC), Buffer.from([id >> 8, id & 255]), payload])));
      if (!alone && together.length < 100 && n + 1 < count) continue;
      const free = this.socket.write(Buffer.concat(together));
      together = [];
      if (alone) await new Promise((resolve) => setImmediate(resolve));
      if (!free && !this.ended) await Promise.race([once(this.socket, 'drain'), once(this.socket, 'close')]);
    }
  }

  close(): void {
    this.socket.destroy();
  }

  private hear(bytes: Buffer): void {
    let at = 0;
    this.rest = Buffer.concat([this.rest, bytes]);
    for (; at + 4 <= this.rest.length; at += 4)
      if (this.rest[at] === PUBACK) this.acknowledged.push(this.rest.readUInt16BE(at + 2));
    this.rest = this.rest.subarray(at);
  }
}

/** CONNECT of MQTT 3.1.1 with a user name and a keep-alive in seconds. */
export const connectPacket = (user: string, keepAlive = 600): Buffer =>
  packet(
    CONNECT,
    Buffer.concat([field('MQTT'), Buffer.from([4, 0x82, keepAlive >> 8, keepAlive & 255]), field(''), field(user)]),
  );

export const field = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

export function packet(head: number, body: Buffer): Buffer {
  const length: number[] = [];
  for (let left = body.length; ;) {
    const digit = left & 127;
    left >>= 7;
    length.push(left > 0 ? digit | 128 : digit);
    if (left === 0) break;
  }
  return Buffer.concat([Buffer.from([head, ...length]), body]);
}
