import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { openDoor } from './open-door.js';

const DEVICES = 1_000;
const DIAL_ALL = `
  const { connect } = require('node:net');
  let connected = 0;
  const over = () => { console.log(connected); process.exit(); };
  setTimeout(over, 10_000);
  for (let n = 0; n < ${DEVICES}; n += 1)
    connect(Number(process.argv[1]), '127.0.0.1', () => { if (++connected === ${DEVICES}) over(); });
`;

/** The kernel's own limit; Linux before 5.4 has 128. */
const MOST_FILE = '/proc/sys/net/core/somaxconn';
const most = existsSync(MOST_FILE) ? Number(readFileSync(MOST_FILE, 'utf8')) : 0;

it.runIf(most >= DEVICES)(
  'keeps a thousand in line that dial at one moment, while the event loop is busy',
  async () => {
    const server = createServer((socket) => socket.on('error', () => undefined).destroy());
    await openDoor(server, '127.0.0.1', 0, 'CANH_MQTT_PORT');
    const { port } = server.address() as AddressInfo;
    // Nothing is accepted until it has returned.
    const { stdout } = spawnSync(process.execPath, ['-e', DIAL_ALL, String(port)], { encoding: 'utf8' });
    server.close();
    expect(Number(stdout)).toBe(DEVICES);
  },
);
