import { verify, type KeyObject, type X509Certificate } from 'node:crypto';
import { DER, derSequence, derTime, derValues, type DerValue } from './der.js';

const PEM = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/g;

/** The digests of the signature algorithms that authorities use, by the bytes of their object identifiers; null where it is part of the key. */
const DIGESTS: Readonly<Record<string, string | null>> = {
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2b6570': null,
  '2b6571': null,
};

/** What an authority has revoked (RFC 5280, 5.1). */
export interface RevocationList {
  /** The authority's name, as `nameOfIssuer` gives it. */
  readonly issuer: string;
  /** Until when a newer list should be there; null where it does not say. */
  readonly nextUpdate: number | null;
  /** Serial numbers as `serialOf` gives them. */
  readonly revoked: ReadonlySet<string>;
  isSignedBy(key: KeyObject): boolean;
}

/** All lists of a file, PEM one after the other or one in DER. Throws RangeError that says what is wrong. */
export function revocationLists(bytes: Buffer): RevocationList[] {
  if (!bytes.includes('-----BEGIN')) return [revocationList(bytes)];
  const lists = [...bytes.toString('latin1').matchAll(PEM)].map(([, base64 = '']) =>
    revocationList(Buffer.from(base64, 'base64')),
  );
  if (lists.length === 0) throw new RangeError('no X509 CRL in it');
  return lists;
}

function revocationList(bytes: Buffer): RevocationList {
  const [signed, algorithm, signature] = derSequence(derValues(bytes)[0]);
  const fields = derSequence(signed);
  if (fields[0]?.tag === DER.integer) fields.shift();
  const [, issuer, , ...further] = fields;
  const oid = derSequence(algorithm)[0]?.body.toString('hex') ?? '';
  const digest = DIGESTS[oid];
  if (signed === undefined || issuer === undefined || signature?.tag !== DER.bitString)
    throw new RangeError('not the parts of a revocation list');
  if (digest === undefined) throw new RangeError(`signed in a way that is not known here (object identifier ${oid})`);
  const isTime = (value: DerValue | undefined): value is DerValue =>
    value?.tag === DER.utcTime || value?.tag === DER.generalizedTime;
  const [next] = further;
  const nextUpdate = isTime(next) ? derTime(next) : null;
  const entries = further.find(({ tag }) => tag === DER.sequence);
  const serials = entries === undefined ? [] : derSequence(entries).map((entry) => derSequence(entry)[0]);
  return {
    issuer: issuer.whole.toString('base64'),
    nextUpdate,
    revoked: new Set(serials.map((serial) => serial?.body.toString('hex') ?? '')),
    // The first byte says how many bits of the last one do not count: none.
    isSignedBy: (key) => verify(digest, signed.whole, key, signature.body.subarray(1)),
  };
}

function fieldsOf(certificate: X509Certificate): DerValue[] {
  const fields = derSequence(derSequence(derValues(certificate.raw)[0])[0]);
  // The version, which the first one leaves out.
  return fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
}

export const serialOf = (certificate: X509Certificate): string => fieldsOf(certificate)[0]?.body.toString('hex') ?? '';

/** Who signed it, to be compared and not to be read. */
export const nameOfIssuer = (certificate: X509Certificate): string =>
  fieldsOf(certificate)[2]?.whole.toString('base64') ?? '';

/** The same of an authority itself. */
export const nameOfSubject = (certificate: X509Certificate): string =>
  fieldsOf(certificate)[4]?.whole.toString('base64') ?? '';
