import type { Series } from '../stations/series.js';
import type { Instant } from '../time/instant.js';
import type { FlaggedReading } from './flagged-reading.js';
import type { Flag } from './flag.js';

const FEWEST = 64;

/**
 * Readings between the journal and the store, a column for each of their numbers: at a million of them a second an object for each would cost more
 * than everything that is done with it. Readings are added at the end and never changed. A column is longer than `length`, and is another
 * one after a reading was added.
 */
export class ReadingColumns implements Iterable<FlaggedReading> {
  length = 0;
  readonly series: Series[] = [];
  value: Float64Array;
  measuredAt: Float64Array;
  receivedAt: Float64Array;
  sequence: Uint16Array;
  flag: Uint8Array;

  constructor(capacity = FEWEST) {
    this.value = new Float64Array(capacity);
    this.measuredAt = new Float64Array(capacity);
    this.receivedAt = new Float64Array(capacity);
    this.sequence = new Uint16Array(capacity);
    this.flag = new Uint8Array(capacity);
  }

  static of(readings: Iterable<FlaggedReading>): ReadingColumns {
    const columns = new ReadingColumns();
    for (const { deviceId, stationId, metric, value, measuredAt, sequence, receivedAt, flag } of readings)
      columns.add({ deviceId, stationId, metric }, value, measuredAt, sequence, receivedAt, flag);
    return columns;
  }

  /** All of them, one behind the other. */
  static joined(parts: readonly ReadingColumns[]): ReadingColumns {
    if (parts.length === 1) return parts[0]!;
    const whole = new ReadingColumns(parts.reduce((sum, { length }) => sum + length, 0));
    for (const part of parts) {
      const { length: at } = whole;
      for (const column of ['value', 'measuredAt', 'receivedAt', 'sequence', 'flag'] as const)
        whole[column].set(part[column].subarray(0, part.length), at);
      for (const series of part.series) whole.series.push(series);
      whole.length += part.length;
    }
    return whole;
  }

  add(series: Series, value: number, measuredAt: Instant, sequence: number, receivedAt: Instant, flag: Flag): void {
    const at = this.length;
    if (at === this.value.length) this.grow();
    this.series.push(series);
    this.value[at] = value;
    this.measuredAt[at] = measuredAt;
    this.sequence[at] = sequence;
    this.receivedAt[at] = receivedAt;
    this.flag[at] = flag;
    this.length = at + 1;
  }

  /** The reading at this place, which must be there. */
  at(place: number): FlaggedReading {
    const { deviceId, stationId, metric } = this.series[place]!;
    return {
      deviceId,
      stationId,
      metric,
      value: this.value[place]!,
      measuredAt: this.measuredAt[place]!,
      sequence: this.sequence[place]!,
      receivedAt: this.receivedAt[place]!,
      flag: this.flag[place]! as Flag,
    };
  }

  *[Symbol.iterator](): Iterator<FlaggedReading> {
    for (let place = 0; place < this.length; place += 1) yield this.at(place);
  }

  private grow(): void {
    const capacity = Math.max(FEWEST, 2 * this.value.length);
    this.value = grown(this.value, new Float64Array(capacity));
    this.measuredAt = grown(this.measuredAt, new Float64Array(capacity));
    this.receivedAt = grown(this.receivedAt, new Float64Array(capacity));
    this.sequence = grown(this.sequence, new Uint16Array(capacity));
    this.flag = grown(this.flag, new Uint8Array(capacity));
  }
}

function grown<Column extends Float64Array | Uint16Array | Uint8Array>(from: Column, into: Column): Column {
  into.set(from);
  return into;
}
