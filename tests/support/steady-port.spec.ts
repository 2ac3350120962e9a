import { existsSync, readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { ScriptedInflux } from '../faults/store/scripted-influx.js';
import { steadyPort } from './steady-port.js';

const GIVEN_OUT_BY_LINUX = '/proc/sys/net/ipv4/ip_local_port_range';

it('gives ports that no other worker gives, each of them once', async () => {
  const ports: number[] = [];
  for (const worker of ['1', '2', '3']) {
    vi.stubEnv('VITEST_POOL_ID', worker);
    for (let n = 0; n < 60; n += 1) ports.push(await steadyPort());
  }
  vi.unstubAllEnvs();
  expect(new Set(ports).size).toBe(ports.length);
});

it.runIf(existsSync(GIVEN_OUT_BY_LINUX))(
  'gives ports that no connection of anybody takes while their server is away',
  async () => {
    const [first] = readFileSync(GIVEN_OUT_BY_LINUX, 'utf8').trim().split(/\s+/).map(Number);
    const server = await ScriptedInflux.start();
    await server.down();
    expect(Number(new URL(server.url).port)).toBeLessThan(first!);
    await server.listen();
    await server.down();
  },
);
