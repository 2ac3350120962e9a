import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import { standAt, type Channel } from './line-protocol.js';

/** More than value, flag and both times of a line ever take. */
const FIELDS_BYTES = 128;
const FIRST_BYTES = 2 ** 20;

/** Digits of values are written here as long as they are so many thousandths: what stations report. The others are JavaScript's to write. */
const THOUSAND = 1_000;
const MOST_THOUSANDTHS = 2 ** 31;

/** Writes lines as bytes, which costs a fraction of putting strings together: half a million of them a second stand in the way of the judge. */
export class LineWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #end = 0;
  /** What stands behind the value of the line before: the readings of one message have it in common. */
  #tail = { from: 0, to: 0, flag: 0, receivedAt: Number.NaN, measuredAt: 0, sequence: 0 };

  /** The lines of the readings at these places, with their time in microseconds, whose last three digits are the sequence. */
  lines(readings: readonly FlaggedReading[], channels: readonly Channel[], places: readonly number[]): string {
    this.#end = 0;
    this.#tail.receivedAt = Number.NaN;
    for (const at of places) {
      standAt(channels[at]!, readings[at]!);
      this.#line(channels[at]!.head, readings[at]!);
    }
    return this.#bytes.toString('utf8', 0, Math.max(0, this.#end - 1));
  }

  #line(head: Uint8Array, { value, flag, receivedAt, measuredAt, sequence }: FlaggedReading): void {
    this.#makeRoom(head.length + FIELDS_BYTES);
    this.#bytes.set(head, this.#end);
    this.#end += head.length;
    this.#number(value);
    const tail = this.#tail;
    const from = this.#end;
    if (
      tail.receivedAt === receivedAt &&
      tail.measuredAt === measuredAt &&
      tail.flag === flag &&
      tail.sequence === sequence
    ) {
      this.#bytes.copyWithin(from, tail.from, tail.to);
      this.#end += tail.to - tail.from;
    } else {
      this.#text(`,flag=${flag},received_at=${receivedAt} ${measuredAt * 1_000 + sequence}\n`);
      this.#tail = { from, to: this.#end, flag, receivedAt, measuredAt, sequence };
    }
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
