import type { DoorOnDisk } from '../broker/door-on-disk.js';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openMutationDoor } from '../faults/mutation/mutation-door.js';
import { collectGarbage } from './collect-garbage.js';

const ATTACKERS = 10;
const SENT_BYTES = 100 * 2 ** 20;
/** Of each; a hundred megabytes of it were sent. */
const MOST_GROWTH_BYTES = 5 * 2 ** 20;
const MOST_READ_BYTES = 8 * 2 ** 10;
/** So little that what comes at once with the beginning is little. */
const CHUNK = Buffer.alloc(512, 'x');

let door: DoorOnDisk;
/** The ends of connections that the door has. */
let taken: Socket[];
const taking = (message: unknown): void => void taken.push((message as { socket: Socket }).socket);

beforeEach(async () => {
  taken = [];
  subscribe('net.server.socket', taking);
  door = await openMutationDoor(1, true);
});
afterEach(async () => {
  unsubscribe('net.server.socket', taking);
  await door.close();
});

it.each([
  ['a CONNECT that says how long it is', Buffer.from([0x10, 0x80, 0x80, 0x80, 0x32])],
  ['a CONNECT with a user name of 60,000 bytes', Buffer.from('10e0d40300044d5154540482003c0000ea60', 'hex')],
  ['a PUBLISH before any CONNECT', Buffer.from([0x30, 0x80, 0x80, 0x80, 0x32])],
  ['a length of the longest kind', Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])],
])('T04 100 MB before a login, in %s, are hung up on before 8 KiB of them are read', async (_what, head) => {
  collectGarbage();
  const before = process.memoryUsage().rss;
  await Promise.all(Array.from({ length: ATTACKERS }, () => flood(head)));
  expect(taken).toHaveLength(ATTACKERS);
  for (const socket of taken) expect(socket.bytesRead).toBeLessThan(MOST_READ_BYTES);
  expect((process.memoryUsage().rss - before) / ATTACKERS).toBeLessThan(MOST_GROWTH_BYTES);
  expect(door.connections).toBe(0);
});

/** Sends `head` and then as much as is taken, piece by piece, up to a hundred megabytes. */
async function flood(head: Buffer): Promise<void> {
  const socket = connect({ port: door.port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => undefined);
  const over = once(socket, 'close');
  let open = true;
  socket.once('close', () => (open = false));
  await once(socket, 'connect');
  socket.write(head);
  for (let sent = 0; open && sent < SENT_BYTES; sent += CHUNK.length) {
    const full = !socket.write(CHUNK);
    await (full ? Promise.race([once(socket, 'drain'), over]) : new Promise(setImmediate));
  }
  await over;
}
