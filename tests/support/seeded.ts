/** Numbers in [0, 1) that follow from the seed alone (mulberry32), so that a run can be had again. Not for secrets. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The seed of this run, a u32: `CANH_FAULTS_SEED` where it is set, so that a run is repeated; otherwise a new one. It is printed either way. */
export function faultSeed(name: string): number {
  const given = process.env['CANH_FAULTS_SEED'];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given);
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw new Error(
      `CANH_FAULTS_SEED is ${given}; give it an integer from 0 to ${2 ** 32 - 1}, as a run has printed it.`,
    );
  console.info(`${name}: seed ${seed}`);
  return seed;
}
