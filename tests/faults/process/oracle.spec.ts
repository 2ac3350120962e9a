import { describe, expect, it } from 'vitest';
import { type Kept, violations } from './oracle.js';
import { Published, type SentMessage } from './published.js';

/** Ten readings, one of them without a time, and a piece of garbage, all acknowledged once; and what a faultless Canh has kept of that. */
function aQuietDay(): { published: Published; kept: Kept } {
  const published = new Published();
  for (let seq = 0; seq < 10; seq += 1) {
    const ts = seq === 9 ? null : 1_000_000 + seq;
    published.reading('song', { metric: 'level_m', value: 1 + seq / 10, ts, seq });
  }
  published.garbage('song', 'hỏng');
  for (const message of published.messages) [message.transmissions, message.acknowledgements] = [1, 1];
  const readings = published.messages.flatMap(({ deviceId, reading }) =>
    reading === null ? [] : [{ ...reading, deviceId, ts: reading.ts ?? 5_000_000, sequence: reading.seq }],
  );
  const line = { deviceId: 'song', hour: 0, messages: 11, received: 11, stored: 10, duplicate: 0, missing: 0 };
  return {
    published,
    kept: {
      readings,
      quarantine: [{ deviceId: 'song', reason: 'not-json', detail: 'no JSON', payload: 'hỏng' }],
      ledger: [{ ...line, quarantined: 1 }],
    },
  };
}

type Wrong = (day: { published: Published; kept: Kept }) => Partial<Kept> | void;
const first = ({ published }: { published: Published }): SentMessage => published.messages[0]!;

const wrongs: readonly (readonly [what: string, says: RegExp, wrong: Wrong])[] = [
  ['a reading that is not stored', /^I1 lost: song ts 1000000 /, ({ kept }) => ({ readings: kept.readings.slice(1) })],
  [
    'one without a time that is not stored',
    /^I1 lost: song ts of the server/,
    ({ kept }) => ({ readings: kept.readings.slice(0, -1) }),
  ],
  ['garbage that is not in quarantine', /^I1 lost: song hỏng/, () => ({ quarantine: [] })],
  [
    'a good reading in quarantine',
    /^I1 quarantined/,
    (day) => ({ quarantine: [...day.kept.quarantine, { ...day.kept.quarantine[0]!, payload: first(day).payload }] }),
  ],
  [
    'a reading that is stored twice',
    /^I2 doubled/,
    ({ kept }) => ({ readings: [...kept.readings, kept.readings[0]!] }),
  ],
  [
    'one without a time that is stored more often than it was sent',
    /^I2 doubled: song ts of the server/,
    ({ kept }) => ({ readings: [...kept.readings, { ...kept.readings[9]!, ts: 6_000_000 }] }),
  ],
  [
    'another value',
    /^I2 wrong value/,
    ({ kept }) => ({ readings: kept.readings.with(0, { ...kept.readings[0]!, value: 7 }) }),
  ],
  [
    'a reading that nobody sent',
    /^I3 invented/,
    ({ kept }) => ({ readings: [...kept.readings, { ...kept.readings[0]!, ts: 77 }] }),
  ],
  [
    'a piece of garbage that nobody sent',
    /^I3 invented: in quarantine/,
    ({ kept }) => ({ quarantine: [...kept.quarantine, { ...kept.quarantine[0]!, payload: 'x' }] }),
  ],
  ['answers out of order', /^I7 order/, ({ published }) => void published.disorder.push('song: 2 before 1')],
  [
    'a line of the ledger that does not come out',
    /^ledger equation/,
    ({ kept }) => ({ ledger: [{ ...kept.ledger[0]!, duplicate: 1 }] }),
  ],
  [
    'a ledger that counts more than is stored',
    /^ledger: song: 11 stored in the ledger, 10 in the store/,
    ({ kept }) => ({ ledger: [{ ...kept.ledger[0]!, messages: 12, received: 12, stored: 11 }] }),
  ],
  [
    'a ledger that counts messages twice',
    /^ledger: song: 22 messages, of 11 acknowledged and 11 sent/,
    ({ kept }) => ({ ledger: [{ ...kept.ledger[0]!, messages: 22, received: 22, duplicate: 11 }] }),
  ],
  [
    'a ledger that misses what came',
    /^ledger: song: 1 missing/,
    ({ kept }) => ({ ledger: [{ ...kept.ledger[0]!, missing: 1 }] }),
  ],
];

describe('the oracle of the fault tests', () => {
  it('has nothing against a day on which all was well', () => {
    const { published, kept } = aQuietDay();
    expect(violations(published, kept)).toEqual([]);
  });

  it.each(wrongs)('finds %s', (_what, says, wrong) => {
    const day = aQuietDay();
    const kept = { ...day.kept, ...wrong(day) };
    expect(violations(day.published, kept)).toEqual(expect.arrayContaining([expect.stringMatching(says)]));
  });
});
