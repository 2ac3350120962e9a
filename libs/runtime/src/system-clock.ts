import type { Clock } from '@canh/core/time/instant';

/** The machine's clock; handed to what needs to know the time. */
export const systemClock: Clock = { now: () => Date.now() };
