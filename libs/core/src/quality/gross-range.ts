import type { Range } from '../stations/profile.js';
import { Flag } from './flag.js';

/** QARTOD gross range: outside `plausible` failed, outside `expected` suspect, otherwise good. Both bounds belong to their range. */
export function grossRange(value: number, plausible: Range, expected?: Range): Flag {
  if (value < plausible.min || value > plausible.max) return Flag.failed;
  if (expected !== undefined && (value < expected.min || value > expected.max)) return Flag.suspect;
  return Flag.good;
}
