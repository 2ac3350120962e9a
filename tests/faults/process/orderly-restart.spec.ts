import { expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { expectStoryTold, FIRST_READING, mailsOf, storyOf, TOLD_WITHIN_MS } from './flood.js';
import { pause, times, withinMs } from './length.js';
import { Load } from './load.js';
import { Province } from './world.js';

const RESTARTS = times(3, 20);
const floods = ['song-1', 'song-2', 'song-3'];
const rivers = [...floods, 'ton-dong', 'qua-http', 'khong-gio'];

it(
  `ends with 0 within 10 s in the middle of the readings, and goes on as if nothing had been, ${RESTARTS} times`,
  async () => {
    await Province.during('orderly-restart', rivers, async (province) => {
      const { published, chance, inbox, dataDir } = province;
      const canh = await province.startCanh();
      const load = new Load(province);
      for (const river of floods) load.flood(river, province.device(river));
      load.backlogs('ton-dong', province.device('ton-dong', { wire: 'torn' }));
      load.backlogs('qua-http', province.httpDevice('qua-http'));
      load.untimed('khong-gio', province.device('khong-gio'));
      for (let restarts = 0; restarts < RESTARTS; restarts += 1) {
        const before = published.acknowledged();
        await eventually(() => expect(published.acknowledged()).toBeGreaterThan(before));
        await pause(chance() * 1_200);
        await canh.stop();
        await canh.restart();
      }
      const minutes = await load.end();
      const expected = floods.flatMap((river) => storyOf(river, minutes.get(river) ?? 0));
      const api = await canh.signIn();
      await province.quiet(api);
      await eventually(() => expect(mailsOf(inbox).size).toBe(expected.length), TOLD_WITHIN_MS);
      await province.expectShown(api, [...floods, 'ton-dong', 'qua-http']);
      await canh.stop();
      await province.expectNothingWrong();
      // Nothing was cut off, so nobody is told twice.
      expect(expectStoryTold(dataDir, expected, FIRST_READING, inbox)).toBe(0);
      console.info(`orderly-restart: ${published.messages.length} messages, ${expected.length} notices`);
    });
  },
  withinMs(600_000, 1_800_000),
);
