import { expect, it } from 'vitest';
import { ADMIN_PASSWORD, Api, type Program } from '../../support/canh-process.js';
import { eventually } from '../../support/eventually.js';
import { expectStoryTold, FIRST_READING, mailsOf, storyOf, TOLD_WITHIN_MS } from './flood.js';
import { pause, times, withinMs } from './length.js';
import { Load, shuffled } from './load.js';
import { MAILS_ON_THE_WAY, type Part, Province } from './world.js';

const KILLS_EACH = times(1, 20);
const READY_WITHIN_MS = 60_000;
const parts: readonly Part[] = ['broker', 'processor', 'notifier', 'console'];
const floods = ['song-1', 'song-2', 'song-3'];
const rivers = [...floods, 'ton-dong', 'qua-http', 'khong-gio'];

it(
  `survives the kill of each of its processes alone, ${KILLS_EACH} times`,
  async () => {
    await Province.during('kill-one-process', rivers, async (province) => {
      const { published, chance, inbox, dataDir, ports } = province;
      const consoleUrl = `http://127.0.0.1:${ports.page}`;
      const brokerUrl = `http://127.0.0.1:${ports.http}`;
      const running = new Map<Part, Program>();
      const start = (part: Part): void => void running.set(part, province.startPart(part));
      const ready = (url: string): Promise<void> =>
        eventually(async () => expect((await fetch(`${url}/health/ready`)).status).toBe(200), READY_WITHIN_MS);
      for (const part of parts) start(part);
      await Promise.all([ready(brokerUrl), ready(consoleUrl)]);
      const load = new Load(province);
      for (const river of floods) load.flood(river, province.device(river));
      load.backlogs('ton-dong', province.device('ton-dong', { wire: 'torn' }));
      load.backlogs('qua-http', province.httpDevice('qua-http'));
      load.untimed('khong-gio', province.device('khong-gio'));

      const victims = Array.from({ length: KILLS_EACH }, () => parts).flat();
      for (const victim of shuffled(victims, chance)) {
        const before = published.acknowledged();
        // The broker needs none of the others.
        await eventually(() => expect(published.acknowledged()).toBeGreaterThan(before), READY_WITHIN_MS);
        await pause(chance() * 1_200);
        await running.get(victim)?.kill();
        await pause(chance() * 500);
        start(victim);
      }
      await Promise.all([ready(brokerUrl), ready(consoleUrl)]);
      const minutes = await load.end();
      const expected = floods.flatMap((river) => storyOf(river, minutes.get(river) ?? 0));
      const api = await Api.signIn(consoleUrl, ADMIN_PASSWORD);
      await province.quiet(api);
      await eventually(() => expect(mailsOf(inbox).size).toBe(expected.length), TOLD_WITHIN_MS);
      await province.expectShown(api, [...floods, 'ton-dong', 'qua-http']);
      for (const program of running.values()) await program.stop();

      await province.expectNothingWrong();
      const copies = expectStoryTold(dataDir, expected, FIRST_READING, inbox);
      expect(copies).toBeLessThanOrEqual(KILLS_EACH * MAILS_ON_THE_WAY);
      console.info(
        `kill-one-process: ${published.messages.length} messages, ${expected.length} notices, ${copies} mails sent twice`,
      );
    });
  },
  withinMs(600_000, 3_600_000),
);
