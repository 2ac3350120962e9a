import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Settings, temporaryFolder } from '../../support/canh-process.js';
import { times, withinMs } from './length.js';
import { calm } from './load.js';
import { answeredTooEarly, okAnswers, pubacks, type Answered } from './sync-before-ack.js';
import { readTrace, straceTo } from './syscall-trace.js';
import type { SentMessage } from './published.js';
import { METRIC, Province } from './world.js';

const PUBLISHED = times(300, 20_000);
const POSTED = times(30, 1_000);
const RIVERS = ['song-mqtt', 'song-http'];

const strace = spawnSync('strace', ['-V']).error === undefined;
if (!strace) console.warn('sync-before-ack is skipped: install strace (apt-get install strace).');

describe.skipIf(!strace)('the order of system calls', () => {
  it(
    'is write, fdatasync, answer: for every PUBACK and every 200',
    async () => {
      const { found, answers } = await traced();
      expect(found).toEqual([]);
      expect(answers).toBe(PUBLISHED + POSTED);
    },
    withinMs(90_000, 900_000),
  );

  it(
    'is told from one in which the answer comes first',
    async () => {
      const planted = join(import.meta.dirname, 'planted/done-before-synced.mjs');
      const { found, answers } = await traced({ NODE_OPTIONS: `--import=${planted}` });
      // Now and then the late fdatasync of one group comes in time for the next.
      expect(found.length).toBeGreaterThan(answers / 2);
    },
    withinMs(90_000, 900_000),
  );
});

async function traced(env: Settings = {}): Promise<{ found: string[]; answers: number }> {
  const folder = await temporaryFolder();
  const file = join(folder, 'trace');
  let told = { found: [] as string[], answers: 0 };
  try {
    await Province.during('sync-before-ack', RIVERS, async (province) => {
      const canh = await province.startCanh(env, straceTo(file));
      const { published, ports } = province;
      const messageOf = (river: string, n: number): SentMessage =>
        published.reading(river, { metric: METRIC, ts: Date.now(), seq: n, value: calm(n) });
      const mqtt = province.device('song-mqtt');
      // The device's first connection counts its packets from 1.
      await Promise.all(Array.from({ length: PUBLISHED }, (_, n) => mqtt.publish(messageOf('song-mqtt', n))));
      const http = province.httpDevice('song-http');
      for (let n = PUBLISHED; n < PUBLISHED + POSTED; n += 1) await http.publish(messageOf('song-http', n));
      expect(mqtt.connections).toBe(1);
      await canh.stop();

      const trace = readTrace(file);
      const acks = pubacks(trace, ports.mqtt);
      const oks = okAnswers(trace, ports.http);
      const answers = Array.from({ length: PUBLISHED + POSTED }, (_, n): Answered => ({
        what: `message ${n}`,
        marker: JSON.stringify({ [METRIC]: calm(n) }),
        answeredAt: (n < PUBLISHED ? acks.get(n + 1) : oks[n - PUBLISHED]) ?? null,
      }));
      told = { found: answeredTooEarly(trace, join(province.dataDir, 'journal'), answers), answers: answers.length };
    });
    return told;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
