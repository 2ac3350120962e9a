import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { Aedes, type Client } from 'aedes';
import { createWebSocketStream, WebSocketServer } from 'ws';

export interface Received {
  readonly clientId: string;
  readonly topic: string;
  readonly payload: string;
  readonly dup: boolean;
}

/** What a test decides about a message before its PUBACK. */
export type Verdict = 'acknowledge' | 'say-nothing' | 'hang-up';

/** A real Aedes on free ports that keeps what arrives; the user name is the token, as at Canh's own door. */
export class MqttServer {
  readonly received: Received[] = [];
  readonly connects: string[] = [];
  connectingAtMost = 0;
  verdict: (message: Received) => Verdict = () => 'acknowledge';
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly broker: Aedes,
    private readonly tcp: Server,
    private readonly http: HttpServer,
  ) {}

  static async start(tokens: ReadonlySet<string>, port = 0): Promise<MqttServer> {
    let connecting = 0;
    const broker = await Aedes.createBroker({
      concurrency: 0,
      authenticate: (client, username, _password, done) => {
        connecting += 1;
        server.connectingAtMost = Math.max(server.connectingAtMost, connecting);
        // A look at the records takes a moment, in which others come.
        setTimeout(() => {
          connecting -= 1;
          server.connects.push(client.id);
          if (tokens.has(username ?? '')) done(null, true);
          else done(Object.assign(new Error('unknown'), { returnCode: 4 }), false);
        }, 5);
      },
      authorizePublish: (client, packet, done) => {
        const message = {
          clientId: client?.id ?? '',
          topic: packet.topic,
          payload: packet.payload.toString(),
          dup: packet.dup,
        };
        const verdict = server.verdict(message);
        if (verdict === 'hang-up') return (client as Client).conn.destroy();
        server.received.push(message);
        if (verdict === 'acknowledge') done(null);
      },
    });
    const tcp = createServer((socket) => {
      server.sockets.add(socket);
      socket.on('close', () => server.sockets.delete(socket));
      broker.handle(socket);
    });
    const http = createHttpServer();
    new WebSocketServer({ server: http, path: '/mqtt' }).on('connection', (socket, request) => {
      broker.handle(createWebSocketStream(socket), request);
    });
    const server: MqttServer = new MqttServer(broker, tcp, http);
    await new Promise<void>((resolve) => tcp.listen(port, '127.0.0.1', () => resolve()));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', () => resolve()));
    return server;
  }

  get port(): number {
    return (this.tcp.address() as AddressInfo).port;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  get webSocketUrl(): string {
    return `ws://127.0.0.1:${(this.http.address() as AddressInfo).port}/mqtt`;
  }

  /** As a cable that is pulled. */
  cutAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cutAll();
    this.http.closeAllConnections();
    await Promise.all([
      new Promise<void>((resolve) => this.tcp.close(() => resolve())),
      new Promise<void>((resolve) => this.http.close(() => resolve())),
      new Promise<void>((resolve) => this.broker.close(() => resolve())),
    ]);
  }
}
