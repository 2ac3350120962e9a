import type { Reading } from '../readings/reading.js';
import type { Flag } from './flag.js';

/** A reading with how far it is trusted beside it; the value is never changed by the judgement. */
export interface FlaggedReading extends Reading {
  readonly flag: Flag;
}
