import { writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { seededRandom } from '../../support/seeded.js';
import { telemetry, textOfAnyLength } from './journal.parts.js';

/** Appends messages for ever, `atOnce` of them waiting at a time, and prints the name of each that it was told is on disk. Arguments: folder, name, seed. */
const [, , folder = '', name = '', seed = ''] = process.argv;
// It never ends in order, which is when Node would keep what it has compiled for the next start.
flushCompileCache();
const random = seededRandom(Number(seed));
const atOnce = 1 + Math.floor(random() * 300);
const writer = await FileJournalWriter.open(folder, { segmentBytes: 300_000, commitWindowMs: random() < 0.5 ? 0 : 5 });
let next = 0;
for (let lane = 0; lane < atOnce; lane += 1)
  void (async () => {
    for (;;) {
      const text = textOfAnyLength(`${name}-${next}`, 500, random);
      next += 1;
      await writer.append(telemetry(text));
      // At once: what Node would keep to itself until later dies with it.
      writeSync(1, `${text.slice(0, text.indexOf(':'))}\n`);
    }
  })();
