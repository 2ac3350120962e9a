import { median } from '../figures.js';
import type { Load } from '../generator.js';
import { interleaved, type Measuring } from '../measuring.js';
import { aedesRound, brokerRound, type Round } from '../round.js';
import { said } from '../table.js';
import { milliseconds, percent, verdict, type Verdict } from '../verdict.js';

const LOAD = { connections: 100, window: 64, rate: 5_000 } as const;

/** What durability costs where there is little to share an fdatasync with: bare Aedes, Aedes with the journal, and Canh's broker. */
export async function cost(measuring: Measuring): Promise<{ rounds: Round[]; verdicts: Verdict[] }> {
  const [{ warmUpSeconds, seconds } = { warmUpSeconds: 2, seconds: 5 }] = measuring.wishes.loads;
  const rounds = await interleaved(
    measuring,
    [{ ...LOAD, warmUpSeconds, seconds }],
    [
      (load: Load) => aedesRound(measuring, load, false),
      (load: Load) => aedesRound(measuring, load, true),
      (load: Load) => brokerRound(measuring, load),
    ],
    said,
  );
  const middle = (server: string, value: (round: Round) => number): number =>
    median(rounds.filter((round) => round.server === server).map(value));
  const cpu = (server: string): number => middle(server, ({ cpuSecondsPerMillion }) => cpuSecondsPerMillion);
  const over = (server: string): number => cpu(server) / cpu('bare Aedes') - 1;
  const at = `at ${LOAD.rate}/s`;
  return {
    rounds,
    verdicts: [
      verdict(
        { what: `CPU of durability ${at}, over no journal`, most: 0.35, said: percent },
        over('Aedes + journal'),
        `Canh's broker with all that it does ${percent(over('Canh broker'))}`,
      ),
      verdict(
        { what: `ack p99 of Canh's broker ${at}`, most: 15, said: milliseconds },
        middle('Canh broker', ({ p99Ms }) => p99Ms),
        `p50 ${milliseconds(middle('Canh broker', ({ p50Ms }) => p50Ms))}`,
      ),
    ],
  };
}
