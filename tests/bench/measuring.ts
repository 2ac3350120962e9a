import { DISTURBING_CORES, quietMoment } from './quiet.js';
import type { Bench } from './round.js';
import type { Wishes } from './wishes.js';

const MOST_DISTURBED = 5;

/** What a scenario is measured with: where, how often, and beside what else. */
export interface Measuring extends Bench {
  readonly wishes: Wishes;
}

interface Disturbable {
  /** Cores that everything else on the machine took meanwhile. */
  readonly otherCores: number;
}

/** Waits for a quiet moment where that is wished, and measures a disturbed round again. */
export async function undisturbed<T extends Disturbable>(
  { wishes: { quiet } }: Measuring,
  measure: () => Promise<T>,
  said: (round: T) => string,
): Promise<T> {
  for (let disturbed = 0; ; disturbed += 1) {
    if (quiet) await quietMoment();
    const round = await measure();
    console.error(said(round));
    if (!quiet || round.otherCores <= DISTURBING_CORES || disturbed >= MOST_DISTURBED) return round;
    console.error('  disturbed; again');
  }
}

/** As many rounds as are wished, each of every contender under every load. */
export async function interleaved<L, T extends Disturbable>(
  measuring: Measuring,
  loads: readonly L[],
  contenders: readonly ((load: L) => Promise<T>)[],
  said: (round: T) => string,
): Promise<T[]> {
  const measured: T[] = [];
  for (let round = 0; round < measuring.wishes.rounds; round += 1)
    for (const load of loads)
      // Every other time the other way about, so that what drifts meanwhile favours nobody.
      for (const contender of round % 2 === 0 ? contenders : contenders.toReversed())
        measured.push(await undisturbed(measuring, () => contender(load), said));
  return measured;
}
