import { connect, type Socket } from 'node:net';
import type { Published, SentMessage } from './published.js';

const TOPIC = 'v1/devices/me/telemetry';
const KEEP_ALIVE_S = 3_600;
const RETRY_WITHIN_MS = 300;
const ACK_WITHIN_MS = 20_000;
const MOST_PACKET_ID = 65_535;
const [CONNACK, PUBACK] = [0x20, 0x40];

/** How packets meet the wire: each by itself, as many as are ready in one write, every byte by itself, or cut anywhere. */
export type Wire = 'whole' | 'glued' | 'bytes' | 'torn';

export interface DeviceOptions {
  readonly deviceId: string;
  readonly token: string;
  /** `mqtt://host:port` as it is now. */
  readonly url: () => string;
  readonly published: Published;
  readonly chance: () => number;
  readonly inFlight?: number;
  readonly wire?: Wire;
}

interface Parcel {
  readonly message: SentMessage;
  readonly settle: (error: Error | null) => void;
  packetId: number;
  tries: number;
}

/**
 * A device that speaks MQTT 3.1.1 byte by byte: QoS 1, a window of messages on the way, and after a lost connection everything again
 * that has no PUBACK, in order, with DUP. It notes what it was told, and whether that came in order.
 */
export class Device {
  private waiting: Parcel[] = [];
  private onTheWay: Parcel[] = [];
  private socket: Socket | null = null;
  private admitted = false;
  private received = Buffer.alloc(0);
  private nextPacketId = 1;
  private over = false;
  private retry: NodeJS.Timeout | undefined;
  private patience: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  acknowledged = 0;
  connections = 0;

  constructor(private readonly options: DeviceOptions) {
    this.connect();
  }

  get backlog(): number {
    return this.waiting.length + this.onTheWay.length;
  }

  /** Resolves with the PUBACK, however many connections that takes. The same message may be published again and again. */
  publish(message: SentMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error: Error | null): void => (error === null ? resolve() : reject(error));
      this.waiting.push({ message, settle, packetId: 0, tries: 0 });
      this.pump();
    });
  }

  /** As a radio link goes: without a word. */
  cut(): void {
    this.socket?.destroy();
  }

  /** What is not acknowledged fails; nothing is sent any more. */
  close(): void {
    this.over = true;
    clearTimeout(this.retry);
    clearTimeout(this.patience);
    this.cut();
    for (const { settle } of [...this.onTheWay, ...this.waiting]) settle(new Error('the device was switched off'));
    [this.onTheWay, this.waiting] = [[], []];
  }

  private connect(): void {
    if (this.over) return;
    const { hostname, port } = new URL(this.options.url());
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.socket = socket;
    this.admitted = false;
    this.received = Buffer.alloc(0);
    this.writing = Promise.resolve();
    socket.on('error', () => {});
    socket.on('connect', () => this.put(socket, [connectPacket(this.options.deviceId, this.options.token)]));
    socket.on('data', (chunk) => this.hear(socket, chunk));
    socket.on('close', () => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.admitted = false;
      clearTimeout(this.patience);
      this.waiting = [...this.onTheWay, ...this.waiting];
      this.onTheWay = [];
      if (!this.over) this.retry = setTimeout(() => this.connect(), this.options.chance() * RETRY_WITHIN_MS);
    });
  }

  private hear(socket: Socket, chunk: Buffer): void {
    this.received = Buffer.concat([this.received, chunk]);
    // Everything that a server sends to a device that subscribes to nothing has one byte of length.
    while (this.received.length >= 2 && this.received.length >= 2 + this.received[1]!) {
      const packet = this.received.subarray(0, 2 + this.received[1]!);
      this.received = this.received.subarray(packet.length);
      if (packet[0] === CONNACK && packet[3] === 0) {
        this.admitted = true;
        this.connections += 1;
        this.pump();
      } else if (packet[0] === PUBACK) this.acknowledge(packet.readUInt16BE(2));
      else socket.destroy();
    }
  }

  private acknowledge(packetId: number): void {
    const { published, deviceId } = this.options;
    const at = this.onTheWay.findIndex((parcel) => parcel.packetId === packetId);
    if (at !== 0)
      published.disorder.push(
        at < 0
          ? `${deviceId}: a PUBACK for ${packetId}, which is not on the way`
          : `${deviceId}: a PUBACK for ${packetId} before the one for ${this.onTheWay[0]!.packetId}`,
      );
    const [parcel] = at < 0 ? [] : this.onTheWay.splice(at, 1);
    if (parcel === undefined) return;
    parcel.message.acknowledgements += 1;
    this.acknowledged += 1;
    parcel.settle(null);
    this.pump();
  }

  private pump(): void {
    const { socket, options } = this;
    if (!this.admitted || socket === null) return;
    const packets: Buffer[] = [];
    while (this.onTheWay.length < (options.inFlight ?? 10)) {
      const parcel = this.waiting.shift();
      if (parcel === undefined) break;
      parcel.packetId = this.nextPacketId;
      this.nextPacketId = (this.nextPacketId % MOST_PACKET_ID) + 1;
      parcel.message.transmissions += 1;
      parcel.tries += 1;
      this.onTheWay.push(parcel);
      packets.push(publishPacket(parcel.packetId, parcel.tries > 1, parcel.message.payload));
    }
    if (packets.length > 0) this.put(socket, packets);
    clearTimeout(this.patience);
    if (this.onTheWay.length > 0) this.patience = setTimeout(() => this.cut(), ACK_WITHIN_MS);
  }

  private put(socket: Socket, packets: readonly Buffer[]): void {
    const pieces = this.pieces(packets);
    this.writing = this.writing.then(async () => {
      for (const piece of pieces) {
        if (socket.destroyed) return;
        // One write to the kernel for each piece: the next only when this one is there.
        await new Promise<void>((done) => socket.write(piece, () => done()));
      }
    });
  }

  private pieces(packets: readonly Buffer[]): readonly Buffer[] {
    const { wire = 'whole', chance } = this.options;
    if (wire === 'whole') return packets;
    const all = Buffer.concat(packets);
    if (wire === 'glued') return [all];
    const pieces: Buffer[] = [];
    for (let at = 0; at < all.length;) {
      const length = wire === 'bytes' ? 1 : 1 + Math.floor(chance() * 150);
      pieces.push(all.subarray(at, at + length));
      at += length;
    }
    return pieces;
  }
}

function connectPacket(clientId: string, token: string): Buffer {
  const cleanSessionAndUserName = 0x82;
  return packetOf(0x10, [
    field('MQTT'),
    Buffer.from([4, cleanSessionAndUserName, KEEP_ALIVE_S >> 8, KEEP_ALIVE_S & 0xff]),
    field(clientId),
    field(token),
  ]);
}

function publishPacket(packetId: number, again: boolean, payload: string): Buffer {
  return packetOf(again ? 0x3a : 0x32, [field(TOPIC), u16(packetId), Buffer.from(payload)]);
}

function packetOf(firstByte: number, parts: readonly Buffer[]): Buffer {
  let length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [firstByte];
  do {
    head.push((length % 128) | (length >= 128 ? 0x80 : 0));
    length = Math.floor(length / 128);
  } while (length > 0);
  return Buffer.concat([Buffer.from(head), ...parts]);
}

const u16 = (number: number): Buffer => Buffer.from([number >> 8, number & 0xff]);
const field = (text: string): Buffer => Buffer.concat([u16(Buffer.byteLength(text)), Buffer.from(text)]);
