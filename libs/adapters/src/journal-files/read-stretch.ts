import {
  MOST_DAMAGED_BYTES,
  type DamagedStretch,
  type JournalEntry,
  type JournalOffset,
} from '@canh/core/readings/journal';
import { CrcOfRanges } from './crc-of-ranges.js';
import { beforeZeros, FRAME_HEAD_BYTES, isTorn, MAX_BODY_BYTES, readFrame } from './frame.js';

const MAX_FRAME_BYTES = FRAME_HEAD_BYTES + MAX_BODY_BYTES;
/** Beyond it the bytes look as if somebody had chosen them to be taken for lengths. */
const MOST_TRIED_BYTES = 2 * MAX_BODY_BYTES;

interface Known {
  readonly salt: number;
  /** Nothing will be added to the segment. */
  readonly sealed: boolean;
  /** The segment ends where the bytes do. */
  readonly toTheEnd: boolean;
  /** Up to this position of the bytes, damage was met with before: it is none of a write that is still going on. */
  readonly believed?: number | null;
}

export interface Stretch {
  readonly entries: JournalEntry[];
  readonly damaged: DamagedStretch[];
  /** How many of the bytes were used up. */
  readonly end: number;
  /**
   * Why it ends there: `read` what follows, if anything, is for the next read · `zeros` nothing was written behind it yet
   * · `doubt` damage in a segment that is still being written.
   */
  readonly stop: 'read' | 'zeros' | 'doubt';
}

/** What is in these bytes of a segment, the first of which stands at `at`. Payloads and damage are views of the bytes. */
export function readStretch(bytes: Buffer, at: JournalOffset, { salt, sealed, toTheEnd, believed }: Known): Stretch {
  const entries: JournalEntry[] = [];
  const damaged: DamagedStretch[] = [];
  let end = 0;
  const passOver = (to: number): void => {
    damaged.push({
      offset: at + end,
      length: to - end,
      bytes: bytes.subarray(end, Math.min(to, end + MOST_DAMAGED_BYTES)),
    });
    end = to;
  };
  const stopped = (stop: Stretch['stop']): Stretch => ({ entries, damaged, end, stop });
  while (end < bytes.length) {
    const frame = readFrame(bytes, end, salt);
    if (frame.kind === 'message') {
      entries.push({ offset: at + end, message: frame.message });
      end = frame.end;
      continue;
    }
    const rest = bytes.subarray(end);
    // Written ahead of the data by a writer that is at work, or was when it died.
    const zeros = rest[0] === 0 && beforeZeros(rest) === 0;
    if (zeros && !sealed) return stopped('zeros');
    // More of it is in the next read; nothing that long was ever written where it is not.
    if (frame.kind === 'incomplete' && !toTheEnd) break;
    // So many zeros that they fill a read of their own are more than are ever written ahead.
    if (zeros && !toTheEnd && end > 0) break;
    const next = zeros ? null : nextFrame(bytes, end + 1, salt);
    // Of the newest segment it may still be being written, where no whole frame is seen behind it; more than a frame's length of such bytes is not.
    if (next === null && !sealed && (toTheEnd || rest.length <= MAX_FRAME_BYTES)) break;
    if (next === null && toTheEnd) {
      // Of a sealed one it is a tail that nobody was told about, or rot.
      if (!zeros && !isTorn(rest, salt)) passOver(end + beforeZeros(rest));
      end = bytes.length;
      break;
    }
    if (!sealed && (believed ?? -1) < end) return stopped('doubt');
    passOver(next ?? Math.max(end + 1, bytes.length - MAX_FRAME_BYTES));
  }
  return stopped('read');
}

/** Where the next whole frame begins at or after `from`: lengths cannot be trusted behind damage, so every byte is tried. */
function nextFrame(bytes: Buffer, from: number, salt: number): number | null {
  let ranges: CrcOfRanges | null = null;
  let tried = 0;
  for (let at = from; at + FRAME_HEAD_BYTES <= bytes.length; at += 1) {
    const length = bytes.readUInt32LE(at);
    const body = at + FRAME_HEAD_BYTES;
    if (length > MAX_BODY_BYTES || body + length > bytes.length) continue;
    tried += length;
    if (tried > MOST_TRIED_BYTES) {
      ranges ??= new CrcOfRanges(bytes);
      if (ranges.of(body, body + length, salt) !== bytes.readUInt32LE(at + 4)) continue;
    }
    if (readFrame(bytes, at, salt).kind === 'message') return at;
  }
  return null;
}
