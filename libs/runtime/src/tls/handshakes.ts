import type { Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import { networkOf } from '../network-of.js';

/** Under way at once; each takes some tens of kilobytes and a millisecond or two of the thread. */
const AT_ONCE = 256;
/** A handshake that takes longer gives its place to one that waits. */
const PATIENCE_MS = 2_000;
/** More than devices may be connected by default: all of them may come back at one moment. */
const MOST_WAITING = 16_384;
const LOOK_EVERY_MS = 100;

interface UnderWay {
  readonly network: string;
  readonly since: number;
}

/**
 * Bounds the handshakes of a TLS server that are under way at once. Further connections wait, unread; while they do, the network that has
 * most under way loses its oldest one, once that is slow. So thousands of devices that come back together all get in, and somebody who
 * opens connections and says nothing keeps nobody out.
 */
export function boundHandshakes(server: Server): void {
  const [begin] = server.listeners('connection') as ((this: Server, socket: Socket) => void)[];
  if (begin === undefined) throw new TypeError('a TLS server without a listener for connections');
  const underWay = new Map<Socket, UnderWay>();
  const waiting = new Set<Socket>();
  let looks: NodeJS.Timeout | null = null;

  const start = (socket: Socket): void => {
    underWay.set(socket, { network: networkOf(socket.remoteAddress ?? ''), since: performance.now() });
    begin.call(server, socket);
  };
  const next = (): void => {
    for (const socket of waiting) {
      if (underWay.size >= AT_ONCE) return;
      waiting.delete(socket);
      if (!socket.destroyed) start(socket);
    }
    if (looks !== null) clearInterval(looks);
    looks = null;
  };
  const over = (socket: Socket): void => {
    if (underWay.delete(socket)) next();
  };
  const look = (): void => {
    for (let cut = slowestOf(underWay); cut !== null && waiting.size > 0; cut = slowestOf(underWay)) {
      underWay.delete(cut);
      cut.destroy();
      next();
    }
  };

  server.removeListener('connection', begin);
  server.on('connection', (socket: Socket) => {
    // Before TLS takes it over, nobody else listens.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      waiting.delete(socket);
      over(socket);
    });
    if (underWay.size < AT_ONCE) return start(socket);
    if (waiting.size >= MOST_WAITING) return void socket.destroy();
    waiting.add(socket);
    looks ??= setInterval(look, LOOK_EVERY_MS).unref();
  });
  server.prependListener('secureConnection', (secure: TLSSocket) => over(rawOf(secure)));
  server.prependListener('tlsClientError', (_error: Error, secure: TLSSocket) => over(rawOf(secure)));
}

function slowestOf(underWay: ReadonlyMap<Socket, UnderWay>): Socket | null {
  const late = performance.now() - PATIENCE_MS;
  const counts = new Map<string, number>();
  for (const { network } of underWay.values()) counts.set(network, (counts.get(network) ?? 0) + 1);
  let found: { socket: Socket; count: number } | null = null;
  // Oldest first, as they were put in.
  for (const [socket, { network, since }] of underWay) {
    if (since > late) break;
    const count = counts.get(network) ?? 0;
    if (found === null || count > found.count) found = { socket, count };
  }
  return found?.socket ?? null;
}

/** The connection under a TLS socket of a server, which its types do not tell of. */
function rawOf(secure: TLSSocket): Socket {
  const { _parent: raw } = secure as unknown as { readonly _parent: Socket };
  return raw;
}
