import { Flag } from '@canh/core/quality/flag';
import type { ReadingColumns } from '@canh/core/quality/reading-columns';
import { FIELD_OF } from './fields.js';
import type { LineSeries } from './line-protocol.js';

/** More than a number, a field's name and a time ever take. */
const MORE_BYTES = 128;
const FIRST_BYTES = 2 ** 20;
const NO_BYTES: Uint8Array = new Uint8Array();

/** Digits of values are written here as long as they are so many thousandths: what stations report. The others are JavaScript's to write. */
const THOUSAND = 1_000;
const MOST_THOUSANDTHS = 2 ** 31;

/** Writes lines as bytes, which costs a fraction of putting strings together: half a million of them a second stand in the way of the judge. */
export class LineWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #end = 0;
  /** Readings of one device that were measured and received at once: mostly those of one message. */
  #moment = { received: NO_BYTES, receivedAt: 0, us: 0, timeFrom: 0, timeTo: 0 };
  /** Lines that were written last. */
  lineCount = 0;

  /**
   * The lines of the readings at these places, with their time in microseconds, whose last three digits are the sequence; before those of one
   * moment a line says when it was received.
   */
  lines(readings: ReadingColumns, series: readonly LineSeries[], places: readonly number[]): string {
    this.#end = 0;
    this.#moment.received = NO_BYTES;
    this.lineCount = 0;
    const { value, measuredAt, sequence, receivedAt, flag } = readings;
    for (const at of places) {
      const { good, head, received } = series[at]!;
      const us = measuredAt[at]! * 1_000 + sequence[at]!;
      const { received: before, receivedAt: beforeAt, us: beforeUs } = this.#moment;
      if (received !== before || us !== beforeUs || receivedAt[at]! !== beforeAt)
        this.#begin(received, receivedAt[at]!, us);
      this.#makeRoom(head.length + MORE_BYTES);
      if (flag[at] === Flag.good) this.#copy(good);
      else {
        this.#copy(head);
        this.#text(`${FIELD_OF[flag[at]! as Flag]}=`);
      }
      this.#number(value[at]!);
      const { timeFrom, timeTo } = this.#moment;
      this.#bytes.copyWithin(this.#end, timeFrom, timeTo);
      this.#end += timeTo - timeFrom;
      this.lineCount += 1;
    }
    return this.#bytes.toString('utf8', 0, Math.max(0, this.#end - 1));
  }

  #begin(received: Uint8Array, receivedAt: number, us: number): void {
    this.#makeRoom(received.length + MORE_BYTES);
    this.#copy(received);
    this.#text(`${receivedAt}`);
    const timeFrom = this.#end;
    this.#text(` ${us}\n`);
    this.#moment = { received, receivedAt, us, timeFrom, timeTo: this.#end };
    this.lineCount += 1;
  }

  /** In digits that are read back as this very number. */
  #number(value: number): void {
    const thousandths = Math.round(value * THOUSAND);
    // A quotient of whole numbers is the double nearest to it, and so is what its decimal digits are read as.
    if (Math.abs(thousandths) >= MOST_THOUSANDTHS || thousandths / THOUSAND !== value) return this.#text(String(value));
    let left = Math.abs(thousandths);
    if (thousandths < 0) this.#bytes[this.#end++] = MINUS;
    const whole = Math.trunc(left / THOUSAND);
    left -= whole * THOUSAND;
    this.#whole(whole);
    if (left === 0) return;
    this.#bytes[this.#end++] = POINT;
    for (let unit = THOUSAND / 10; left > 0; unit /= 10) {
      const digit = Math.trunc(left / unit);
      this.#bytes[this.#end++] = ZERO + digit;
      left -= digit * unit;
    }
  }

  #whole(number: number): void {
    let unit = 1;
    while (unit * 10 <= number) unit *= 10;
    for (let left = number; unit >= 1; unit /= 10) {
      const digit = Math.trunc(left / unit);
      this.#bytes[this.#end++] = ZERO + digit;
      left -= digit * unit;
    }
  }

  #text(ascii: string): void {
    this.#end += this.#bytes.write(ascii, this.#end, 'latin1');
  }

  #copy(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  #makeRoom(bytes: number): void {
    if (this.#end + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(this.#bytes.length * 2 + bytes);
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
  }
}

const ZERO = 48;
const MINUS = 45;
const POINT = 46;
