import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { Channel } from './line-protocol.js';

/** VictoriaMetrics shows what it took after about a second; this much longer for one that is busy. */
const REMEMBERED_MS = 10_000;
/** More than any province sends within that time. */
const MOST_REMEMBERED = 1_500_000;

export interface Written {
  readonly channel: Channel;
  readonly key: number;
  readonly sequence: number;
  readonly value: number;
}

type KeyOf = (reading: FlaggedReading) => number;

interface Stroke {
  readonly at: number;
  readonly channels: readonly Channel[];
  /** Key, sequence and value of each. */
  readonly numbers: Float64Array;
}

/** What was written within the last seconds, for a server that does not show it yet. */
export class RecentlyWritten {
  #strokes: Stroke[] = [];
  #held = 0;

  /** The readings by channel, and the key of each. */
  note(channels: readonly Channel[], readings: readonly FlaggedReading[], keyOf: KeyOf, now: number): void {
    this.#letGo(now);
    const numbers = new Float64Array(readings.length * 3);
    let at = 0;
    for (const reading of readings) {
      numbers[at++] = keyOf(reading);
      numbers[at++] = reading.sequence;
      numbers[at++] = reading.value;
    }
    this.#strokes.push({ at: now, channels, numbers });
    this.#held += readings.length;
  }

  /** What is remembered of these channels, oldest first. */
  *of(channels: ReadonlySet<Channel>): Iterable<Written> {
    for (const stroke of this.#strokes)
      for (const [nth, channel] of stroke.channels.entries())
        if (channels.has(channel)) {
          const [key, sequence, value] = stroke.numbers.subarray(nth * 3, nth * 3 + 3) as unknown as [
            number,
            number,
            number,
          ];
          yield { channel, key, sequence, value };
        }
  }

  forget(): void {
    this.#strokes = [];
    this.#held = 0;
  }

  #letGo(now: number): void {
    while (this.#strokes.length > 0 && (this.#strokes[0]!.at < now - REMEMBERED_MS || this.#held > MOST_REMEMBERED))
      this.#held -= this.#strokes.shift()!.channels.length;
  }
}
