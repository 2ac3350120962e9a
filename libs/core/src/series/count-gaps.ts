import type { Instant } from '../time/instant.js';

/** Numbers that a device passed over, `from` and `to` among them, and the hour in which that was noticed. */
interface Gap {
  readonly from: number;
  readonly to: number;
  readonly hour: Instant;
}

/** How far a device has counted what it sends (`seq` of its payloads), and what is missing before. */
export interface CountState {
  readonly last: number;
  /** Oldest first. */
  readonly gaps: readonly Gap[];
}

/** So many numbers missing, from the hour in which the gap was noticed; less than 0 when they came after all. */
export interface MissingChange {
  readonly hour: Instant;
  readonly numbers: number;
}

/** A leap beyond this is a counter that was set anew, not a hundred thousand lost messages. */
const LONGEST_GAP = 100_000;
/** How far back a backlog that is sent twice may reach; a number further down begins a new count. */
const COPIES_WITHIN = 10_000;
/** What a device can owe; older gaps stay missing. */
const MOST_GAPS = 64;

/**
 * One more number. Numbers may come late and in any order; the same again is a copy. A number far below the last one is a device that
 * was restarted and counts from the beginning.
 */
export function countOn(
  state: CountState | undefined,
  seq: number,
  hour: Instant,
): { state: CountState; changes: readonly MissingChange[] } {
  if (state === undefined) return { state: { last: seq, gaps: [] }, changes: [] };
  const { last, gaps } = state;
  if (seq === last + 1) return { state: { last: seq, gaps }, changes: [] };
  if (seq > last) {
    const numbers = seq - last - 1;
    if (numbers > LONGEST_GAP) return { state: { last: seq, gaps: [] }, changes: [] };
    const gap = { from: last + 1, to: seq - 1, hour };
    return { state: { last: seq, gaps: [...gaps, gap].slice(-MOST_GAPS) }, changes: [{ hour, numbers }] };
  }
  const at = gaps.findIndex(({ from, to }) => from <= seq && seq <= to);
  const gap = gaps[at];
  if (gap !== undefined) {
    const left = [
      { ...gap, to: seq - 1 },
      { ...gap, from: seq + 1 },
    ].filter(({ from, to }) => from <= to);
    return {
      state: { last, gaps: [...gaps.slice(0, at), ...left, ...gaps.slice(at + 1)].slice(-MOST_GAPS) },
      changes: [{ hour: gap.hour, numbers: -1 }],
    };
  }
  // Nothing that was passed over: a copy of what came, or the beginning of a new count.
  return last - seq > COPIES_WITHIN ? { state: { last: seq, gaps: [] }, changes: [] } : { state, changes: [] };
}
