import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A connection that sends bytes and keeps what it is answered. */
export class RawClient {
  ended = false;
  private heard: Buffer[] = [];
  bytesHeard = 0;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (bytes: Buffer) => {
      this.heard.push(bytes);
      this.bytesHeard += bytes.length;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => (this.ended = true));
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const client = new RawClient(socket);
    await once(socket, 'connect');
    return client;
  }

  /** Resolves when the piece has left; a connection that is over takes everything. */
  async send(piece: Buffer): Promise<void> {
    if (this.ended) return;
    await new Promise<void>((resolve) => {
      this.socket.once('close', resolve);
      this.socket.write(piece, () => {
        this.socket.off('close', resolve);
        resolve();
      });
    });
  }

  /** Resolves with the first answer, or with the end. */
  async answered(): Promise<void> {
    if (this.bytesHeard > 0 || this.ended) return;
    await new Promise<void>((resolve) => {
      this.socket.once('data', () => resolve());
      this.socket.once('close', () => resolve());
    });
  }

  get closed(): Promise<void> {
    return this.ended ? Promise.resolve() : new Promise((resolve) => this.socket.once('close', () => resolve()));
  }

  hangUp(): void {
    this.socket.destroy();
  }

  /** Each packet that was heard, as hexadecimal digits. */
  get answers(): string[] {
    const bytes = Buffer.concat(this.heard);
    this.heard = [bytes];
    const all: string[] = [];
    for (let at = 0; at + 1 < bytes.length;) {
      const end = at + 2 + bytes[at + 1]!;
      all.push(bytes.toString('hex', at, end));
      at = end;
    }
    return all;
  }

  /** The ids of the answers of this kind, in their order: 4 for PUBACK, 5 for PUBREC. */
  idsOf(kind: number): number[] {
    return this.answers
      .filter((answer) => answer.length === 8 && Number.parseInt(answer[0]!, 16) === kind)
      .map((answer) => Number.parseInt(answer.slice(4), 16));
  }
}
