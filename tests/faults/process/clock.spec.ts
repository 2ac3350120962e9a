import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { canFakeClock, FakeClock } from './fake-clock.js';
import { expectStory, FIRST_READING, levelAt, mailsOf, MINUTE_MS, RAISED_AFTER, storyOf } from './flood.js';
import { inLongRuns, pause, times, withinMs } from './length.js';
import { Load, shuffled } from './load.js';
import { METRIC, Province } from './world.js';

const HOUR_S = 3_600;
const DAY_S = 86_400;
const STEPS = Array.from({ length: times(1, 50) }, () => [HOUR_S, -HOUR_S, DAY_S, -DAY_S]).flat();
/** The waits between the first tries are of five and ten seconds. */
const WELL_WITHIN_MS = 25_000;
/** Answers after each step, so that work went on under every clock. */
const ANSWERS = 200;
const floods = ['song-1', 'song-2'];
const rivers = [...floods, 'theo-gio', 'khong-gio', 'qua-http'];

describe.skipIf(!canFakeClock)('the clock of the machine', () => {
  it(
    'jumps an hour and a day, forward and back, and nothing is lost, nobody is told more, and the books agree',
    async () => {
      await Province.during('clock', rivers, async (province) => {
        const { published, chance, inbox, dataDir } = province;
        const clock = new FakeClock(dataDir);
        const canh = await province.startCanh(clock.settings);
        const load = new Load(province);
        for (const river of floods) load.flood(river, province.device(river));
        load.punctual('theo-gio', province.device('theo-gio'));
        load.untimed('khong-gio', province.device('khong-gio'));
        load.untimed('qua-http', province.httpDevice('qua-http'));
        for (const aheadS of shuffled(STEPS, chance).flatMap((step) => [step, 0])) {
          await clock.set(aheadS, canh.consoleUrl);
          const before = published.acknowledged();
          await eventually(() => expect(published.acknowledged()).toBeGreaterThan(before + ANSWERS));
          await pause(chance() * 500);
        }
        const minutes = await load.end();
        const expected = floods.flatMap((river) => storyOf(river, minutes.get(river) ?? 0));
        const api = await canh.signIn();
        await province.quiet(api);
        await province.expectShown(api, floods);
        await eventually(async () => expect((await fetch(`${canh.consoleUrl}/health/ready`)).status).toBe(200));
        await canh.stop();
        await province.expectNothingWrong();
        // Whether mails go out soon after the clock was set is asked below.
        expectStory(dataDir, expected, FIRST_READING);
        expect(mailsOf(inbox).size).toBe(inbox.mails.length);
        console.info(
          `clock: ${2 * STEPS.length} steps, ${published.messages.length} messages, ${expected.length} notices`,
        );
      });
    },
    withinMs(180_000, 3_600_000),
  );

  // The waits of a mail take half a minute.
  it.runIf(inLongRuns).each([
    { what: 'is set back a day', before: DAY_S, after: 0 },
    { what: 'is set forward two days', before: 0, after: 2 * DAY_S },
  ])('and a mail that waits for its next try goes out soon after it $what', async ({ before, after }) => {
    const [river = ''] = floods;
    await Province.during('clock', [river], async (province) => {
      const { published, inbox, mailServer, dataDir } = province;
      const clock = new FakeClock(dataDir);
      const canh = await province.startCanh(clock.settings);
      await clock.set(before, canh.consoleUrl);
      mailServer.busy = true;
      const device = province.device(river);
      for (let minute = 0; minute <= RAISED_AFTER; minute += 1)
        await device.publish(
          published.reading(river, {
            metric: METRIC,
            ts: FIRST_READING + minute * MINUTE_MS,
            seq: minute,
            value: levelAt(minute),
          }),
        );
      await eventually(() => expect(mailServer.refused).toBeGreaterThan(0));
      const refused = mailServer.refused;
      await clock.set(after, canh.consoleUrl);
      // Once more under the new clock, so that what it decides by that is seen, too.
      await eventually(() => expect(mailServer.refused).toBeGreaterThan(refused), WELL_WITHIN_MS);
      mailServer.busy = false;
      await eventually(() => expect(mailsOf(inbox).size).toBe(1), WELL_WITHIN_MS);
    });
  });
});
