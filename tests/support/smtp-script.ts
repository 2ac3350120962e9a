import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Where in the conversation the server speaks; `body` is after the message's last line. */
export type SmtpPhase = 'greeting' | 'EHLO' | 'MAIL' | 'RCPT' | 'DATA' | 'body' | 'AUTH';

/** A reply line, or nothing more at all, or the line cut off, or one byte now and then for ever. */
export type SmtpReaction = string | { readonly instead: 'hang' | 'drop' | 'drip' };

export const hang: SmtpReaction = { instead: 'hang' };
export const drop: SmtpReaction = { instead: 'drop' };
export const drip: SmtpReaction = { instead: 'drip' };

const FRIENDLY: Readonly<Record<SmtpPhase, string>> = {
  greeting: '220 mail.test ESMTP',
  EHLO: '250 mail.test',
  MAIL: '250 OK',
  RCPT: '250 OK',
  DATA: '354 go on',
  body: '250 queued as 1',
  AUTH: '235 welcome',
};

/** What the server does; called with how often it came there before. */
export type SmtpScript = Partial<Record<SmtpPhase, SmtpReaction | ((times: number) => SmtpReaction)>>;

/** A mail server that behaves as badly as it is told, byte by byte on a socket. */
export class ScriptedSmtp {
  /** Every command line, and every message that was handed over whole. */
  readonly commands: string[] = [];
  readonly messages: string[] = [];
  connections = 0;
  private readonly sockets = new Set<Socket>();
  private readonly times = new Map<SmtpPhase, number>();

  private constructor(
    private readonly server: Server,
    private readonly script: SmtpScript,
  ) {}

  static async start(script: SmtpScript = {}): Promise<ScriptedSmtp> {
    const server = createServer();
    const scripted = new ScriptedSmtp(server, script);
    server.on('connection', (socket) => scripted.talk(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return scripted;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  /** Ends every connection with a word, as servers do with those that were silent for long; resolves when the clients are gone too. */
  async endConnections(): Promise<void> {
    const gone = [...this.sockets].map((socket) => once(socket, 'close'));
    for (const socket of this.sockets) socket.end('421 idle for too long\r\n');
    await Promise.all(gone);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private talk(socket: Socket): void {
    this.connections += 1;
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => {});
    let received = '';
    let inBody = false;
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      for (;;) {
        const end = received.indexOf(inBody ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const text = received.slice(0, end);
        received = received.slice(end + (inBody ? 5 : 2));
        if (inBody) {
          inBody = false;
          this.messages.push(text);
          this.react(socket, 'body');
          continue;
        }
        this.commands.push(text);
        const [verb = ''] = text.toUpperCase().split(' ');
        if (verb === 'QUIT') socket.end('221 bye\r\n');
        else if (verb === 'RSET') socket.write('250 OK\r\n');
        else if (verb in FRIENDLY) inBody = this.react(socket, verb as SmtpPhase).startsWith('354');
        else socket.write('502 not here\r\n');
      }
    });
    this.react(socket, 'greeting');
  }

  private react(socket: Socket, phase: SmtpPhase): string {
    const before = this.times.get(phase) ?? 0;
    this.times.set(phase, before + 1);
    const planned = this.script[phase] ?? FRIENDLY[phase];
    const reaction = typeof planned === 'function' ? planned(before) : planned;
    if (typeof reaction === 'string') {
      socket.write(`${reaction.replaceAll('\n', '\r\n')}\r\n`);
      return reaction;
    }
    if (reaction.instead === 'drop') socket.destroy();
    if (reaction.instead === 'drip') this.drip(socket);
    return '';
  }

  /** Never silent long enough to be called silent, and never done. */
  private drip(socket: Socket): void {
    socket.write('250-');
    const timer = setInterval(() => socket.write('x'), 20);
    socket.on('close', () => clearInterval(timer));
  }
}
