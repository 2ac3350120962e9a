import { setTimeout as pause } from 'node:timers/promises';
import { machineCpuSeconds } from './processes.js';

/** Cores that something else takes: more than this shows in the figures. */
export const DISTURBING_CORES = 0.2;
const LOOK_FOR_MS = 2_000;
const GIVE_UP_AFTER_MS = 120_000;

/** Waits until the machine has been idle for two seconds, but not for ever: what then disturbs is in the figures of the round. */
export async function quietMoment(): Promise<void> {
  const began = performance.now();
  while (performance.now() - began < GIVE_UP_AFTER_MS) {
    const [at, busy] = [performance.now(), machineCpuSeconds()];
    await pause(LOOK_FOR_MS);
    if ((machineCpuSeconds() - busy) / ((performance.now() - at) / 1000) <= DISTURBING_CORES) return;
  }
}
