import { globSync, renameSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CanhProcess, temporaryFolder } from '../../support/canh-process.js';
import { eventually } from '../../support/eventually.js';
import { faultSeed } from '../../support/seeded.js';
import { expectStoryTold, FIRST_READING, mailsOf, storyOf } from './flood.js';
import { pause, times, withinMs } from './length.js';
import { Load, shuffled } from './load.js';
import { Province } from './world.js';

const HOUR_S = 3_600;
const DAY_S = 86_400;
const STEPS = Array.from({ length: times(1, 50) }, () => [HOUR_S, -HOUR_S, DAY_S, -DAY_S]).flat();
/** Answers after each step, so that work went on under every clock. */
const ANSWERS = 200;
const floods = ['song-1', 'song-2'];
const rivers = [...floods, 'theo-gio', 'khong-gio', 'qua-http'];

const [library] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1');
if (library === undefined) console.warn('clock is skipped: install libfaketime (apt-get install faketime).');

describe.skipIf(library === undefined)('the clock of the machine', () => {
  it(
    'jumps an hour and a day, forward and back, and nothing is lost, nobody is told more, and the books agree',
    async () => {
      const folder = await temporaryFolder();
      const file = join(folder, 'clock');
      /** The clock of Canh from now on, by how far it is from the true one. The file is put in place whole: it is read at every look at the clock. */
      const setClock = (aheadS: number): void => {
        writeFileSync(`${file}.new`, `${aheadS < 0 ? '' : '+'}${aheadS}\n`);
        renameSync(`${file}.new`, file);
      };
      setClock(0);
      const province = await Province.make(rivers, faultSeed('clock'));
      const { published, chance, inbox, dataDir } = province;
      let canh: CanhProcess | null = null;
      try {
        canh = await province.startCanh({
          LD_PRELOAD: library ?? '',
          FAKETIME_TIMESTAMP_FILE: file,
          FAKETIME_NO_CACHE: '1',
          DONT_FAKE_MONOTONIC: '1',
        });
        const load = new Load(province);
        for (const river of floods) load.flood(river, province.device(river));
        load.punctual('theo-gio', province.device('theo-gio'));
        load.untimed('khong-gio', province.device('khong-gio'));
        load.untimed('qua-http', province.httpDevice('qua-http'));
        for (const aheadS of shuffled(STEPS, chance).flatMap((step) => [step, 0])) {
          setClock(aheadS);
          // Proof that it is so: the date of an answer.
          await eventually(async () => {
            const date = (await fetch(`${canh!.consoleUrl}/health/live`)).headers.get('date') ?? '';
            expect(Math.abs(Date.parse(date) - Date.now() - aheadS * 1_000)).toBeLessThan(10_000);
          });
          const before = published.acknowledged();
          await eventually(() => expect(published.acknowledged()).toBeGreaterThan(before + ANSWERS));
          await pause(chance() * 500);
        }
        const minutes = await load.end();
        const expected = floods.flatMap((river) => storyOf(river, minutes.get(river) ?? 0));
        const api = await canh.signIn();
        await province.quiet(api);
        await eventually(() => expect(mailsOf(inbox).size).toBe(expected.length), 60_000);
        await province.expectShown(api, floods);
        await eventually(async () => expect((await fetch(`${canh!.consoleUrl}/health/ready`)).status).toBe(200));
        await canh.stop();
        await province.expectNothingWrong();
        expect(expectStoryTold(dataDir, expected, FIRST_READING, inbox)).toBe(0);
        console.info(
          `clock: ${2 * STEPS.length} steps, ${published.messages.length} messages, ${expected.length} notices`,
        );
      } catch (error) {
        console.error(canh?.program.output);
        throw error;
      } finally {
        await canh?.kill();
        await province.remove();
        await rm(folder, { recursive: true, force: true });
      }
    },
    withinMs(180_000, 3_600_000),
  );
});
