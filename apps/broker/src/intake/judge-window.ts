import type { JournalOffset } from '@canh/core/readings/journal';

/** How many bytes may be written and not judged: at first, at least and at most. The most is what is judged in about a second. */
const FIRST_BYTES = 2 ** 20;
const LEAST_BYTES = 2 ** 18;
const MOST_BYTES = 16 * 2 ** 20;
const GROW_BYTES = 2 ** 18;
/** Half of what a live reading may be delayed by the backlogs of others. */
const TOO_LONG_MS = 500;
const SHORT_MS = 250;
/** A commit each 2 ms gives a few dozen between two answers; beyond this many, while nobody judges, the last one stands for all later ones. */
const MOST_MARKS = 1_024;

/** Up to `offset`, `bytes` bytes were on disk at `at`. */
interface Mark {
  offset: JournalOffset;
  bytes: number;
  at: number;
}

/**
 * How much may stand in the journal between what is written and what is judged. Whoever is let in waits behind that, so it follows how
 * long the judge takes for it: halved when that is too long, once for each time that the judge has gone through it, and a little larger
 * with each answer when it is short and somebody waits. Times are of one monotonic clock, in ms.
 */
export class JudgeWindow {
  bytes = FIRST_BYTES;
  /** Nobody has answered where the judge is: then there is no bound, and what is received is on disk, which is what is promised. */
  governed = false;
  private writing = 0;
  private durable = 0;
  private judged = 0;
  private halvedAt = 0;
  private readonly marks: Mark[] = [];

  /** Bytes that are written, or on their way to the disk, and not judged. */
  get unjudged(): number {
    return this.writing + this.durable - this.judged;
  }

  get hasRoom(): boolean {
    return !this.governed || this.unjudged < this.bytes;
  }

  written(bytes: number): void {
    this.writing += bytes;
  }

  /** They could not be kept. */
  failed(bytes: number): void {
    this.writing -= bytes;
  }

  kept(bytes: number, offset: JournalOffset, at: number): void {
    this.writing -= bytes;
    this.durable += bytes;
    const mark = { offset, bytes: this.durable, at };
    if (this.marks.length < MOST_MARKS) this.marks.push(mark);
    else this.marks[MOST_MARKS - 1] = mark;
  }

  /** The judge is at `place`; `wanted` when somebody waits for room. */
  judgedTo(place: JournalOffset, at: number, wanted: boolean): void {
    this.governed = true;
    let passed = 0;
    while (passed < this.marks.length && this.marks[passed]!.offset <= place) passed += 1;
    const last = passed === 0 ? undefined : this.marks[passed - 1]!;
    if (last !== undefined) {
      this.judged = last.bytes;
      this.marks.splice(0, passed);
    }
    const oldest = this.marks[0] ?? last;
    const tookMs = oldest === undefined ? 0 : at - oldest.at;
    if (tookMs > TOO_LONG_MS && this.judged >= this.halvedAt) {
      this.bytes = Math.max(LEAST_BYTES, this.bytes / 2);
      this.halvedAt = this.durable;
    } else if (tookMs < SHORT_MS && wanted) this.bytes = Math.min(MOST_BYTES, this.bytes + GROW_BYTES);
  }
}
