import { pick } from './columns.ts';
import type { Columns, SeriesRow } from './duckdb-questions.js';

/** The newest reading of each series and channel: tells a new reading from one that may be stored already, and answers `latest`. */
export class Newest {
  #rooms = 0;
  channelOf = new Int32Array(0);
  /** By series, as the rest. */
  measuredUs = new Float64Array(0);
  receivedAt = new Float64Array(0);
  value = new Float64Array(0);
  flag = new Uint8Array(0);
  /** By channel: nothing is stored after it. A channel's id is the id of its first series. */
  #ofChannelUs = new Float64Array(0);
  /** By channel: as `#ofChannelUs`, with what was sifted and is not stored. What stands there counts only in the pass that wrote it. */
  #siftedUs = new Float64Array(0);
  #siftedIn = new Int32Array(0);
  #pass = 0;

  know({ seriesId, channelId }: SeriesRow): void {
    if (seriesId >= this.#rooms) this.#grow(Math.max(1_024, seriesId + 1, this.#rooms * 2));
    this.channelOf[seriesId] = channelId;
  }

  /** Rows that may be stored already: all that are not newer than everything of their channel, these columns included. Mostly none. */
  notNewer({ seriesId, measuredUs }: Columns): number[] {
    const late: number[] = [];
    const [channelOf, ofChannelUs] = [this.channelOf, this.#ofChannelUs];
    const [siftedUs, siftedIn, pass] = [this.#siftedUs, this.#siftedIn, (this.#pass += 1)];
    for (let row = 0; row < seriesId.length; row++) {
      const channel = channelOf[seriesId[row]!]!;
      const us = measuredUs[row]!;
      const newest = siftedIn[channel] === pass ? siftedUs[channel]! : ofChannelUs[channel]!;
      if (us > newest) {
        siftedUs[channel] = us;
        siftedIn[channel] = pass;
      } else late.push(row);
    }
    return late;
  }

  /** These are stored. */
  take(columns: Columns): void {
    for (let row = 0; row < columns.seriesId.length; row++) {
      const series = columns.seriesId[row]!;
      if (columns.measuredUs[row]! < this.measuredUs[series]!) continue;
      this.measuredUs[series] = columns.measuredUs[row]!;
      this.receivedAt[series] = columns.receivedAt[row]!;
      this.value[series] = columns.value[row]!;
      this.flag[series] = columns.flag[row]!;
      const channel = this.channelOf[series]!;
      if (columns.measuredUs[row]! > this.#ofChannelUs[channel]!) this.#ofChannelUs[channel] = columns.measuredUs[row]!;
    }
  }

  all(): Columns {
    const { measuredUs, receivedAt, value, flag } = this;
    const seriesId = Int32Array.from({ length: this.#rooms }, (_, series) => series);
    const known = [...seriesId].filter((series) => measuredUs[series] !== -Infinity);
    return pick({ seriesId, measuredUs, receivedAt, value, flag }, known);
  }

  #grow(rooms: number): void {
    const wider = <Held extends Float64Array | Int32Array | Uint8Array>(from: Held, to: Held): Held => (
      to.set(from),
      to
    );
    this.channelOf = wider(this.channelOf, new Int32Array(rooms).fill(-1));
    this.measuredUs = wider(this.measuredUs, new Float64Array(rooms).fill(-Infinity));
    this.receivedAt = wider(this.receivedAt, new Float64Array(rooms));
    this.value = wider(this.value, new Float64Array(rooms));
    this.flag = wider(this.flag, new Uint8Array(rooms));
    this.#ofChannelUs = wider(this.#ofChannelUs, new Float64Array(rooms).fill(-Infinity));
    this.#siftedUs = wider(this.#siftedUs, new Float64Array(rooms));
    this.#siftedIn = wider(this.#siftedIn, new Int32Array(rooms));
    this.#rooms = rooms;
  }
}
