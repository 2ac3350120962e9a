import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';

/** The page as `npm run build` makes it, in a folder of its own, since somebody may be building the other one. */
export async function buildPage(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'canh-page-'));
  await build({
    configFile: `${import.meta.dirname}/../../vite.config.ts`,
    logLevel: 'error',
    build: { outDir: folder, emptyOutDir: true },
  });
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** A network between the browser and the server that a test can break. */
export interface Line {
  readonly url: string;
  /** Nothing more comes from the server, and every connection stays open: what a dead cable looks like from here. */
  silence(): void;
  /** New connections are quick again, those that were silent are gone. */
  restore(): void;
  close(): Promise<void>;
}

export async function lineTo(serverUrl: string): Promise<Line> {
  const { hostname, port } = new URL(serverUrl);
  const sockets = new Set<Socket>();
  let silent = false;
  const server = createServer((browser) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [browser, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      // Either side may vanish; the other one is told by the destroy below.
      socket.on('error', () => undefined);
    }
    browser.pipe(upstream);
    upstream.on('data', (bytes) => silent || browser.write(bytes));
    upstream.on('close', () => silent || browser.destroy());
    browser.on('close', () => upstream.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    silence: () => {
      silent = true;
    },
    restore: () => {
      silent = false;
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
