import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server as HttpServer,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { Log } from '@canh/runtime/log';
import { openDoor } from '@canh/runtime/open-door';
import { setSecurityHeaders } from '@canh/runtime/security-headers';
import type { Tls } from '@canh/runtime/tls/tls';
import type { BrokerSettings } from '../broker.settings.js';
import { Doorkeeper, type DoorkeeperLimits } from './doorkeeper.js';

/** A radio link that went without a word is noticed by TCP, also where a client asked for no keep-alive of MQTT's own. */
const PROBE_AFTER_MS = 60_000;
/** As the other HTTP doors have it: who asks slowly holds no place for long. */
const UPGRADES = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000 };
const TCP = { noDelay: true, keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS };
const LOOPBACK = '127.0.0.1';

export interface MqttTls {
  readonly tls: Tls;
  readonly mqttsPort: number;
  readonly plain: BrokerSettings['mqttPlain'];
}

export interface MqttPorts {
  readonly host: string;
  readonly mqttPort: number;
  readonly wsPort: number;
  /** A WebSocket message with more bytes is refused before it is put together. */
  readonly mostBytes: number;
  readonly limits: DoorkeeperLimits;
  /** With it WebSocket speaks TLS only. */
  readonly tls: MqttTls | null;
}

/** Somebody who was not let in. */
export interface TurnedAway {
  readonly door: 'mqtt' | 'ws';
  readonly address: string;
  readonly why: string;
}

/** Where MQTT comes in: TCP, TLS, and WebSocket at the path /mqtt over either. All hand a stream of bytes to `take`. */
export class MqttListeners {
  private readonly open = new Set<Duplex>();
  private readonly doorkeeper: Doorkeeper;
  private readonly tcp: Server | null;
  private readonly overTls: Server | null;
  private readonly http: HttpServer;

  private constructor(
    private readonly ports: MqttPorts,
    private readonly take: (stream: Duplex, request?: IncomingMessage) => void,
    private readonly turnedAway: (somebody: TurnedAway) => void,
    private readonly log: Log,
  ) {
    this.doorkeeper = new Doorkeeper(ports.limits);
    const accept = (socket: Socket): void => this.accept(socket);
    const upgrade: RequestListener = (_request, response) => {
      setSecurityHeaders(response, ports.tls !== null);
      response.writeHead(426, { upgrade: 'websocket' }).end();
    };
    this.tcp = ports.tls?.plain === 'off' ? null : createServer(TCP, accept);
    if (ports.tls === null) {
      this.overTls = null;
      this.http = createHttpServer(UPGRADES, upgrade);
      return;
    }
    const { tls } = ports.tls;
    const overTls = createTlsServer({ ...TCP, ...tls.options(true) }, accept);
    const https = createHttpsServer({ ...TCP, ...UPGRADES, ...tls.options(true) }, upgrade);
    for (const server of [overTls, https]) {
      tls.serve(server, true);
      server.on('tlsClientError', (error) => log.debug({ event: 'tls.failed', error: error.message }, error.message));
    }
    this.overTls = overTls;
    this.http = https;
  }

  /** Opens all ports. Throws CanhError `PORT_NOT_OPEN` with the setting that chooses another. */
  static async open(
    ports: MqttPorts,
    take: (stream: Duplex, request?: IncomingMessage) => void,
    turnedAway: (somebody: TurnedAway) => void,
    log: Log,
  ): Promise<MqttListeners> {
    const listeners = new MqttListeners(ports, take, turnedAway, log);
    try {
      const { tcp, overTls } = listeners;
      const plainHost = ports.tls?.plain === 'loopback' ? LOOPBACK : ports.host;
      if (tcp !== null) await openDoor(tcp, plainHost, ports.mqttPort, 'CANH_MQTT_PORT');
      if (overTls !== null) await openDoor(overTls, ports.host, ports.tls?.mqttsPort ?? 0, 'CANH_MQTTS_PORT');
      await openDoor(listeners.http, ports.host, ports.wsPort, 'CANH_WS_PORT');
    } catch (error) {
      listeners.close();
      throw error;
    }
    // Before a client has become a WebSocket, nobody counts it but this.
    listeners.http.maxConnections = ports.limits.connections;
    listeners.takeWebSockets();
    return listeners;
  }

  /** 0 where MQTT is spoken over TLS alone. */
  get mqttPort(): number {
    return portOf(this.tcp);
  }

  /** 0 where MQTT is not spoken over TLS. */
  get mqttsPort(): number {
    return portOf(this.overTls);
  }

  get wsPort(): number {
    return portOf(this.http);
  }

  /** Lets nobody in any more, and go of everybody: also of those who have not said who they are. */
  close(): void {
    this.tcp?.close();
    this.overTls?.close();
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

function portOf(server: Server | HttpServer | null): number {
  return (server?.address() as AddressInfo | undefined)?.port ?? 0;
}
