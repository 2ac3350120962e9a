import type { Channel } from './line-protocol.js';

/** VictoriaMetrics shows what it took after about a second; this much longer for one that is busy. */
const REMEMBERED_MS = 10_000;
/** More than any province sends within that time. */
const MOST_REMEMBERED = 1_500_000;
const NUMBERS = 3;

export interface Written {
  readonly channel: Channel;
  readonly key: number;
  readonly sequence: number;
  readonly value: number;
}

/** Readings that were written at once. */
export class Stroke {
  readonly #channels: Channel[] = [];
  /** Key, sequence and value of each. */
  readonly #numbers: Float64Array;

  constructor(readings: number) {
    this.#numbers = new Float64Array(NUMBERS * readings);
  }

  get length(): number {
    return this.#channels.length;
  }

  add(channel: Channel, key: number, sequence: number, value: number): void {
    const at = NUMBERS * this.#channels.length;
    this.#channels.push(channel);
    this.#numbers[at] = key;
    this.#numbers[at + 1] = sequence;
    this.#numbers[at + 2] = value;
  }

  *of(channels: ReadonlySet<Channel>): Iterable<Written> {
    for (const [nth, channel] of this.#channels.entries())
      if (channels.has(channel)) {
        const at = NUMBERS * nth;
        const [key, sequence, value] = [this.#numbers[at]!, this.#numbers[at + 1]!, this.#numbers[at + 2]!];
        yield { channel, key, sequence, value };
      }
  }
}

/** What was written within the last seconds, for a server that does not show it yet. */
export class RecentlyWritten {
  #strokes: { readonly at: number; readonly stroke: Stroke }[] = [];
  #held = 0;

  /** `now`: milliseconds of a clock that is never set. */
  note(stroke: Stroke, now: number): void {
    this.#letGo(now);
    this.#strokes.push({ at: now, stroke });
    this.#held += stroke.length;
  }

  /** What is remembered of these channels, oldest first. */
  *of(channels: ReadonlySet<Channel>): Iterable<Written> {
    for (const { stroke } of this.#strokes) yield* stroke.of(channels);
  }

  forget(): void {
    this.#strokes = [];
    this.#held = 0;
  }

  #letGo(now: number): void {
    while (this.#strokes.length > 0 && (this.#strokes[0]!.at < now - REMEMBERED_MS || this.#held > MOST_REMEMBERED))
      this.#held -= this.#strokes.shift()!.stroke.length;
  }
}
