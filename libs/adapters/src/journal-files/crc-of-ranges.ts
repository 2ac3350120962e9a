import { crc32c } from '@node-rs/crc32';

/** The polynomial of CRC32C, and x^0, in the CRC's own order of bits: the highest power is the lowest bit. */
const POLYNOMIAL = 0x82f63b78;
const ONE = 0x80000000;
/** The state after a byte, from the state 0. The library takes and gives states inverted. */
const AFTER_BYTE = Uint32Array.from({ length: 256 }, (_, byte) => ~crc32c(Uint8Array.of(byte), 0xffffffff));
const STEP = 1_024;

/** What a state is multiplied by for 0, 1, 2 … zero bytes, and for as many steps of them. */
const OVER_ZEROS = powersOf(ONE >>> 8, STEP);
const OVER_STEPS = powersOf(multiplied(OVER_ZEROS[STEP - 1]!, OVER_ZEROS[1]!), 2 * STEP);

/**
 * The CRC32C of any range of the same bytes, in the same short time whatever its length, after one pass over all of them. A device
 * chooses its bytes, and may choose them so that a great many long ranges have to be looked at.
 */
export class CrcOfRanges {
  /** The state before each byte, from the state 0. */
  private readonly states: Uint32Array;

  constructor(bytes: Uint8Array) {
    this.states = new Uint32Array(bytes.length + 1);
    let state = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      state = AFTER_BYTE[(state ^ bytes[at]!) & 0xff]! ^ (state >>> 8);
      this.states[at + 1] = state;
    }
  }

  /** As `crc32c(bytes.subarray(from, to), salt)`, for up to 2 MiB. */
  of(from: number, to: number, salt: number): number {
    // A CRC is linear: what another start makes of the range is what it makes of so many zeros, added.
    const length = to - from;
    const start = ~salt ^ this.states[from]!;
    const carried = multiplied(multiplied(start, OVER_ZEROS[length % STEP]!), OVER_STEPS[Math.floor(length / STEP)]!);
    return ~(carried ^ this.states[to]!) >>> 0;
  }
}

function powersOf(factor: number, count: number): Uint32Array {
  const powers = new Uint32Array(count);
  powers[0] = ONE;
  for (let n = 1; n < count; n += 1) powers[n] = multiplied(powers[n - 1]!, factor);
  return powers;
}

/** Modulo the polynomial. */
function multiplied(one: number, other: number): number {
  let product = 0;
  let shifted = one;
  for (let bit = other | 0; bit !== 0; bit <<= 1) {
    if (bit < 0) product ^= shifted;
    shifted = (shifted >>> 1) ^ (-(shifted & 1) & POLYNOMIAL);
  }
  return product;
}
