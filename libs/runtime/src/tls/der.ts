/** One value of ASN.1 in its distinguished encoding (X.690). */
export interface DerValue {
  readonly tag: number;
  readonly body: Buffer;
  /** With tag and length, as it is signed and compared. */
  readonly whole: Buffer;
}

export const DER = { integer: 0x02, bitString: 0x03, sequence: 0x30, utcTime: 0x17, generalizedTime: 0x18 } as const;

/** The values that stand one after the other in `bytes`. Throws RangeError where they do not end with it. */
export function derValues(bytes: Buffer): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes.readUInt8(at);
    const first = bytes.readUInt8(at + 1);
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    if (first === 0x80 || lengthBytes > 4) throw new RangeError('a length that is none');
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
    const from = at + 2 + lengthBytes;
    if (from + length > bytes.length) throw new RangeError('a value longer than what holds it');
    values.push({ tag, body: bytes.subarray(from, from + length), whole: bytes.subarray(at, from + length) });
    at = from + length;
  }
  return values;
}

/** The values in a sequence. Throws RangeError where it is none. */
export function derSequence(value: DerValue | undefined): DerValue[] {
  if (value?.tag !== DER.sequence) throw new RangeError('no sequence where one must be');
  return derValues(value.body);
}

/** UTCTime `260102030405Z` or GeneralizedTime `20260102030405Z` (RFC 5280, 4.1.2.5) as milliseconds since 1970. */
export function derTime({ tag, body }: DerValue): number {
  const text = body.toString('latin1');
  const digits = tag === DER.utcTime ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits) ?? [];
  if (second === undefined) throw new RangeError(`'${text}' is no time`);
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
}
