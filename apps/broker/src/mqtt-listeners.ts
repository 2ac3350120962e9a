import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { Log } from '@canh/runtime/log';
import { openDoor } from '@canh/runtime/open-door';
import { Doorkeeper, type DoorkeeperLimits } from './doorkeeper.js';

/** A radio link that went without a word is noticed by TCP, also where a client asked for no keep-alive of MQTT's own. */
const PROBE_AFTER_MS = 60_000;

export interface MqttPorts {
  readonly host: string;
  readonly mqttPort: number;
  readonly wsPort: number;
  /** A WebSocket message with more bytes is refused before it is put together. */
  readonly mostBytes: number;
  readonly limits: DoorkeeperLimits;
}

/** Somebody who was not let in. */
export interface TurnedAway {
  readonly door: 'mqtt' | 'ws';
  readonly address: string;
  readonly why: string;
}

/** Where MQTT comes in: TCP, and WebSocket at the path /mqtt. Both hand a stream of bytes to `take`. */
export class MqttListeners {
  private readonly open = new Set<Duplex>();
  private readonly doorkeeper: Doorkeeper;
  private readonly tcp = createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS },
    (socket) => this.accept(socket),
  );
  private readonly http = createHttpServer((_request, response) =>
    response.writeHead(426, { upgrade: 'websocket' }).end(),
  );

  private constructor(
    private readonly ports: MqttPorts,
    private readonly take: (stream: Duplex, request?: IncomingMessage) => void,
    private readonly turnedAway: (somebody: TurnedAway) => void,
    private readonly log: Log,
  ) {
    this.doorkeeper = new Doorkeeper(ports.limits);
  }

  /** Opens both ports. Throws CanhError `PORT_NOT_OPEN` with the setting that chooses another. */
  static async open(
    ports: MqttPorts,
    take: (stream: Duplex, request?: IncomingMessage) => void,
    turnedAway: (somebody: TurnedAway) => void,
    log: Log,
  ): Promise<MqttListeners> {
    const listeners = new MqttListeners(ports, take, turnedAway, log);
    try {
      await openDoor(listeners.tcp, ports.host, ports.mqttPort, 'CANH_MQTT_PORT');
      await openDoor(listeners.http, ports.host, ports.wsPort, 'CANH_WS_PORT');
    } catch (error) {
      listeners.close();
      throw error;
    }
    listeners.takeWebSockets();
    return listeners;
  }

  get mqttPort(): number {
    return (this.tcp.address() as AddressInfo).port;
  }

  get wsPort(): number {
    return (this.http.address() as AddressInfo).port;
  }

  /** Lets nobody in any more, and go of everybody: also of those who have not said who they are. */
  close(): void {
    this.tcp.close();
    this.http.close();
    this.doorkeeper.close();
    for (const stream of this.open) stream.destroy();
  }

  private takeWebSockets(): void {
    const sockets = new WebSocketServer({
      server: this.http,
      path: '/mqtt',
      maxPayload: this.ports.mostBytes,
      handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : false),
    });
    // It passes on the errors of the server that it stands on.
    sockets.on('error', (error) => this.log.error({ event: 'ws.failed', error: error.message }, error.message));
    sockets.on('connection', (socket, request) => {
      const stream = createWebSocketStream(socket);
      stream.on('error', (error) => this.log.debug({ event: 'ws.closed', error: error.message }, error.message));
      this.accept(stream, request);
    });
  }

  private accept(stream: Socket | Duplex, request?: IncomingMessage): void {
    this.open.add(stream);
    stream.once('close', () => this.open.delete(stream));
    // Whoever waits for a turn may break off, too.
    stream.on('error', () => undefined);
    const address = (stream as Socket).remoteAddress ?? request?.socket.remoteAddress ?? '';
    const why = this.doorkeeper.admit(stream, address, () => this.take(stream, request));
    if (why === null) return;
    stream.destroy();
    this.turnedAway({ door: request === undefined ? 'mqtt' : 'ws', address, why });
  }
}
