import { afterAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { expectStoryTold, FIRST_READING, mailsOf, storyOf, TOLD_WITHIN_MS } from './flood.js';
import { pause, times, withinMs } from './length.js';
import { Load } from './load.js';
import { SmallDisk } from './small-disk.js';
import { Province } from './world.js';

const MEGABYTES = times(96, 512);
const TIMES_FULL = times(2, 20);
const SILENT_FOR_MS = 1_000;
const WELL_WITHIN_MS = 30_000;
const floods = ['song-1', 'song-2', 'song-3'];
const rivers = [...floods, 'ton-dong', 'qua-http', 'khong-gio'];

const disk = await SmallDisk.mount(MEGABYTES);
if (disk === null)
  console.warn('disk-full is skipped: only root may mount a file system of its own. Run this test as root.');

describe.skipIf(disk === null)('a disk that is full', () => {
  afterAll(() => disk?.unmount());

  it(
    `is answered to nobody with a PUBACK, is told at /health/ready, and is over when there is room again, ${TIMES_FULL} times`,
    async () => {
      const { folder } = disk!;
      await Province.during(
        'disk-full',
        rivers,
        async (province) => {
          const { published, chance, inbox, dataDir } = province;
          const canh = await province.startCanh();
          const ready = async (): Promise<{ status: number; text: string }> => {
            const answer = await fetch(`${canh.consoleUrl}/health/ready`);
            return { status: answer.status, text: await answer.text() };
          };
          const load = new Load(province);
          for (const river of floods) load.flood(river, province.device(river));
          load.backlogs('ton-dong', province.device('ton-dong'));
          load.backlogs('qua-http', province.httpDevice('qua-http'));
          load.untimed('khong-gio', province.device('khong-gio'));

          for (let full = 0; full < TIMES_FULL; full += 1) {
            const before = published.acknowledged();
            await eventually(() => expect(published.acknowledged()).toBeGreaterThan(before));
            await pause(chance() * 1_000);
            disk!.fill();
            await eventually(async () => {
              const { status, text } = await ready();
              expect(text).toContain('Nothing is acknowledged until it can; free some space.');
              expect(status).toBe(503);
            });
            // What little room there was in pages begun is used up now: the devices go on sending, and are told nothing.
            await eventually(async () => {
              const [acknowledged, transmitted] = [published.acknowledged(), transmissions(province)];
              await pause(SILENT_FOR_MS);
              expect(published.acknowledged()).toBe(acknowledged);
              expect(transmissions(province)).toBeGreaterThan(transmitted);
            });
            const held = published.acknowledged();
            disk!.makeRoom();
            await eventually(() => expect(published.acknowledged()).toBeGreaterThan(held), WELL_WITHIN_MS);
            await eventually(async () => expect(await ready()).toMatchObject({ status: 200 }), WELL_WITHIN_MS);
          }

          const minutes = await load.end();
          const expected = floods.flatMap((river) => storyOf(river, minutes.get(river) ?? 0));
          const api = await canh.signIn();
          await province.quiet(api);
          await eventually(() => expect(mailsOf(inbox).size).toBe(expected.length), TOLD_WITHIN_MS);
          await province.expectShown(api, [...floods, 'ton-dong', 'qua-http']);
          await canh.stop();
          await province.expectNothingWrong();
          expectStoryTold(dataDir, expected, FIRST_READING, inbox);
          console.info(
            `disk-full: ${published.messages.length} messages, sent ${transmissions(province)} times, ${expected.length} notices`,
          );
        },
        folder,
      );
    },
    withinMs(180_000, 1_800_000),
  );
});

const transmissions = ({ published }: Province): number =>
  published.messages.reduce((sum, message) => sum + message.transmissions, 0);
