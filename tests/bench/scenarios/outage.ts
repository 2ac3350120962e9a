import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { PathStatus } from '@canh/core/series/live-series';
import { READINGS_PER_MESSAGE, startCanh } from '../canh.js';
import { quantile } from '../figures.js';
import type { Measuring } from '../measuring.js';
import { quietMoment } from '../quiet.js';
import { compared } from '../round.js';
import { influx, victoria, type StoreKind } from '../stores.js';
import { count, milliseconds, times, verdict, type Verdict } from '../verdict.js';

const LOAD = { connections: 100, window: 64, rate: 5_000, warmUpSeconds: 0, seconds: 50 } as const;
const STORE_ENDS_AFTER_MS = 10_000;
const STORE_IS_AWAY_MS = 10_000;
const LOOK_EVERY_MS = 50;
/** The store gathers for a quarter of a second, and its place is told with the next append. */
const IN_STEP_MS = 1_000;

interface Look {
  readonly at: number;
  readonly status: PathStatus;
}

/** The time series server is killed under a steady load, and started again ten seconds later. */
export async function outage(measuring: Measuring): Promise<{ verdicts: Verdict[]; wrong: string[] }> {
  const verdicts: Verdict[] = [];
  const wrong: string[] = [];
  for (const kind of [victoria, influx])
    if (kind.missing !== null) console.error(`SKIPPED outage of ${kind.title}: ${kind.missing}.`);
    else {
      const measured = await outageOf(measuring, kind);
      verdicts.push(...measured.verdicts);
      wrong.push(...measured.wrong);
    }
  return { verdicts, wrong };
}

async function outageOf(
  { generator, inventory, folder, wishes }: Measuring,
  kind: StoreKind,
): Promise<{ verdicts: Verdict[]; wrong: string[] }> {
  if (wishes.quiet) await quietMoment();
  const dataDir = join(folder, 'data');
  const store = await kind.start();
  const canh = await startCanh(inventory, dataDir, { settings: store.settings });
  const looks: Look[] = [];
  let over = false;
  const looking = (async (): Promise<void> => {
    for (; !over; await pause(LOOK_EVERY_MS)) looks.push({ status: await canh.status(), at: Date.now() });
  })();
  const load = generator.load(LOAD, { ...canh, tokensFile: inventory.tokensFile });
  await pause(STORE_ENDS_AFTER_MS);
  const goneAt = Date.now();
  await store.kill();
  await pause(STORE_IS_AWAY_MS);
  await store.restart();
  const backAt = Date.now();
  const result = await load;
  over = true;
  await looking;
  await canh.drain(result.acked * READINGS_PER_MESSAGE);
  const kept = await canh.kept();
  const there = await store.values('level_m', 'value');
  await canh.stop();
  await store.remove();
  await rm(dataDir, { recursive: true });

  const judged = looks.filter(({ at }) => at >= goneAt && at < backAt).map(({ status }) => status.judgeBehindMs);
  const { seconds, rate } = catchUp(looks.filter(({ at }) => at >= backAt));
  const of = `10 s without ${kind.title} at ${LOAD.rate}/s`;
  console.error(`${of}: caught up in ${seconds.toFixed(1)} s at ${rate.toFixed(1)} times the live rate`);
  return {
    verdicts: [
      verdict({ what: `${of}: messages that are not there`, most: 0, said: count }, result.acked - there),
      verdict(
        { what: `${of}: catching up, over the live rate`, least: 2, said: times },
        rate,
        `in step ${seconds.toFixed(1)} s after it was back`,
      ),
      verdict(
        { what: `${of}: judged meanwhile within, p99`, most: 1_000, said: milliseconds },
        quantile(judged, 0.99),
        `ack p99 ${milliseconds(result.p99_ms)}`,
      ),
    ],
    wrong: compared(of, LOAD, [
      ['messages acknowledged', result.acked, result.sent],
      ['messages on disk', kept.onDisk, result.acked],
      ['readings stored or known', kept.stored + kept.duplicate, result.acked * READINGS_PER_MESSAGE],
      ['readings quarantined', kept.quarantined, 0],
      ['evaluations of the rule', kept.evaluated, result.acked],
    ]),
  };
}

/** From when something is stored again until the store is in step: messages come in at a steady rate, so what is stored of their time tells how fast. */
function catchUp(looks: readonly Look[]): { seconds: number; rate: number } {
  const upTo = ({ status }: Look): number => status.storedUpTo ?? 0;
  const [first] = looks;
  // A server that was started anew is filled again from further back: the way begins where it is furthest behind.
  const begun = looks.reduce<Look | undefined>(
    (least, look) => (least === undefined || upTo(look) < upTo(least) ? look : least),
    undefined,
  );
  const inStep = looks.find((look) => begun !== undefined && look.at > begun.at && look.at - upTo(look) < IN_STEP_MS);
  if (first === undefined || begun === undefined || inStep === undefined) return { seconds: Infinity, rate: 0 };
  const lastBegun = looks.findLast((look) => upTo(look) === upTo(begun)) ?? begun;
  return {
    seconds: (inStep.at - first.at) / 1000,
    rate: (upTo(inStep) - upTo(begun)) / (inStep.at - lastBegun.at),
  };
}
