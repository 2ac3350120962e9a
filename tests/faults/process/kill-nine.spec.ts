import { expect, it } from 'vitest';
import type { AlertView } from '@canh/contract/views.dto';
import { eventually } from '../../support/eventually.js';
import { expectStoryTold, FIRST_READING, mailsOf, storyOf, TOLD_WITHIN_MS } from './flood.js';
import { pause, times, withinMs } from './length.js';
import { Load } from './load.js';
import { MAILS_ON_THE_WAY, Province } from './world.js';

const KILLS = times(8, 100);

const floods = Array.from({ length: 5 }, (_, index) => `song-${index + 1}`);
const rivers = [...floods, 'ton-dong', 'qua-http', 'khong-gio'];

it(
  `loses nothing and doubles nothing over ${KILLS} kills in the middle of the readings`,
  async () => {
    await Province.during('kill-nine', rivers, async (province) => {
      const { published, chance, inbox, dataDir } = province;
      const canh = await province.startCanh();
      const load = new Load(province);
      for (const [index, river] of floods.entries())
        load.flood(river, province.device(river, { wire: index % 2 === 0 ? 'whole' : 'glued' }));
      load.backlogs('ton-dong', province.device('ton-dong', { wire: 'torn' }));
      load.backlogs('qua-http', province.httpDevice('qua-http'));
      load.untimed('khong-gio', province.device('khong-gio'));

      for (let kills = 0; kills < KILLS; kills += 1) {
        // Mostly while readings come in; now and then while it is still starting.
        if (kills > 0 && chance() < 0.2) await pause(chance() * 1_500);
        else {
          await canh.ready();
          const before = published.acknowledged();
          await eventually(() => expect(published.acknowledged()).toBeGreaterThan(before));
          await pause(chance() * 1_200);
        }
        await canh.kill();
        canh.spawn();
      }
      await canh.ready();
      const minutes = await load.end();
      const expected = floods.flatMap((river) => storyOf(river, minutes.get(river) ?? 0));
      const api = await canh.signIn();
      await province.quiet(api);
      await eventually(() => expect(mailsOf(inbox).size).toBe(expected.length), TOLD_WITHIN_MS);
      await province.expectShown(api, [...floods, 'ton-dong', 'qua-http']);
      // Nobody acknowledged, so each river's floods are one alert; what happened to it is told once each.
      const alerts = await api.get<AlertView[]>('/api/alerts?which=all');
      expect(alerts.map(({ stationId }) => stationId).toSorted()).toEqual(floods.toSorted());
      await canh.stop();

      await province.expectNothingWrong();
      const copies = expectStoryTold(dataDir, expected, FIRST_READING, inbox);
      expect(copies).toBeLessThanOrEqual(KILLS * MAILS_ON_THE_WAY);
      console.info(
        `kill-nine: ${published.messages.length} messages, ${expected.length} notices, ${copies} mails sent twice`,
      );
    });
  },
  withinMs(600_000, 3_600_000),
);
