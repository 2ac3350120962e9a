import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import { HOUR_MS, type Instant } from '@canh/core/time/instant';

/** A reading's measuredAt and sequence in one number; below 2^53 until the year 2255. */
export const keyOf = ({ measuredAt, sequence }: Pick<FlaggedReading, 'measuredAt' | 'sequence'>): number =>
  measuredAt * 1_000 + sequence;

/** One arrival of a reading. */
export interface Arrival {
  readonly key: number;
  readonly value: number;
  /** Of receiving, as the ledger counts it. */
  readonly hour: Instant;
  readonly late: boolean;
  /** When it first came, where that was before what is looked at and it was handed in again; otherwise null. */
  readonly cameAt: Instant | null;
}

const FIRST_ROOM = 16;
const LATE = 1;

/** All arrivals of one device's metric, 20 bytes each, in the order in which they came. */
export class SeriesKeys {
  length = 0;
  private keys = new Float64Array(FIRST_ROOM);
  private values = new Float64Array(FIRST_ROOM);
  private hours = new Uint32Array(FIRST_ROOM);
  /** Of the few that were handed in again. */
  private readonly came = new Map<number, Instant>();

  add({ key, value, hour, late, cameAt }: Arrival): void {
    if (this.length === this.keys.length) this.grow();
    this.keys[this.length] = key;
    this.values[this.length] = value;
    this.hours[this.length] = (hour / HOUR_MS) * 2 + (late ? LATE : 0);
    if (cameAt !== null) this.came.set(this.length, cameAt);
    this.length += 1;
  }

  lowest(): number {
    return this.keys.subarray(0, this.length).reduce((low, key) => Math.min(low, key), Infinity);
  }

  highest(): number {
    return this.keys.subarray(0, this.length).reduce((high, key) => Math.max(high, key), -Infinity);
  }

  /** Arrivals of each key together, by key, and within one key in the order in which they came. `per` puts neighbouring keys together. */
  *groups(per: number): Iterable<readonly Arrival[]> {
    const order = this.inOrder(per);
    for (let at = 0; at < order.length;) {
      const first = this.at(order[at]!);
      const group = [first];
      for (at += 1; at < order.length && same(this.keys[order[at]!]!, first.key, per); at += 1)
        group.push(this.at(order[at]!));
      yield group;
    }
  }

  private at(place: number): Arrival {
    const hour = this.hours[place]!;
    return {
      key: this.keys[place]!,
      value: this.values[place]!,
      hour: Math.floor(hour / 2) * HOUR_MS,
      late: (hour & LATE) !== 0,
      cameAt: this.came.get(place) ?? null,
    };
  }

  private inOrder(per: number): Uint32Array {
    const order = new Uint32Array(this.length);
    let rising = true;
    for (let at = 0; at < this.length; at += 1) {
      order[at] = at;
      rising &&= at === 0 || this.keys[at - 1]! <= this.keys[at]!;
    }
    const group = (place: number): number => Math.floor(this.keys[place]! / per);
    return rising ? order : order.toSorted((a, b) => group(a) - group(b) || a - b);
  }

  private grow(): void {
    const room = this.keys.length * 2;
    [this.keys, this.values, this.hours] = [
      widened(this.keys, new Float64Array(room)),
      widened(this.values, new Float64Array(room)),
      widened(this.hours, new Uint32Array(room)),
    ];
  }
}

const same = (a: number, b: number, per: number): boolean => Math.floor(a / per) === Math.floor(b / per);

function widened<Numbers extends Float64Array | Uint32Array>(from: Numbers, into: Numbers): Numbers {
  into.set(from);
  return into;
}
