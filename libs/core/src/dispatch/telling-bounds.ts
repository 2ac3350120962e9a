import { MINUTE_MS } from '../time/instant.js';

/** How much one address is told at once, by one channel. Nothing beyond is dropped: it waits and is told together, in a digest. */
export interface TellingBounds {
  /** Single messages are counted over so many ms. */
  readonly windowMs: number;
  /** So many single messages in that time, whatever they say … */
  readonly any: number;
  /** … up to so many when the further ones are each the first word of an incident, or say that one became worse … */
  readonly first: number;
  /** … and up to so many when those beyond say that something became critical. */
  readonly critical: number;
  /** A digest waits so many ms for what comes next … */
  readonly digestWaitMs: number;
  /** … and, unless something in it is critical, until so many ms after the one before. */
  readonly digestEveryMs: number;
  /** One digest names at most so many incidents; more of them make more digests. */
  readonly digestIncidents: number;
}

/** More than ten alerts in ten minutes are a flood that nobody reads one by one (ISA-18.2). */
export const USUAL_BOUNDS: TellingBounds = {
  windowMs: 10 * MINUTE_MS,
  any: 10,
  first: 20,
  critical: 30,
  digestWaitMs: MINUTE_MS,
  digestEveryMs: 5 * MINUTE_MS,
  digestIncidents: 500,
};
