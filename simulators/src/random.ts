/**
 * Randomness without a sequence: each value is a function of a seed and of what it is for, so any slice of a story can be made
 * without making what comes before it, and one more station changes nothing for the others.
 */
export type Key = string | number;

/** 32 well-mixed bits (FNV-1a over the keys, finished as MurmurHash3 does). */
export function hash32(seed: number, ...keys: readonly Key[]): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (const key of keys) {
    const text = typeof key === 'number' ? `#${key}` : key;
    for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    hash = Math.imul(hash ^ 0x7c, 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Evenly spread in [0, 1). */
export function uniform(seed: number, ...keys: readonly Key[]): number {
  return hash32(seed, ...keys) / 0x1_0000_0000;
}

/** Normal with mean 0 and deviation 1, cut at ±3 so that noise never looks like an event. */
export function gaussian(seed: number, ...keys: readonly Key[]): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(seed, ...keys, 'radius')));
  const value = radius * Math.cos(2 * Math.PI * uniform(seed, ...keys, 'angle'));
  return Math.max(-3, Math.min(3, value));
}

/** A wandering curve of about ±1 that changes over `scaleMs`; smooth, and the same wherever it is entered. */
export function drift(seed: number, atMs: number, scaleMs: number, ...keys: readonly Key[]): number {
  const cell = Math.floor(atMs / scaleMs);
  const part = atMs / scaleMs - cell;
  const ease = part * part * (3 - 2 * part);
  return gaussian(seed, ...keys, cell) * (1 - ease) + gaussian(seed, ...keys, cell + 1) * ease;
}
