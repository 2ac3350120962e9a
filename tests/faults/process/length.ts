export const inLongRuns = process.env['CANH_FAULTS'] === 'long';

/** How often or how much: little where every change is tested, much by hand with CANH_FAULTS=long. */
export const times = (short: number, long: number): number => (inLongRuns ? long : short);

/** What a run of this length may take. */
export const withinMs = times;

/** A wait without a condition: the moment of a fault is drawn by lot. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
