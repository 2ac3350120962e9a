import { MAX_VALUES } from '../readings/decode-telemetry.js';
import type { Metric } from '../stations/profile.js';
import type { Instant } from '../time/instant.js';

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const NO_BYTES = new Uint8Array();
const [TS, VALUES, SEQ] = ['ts', 'values', 'seq'].map(bytesOf) as [Uint8Array, Uint8Array, Uint8Array];

/** A whole number of so many digits, and a power of ten up to the same, is exact: one divided by the other is what JSON.parse makes of it. */
const MOST_DIGITS = 15;
const POWERS_OF_TEN = Float64Array.from({ length: MOST_DIGITS + 1 }, (_, power) => Number(`1e${power}`));

/**
 * A payload as nearly all are, read straight from its bytes, which takes a third of what making text, objects and names of it does:
 * `{"ts":…,"values":{"level_m":3.4},"seq":…}` or `{"level_m":3.4}`, with plain numbers of metrics that the profile has, each once. What is
 * any other is for `decodeTelemetry`, which tells what is wrong with it. One of these reads one payload after the other for a profile.
 */
export class PlainTelemetry<Declared extends Metric = Metric> {
  /** Of the payload that was read last: its `ts` and `seq`, null without one, and the metric and value of each of its `count` values. */
  ts: Instant | null = null;
  seq: number | null = null;
  count = 0;
  readonly values = new Float64Array(MAX_VALUES);
  private readonly metricAt = new Int32Array(MAX_VALUES);

  private readonly metrics: readonly Declared[];
  private readonly names: readonly Uint8Array[];
  /** Which payload a metric was last met in: a name that stands twice is not plain. */
  private readonly metIn: Int32Array;
  private payload = 0;
  private bytes: Uint8Array = NO_BYTES;
  private at = 0;
  /** Of one place, so that no number is made an object of on its way. */
  private readonly number = new Float64Array(1);

  constructor(metrics: Iterable<Declared>) {
    // What would need an escape, or has a meaning of its own, is not plain.
    this.metrics = [...metrics].filter(
      ({ name }) => /^[\w.-]{1,64}$/.test(name) && !['ts', 'values', 'seq'].includes(name),
    );
    this.names = this.metrics.map(({ name }) => bytesOf(name));
    this.metIn = new Int32Array(this.metrics.length);
  }

  /** The metric of the nth value. */
  metric(nth: number): Declared {
    return this.metrics[this.metricAt[nth]!]!;
  }

  /** False where the payload is not plain. */
  read(bytes: Uint8Array): boolean {
    this.bytes = bytes;
    const plain = this.isPlain();
    this.bytes = NO_BYTES;
    return plain;
  }

  private isPlain(): boolean {
    this.at = 0;
    this.ts = null;
    this.seq = null;
    this.count = 0;
    this.payload = (this.payload + 1) | 0;
    if (!this.takes(OPEN)) return false;
    const timed = this.startsWithName(VALUES) || this.startsWithName(TS) || this.startsWithName(SEQ);
    if (!(timed ? this.members() : this.metricsOf())) return false;
    this.blanks();
    return this.at === this.bytes.length && this.count > 0;
  }

  /** What is behind the bracket of `{"ts":…,"values":{…},"seq":…}`, in any order, each at most once. */
  private members(): boolean {
    do {
      if (this.takesName(VALUES)) {
        if (this.count > 0 || !this.takes(COLON) || !this.takes(OPEN) || !this.metricsOf()) return false;
      } else if (this.takesName(TS)) {
        if (this.ts !== null || !this.takes(COLON) || !this.takesNumber()) return false;
        this.ts = this.number[0]!;
        if (!(this.ts > 0 && Number.isInteger(this.ts))) return false;
      } else if (this.takesName(SEQ)) {
        if (this.seq !== null || !this.takes(COLON) || !this.takesNumber()) return false;
        this.seq = this.number[0]!;
        if (!(this.seq >= 0 && Number.isInteger(this.seq))) return false;
      } else return false;
    } while (this.takes(COMMA));
    return this.takes(CLOSE);
  }

  /** What is behind the bracket of `{"level_m":3.4,…}`. */
  private metricsOf(): boolean {
    const { bytes, metIn, payload } = this;
    do {
      if (this.count === MAX_VALUES) return false;
      this.blanks();
      if (bytes[this.at] !== QUOTE) return false;
      const metric = this.metricNamed();
      if (metric < 0 || metIn[metric] === payload || !this.takes(COLON) || !this.takesNumber()) return false;
      metIn[metric] = payload;
      this.metricAt[this.count] = metric;
      this.values[this.count] = this.number[0]!;
      this.count += 1;
    } while (this.takes(COMMA));
    return this.takes(CLOSE);
  }

  /** Which metric's name stands in quotes here, and passes over it; -1 for none. */
  private metricNamed(): number {
    const count = this.names.length;
    // A device sends the same names in the same order each time: mostly it is the one that stood here before.
    const before = this.metricAt[this.count]!;
    for (let tried = 0, metric = before; tried < count; tried += 1, metric = metric + 1 === count ? 0 : metric + 1)
      if (this.takesName(this.names[metric]!)) return metric;
    return -1;
  }

  /** Puts the number that stands here, which is finite, into `number`; false for one that is not plain. */
  private takesNumber(): boolean {
    this.blanks();
    const { bytes } = this;
    let at = this.at;
    const negative = bytes[at] === MINUS;
    if (negative) at += 1;
    const from = at;
    let whole = 0;
    let digit = bytes[at]! - ZERO;
    while (digit >= 0 && digit <= 9) {
      whole = whole * 10 + digit;
      digit = bytes[(at += 1)]! - ZERO;
    }
    let digits = at - from;
    if (digits === 0 || (digits > 1 && bytes[from] === ZERO)) return false;
    let decimals = 0;
    if (bytes[at] === DOT) {
      const point = at;
      digit = bytes[(at += 1)]! - ZERO;
      while (digit >= 0 && digit <= 9) {
        whole = whole * 10 + digit;
        digit = bytes[(at += 1)]! - ZERO;
      }
      decimals = at - point - 1;
      if (decimals === 0) return false;
      digits += decimals;
    }
    if (digits > MOST_DIGITS) return false;
    this.at = at;
    const size = decimals === 0 ? whole : whole / POWERS_OF_TEN[decimals]!;
    // Taken from zero: nothing is measured as -0.
    this.number[0] = negative ? 0 - size : size;
    return true;
  }

  private takes(byte: number): boolean {
    this.blanks();
    if (this.bytes[this.at] !== byte) return false;
    this.at += 1;
    return true;
  }

  private takesName(name: Uint8Array): boolean {
    if (!this.startsWithName(name)) return false;
    this.at += name.length + 2;
    return true;
  }

  private startsWithName(name: Uint8Array): boolean {
    this.blanks();
    const { bytes } = this;
    const from = this.at + 1;
    if (bytes[this.at] !== QUOTE || bytes[from + name.length] !== QUOTE) return false;
    for (let at = 0; at < name.length; at += 1) if (bytes[from + at] !== name[at]) return false;
    return true;
  }

  private blanks(): void {
    for (let byte = this.bytes[this.at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;)
      byte = this.bytes[(this.at += 1)];
  }
}

function bytesOf(name: string): Uint8Array {
  return Uint8Array.from(name, (letter) => letter.charCodeAt(0));
}
