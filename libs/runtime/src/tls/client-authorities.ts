import { X509Certificate } from 'node:crypto';
import type { Instant } from '@canh/core/time/instant';
import { nameOfIssuer, nameOfSubject, revocationLists, serialOf, type RevocationList } from './revocation-list.js';

const PEM = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

export type Trust =
  /** `unit`: the only one whose devices the authority may speak for; null where it may speak for all. */
  { readonly trusted: true; readonly unit: string | null } | { readonly trusted: false; readonly why: string };

interface Signed {
  readonly authority: X509Certificate | null;
  readonly serial: string;
}

/** The authorities whose word on a client counts, and what they took back. */
export class ClientAuthorities {
  private readonly lists = new Map<X509Certificate, RevocationList[]>();
  private readonly units = new Map<X509Certificate, string>();
  private listsOfNobody = 0;
  /** Checking a signature is slow, and of a connection that stays it is asked again and again. */
  private readonly signed = new WeakMap<X509Certificate, Signed>();

  private constructor(
    readonly pem: string,
    private readonly authorities: readonly X509Certificate[],
  ) {}

  /**
   * `units` maps common names of authorities to the unit that each speaks for. Throws RangeError that says what is wrong with which of
   * them.
   */
  static of(pem: string, units: ReadonlyMap<string, string>): ClientAuthorities {
    const authorities = (pem.match(PEM) ?? []).map((one) => new X509Certificate(one));
    if (authorities.length === 0) throw new RangeError('no certificate in it');
    for (const authority of authorities)
      if (!authority.ca) throw new RangeError(`the certificate of ${nameIn(authority)} in it is no authority's`);
    const all = new ClientAuthorities(pem, authorities);
    for (const [name, unit] of units) {
      const named = authorities.filter((one) => nameIn(one) === name);
      if (named.length === 0) throw new RangeError(`no authority in it is called ${name}`);
      for (const authority of named) all.units.set(authority, unit);
    }
    return all;
  }

  /** Takes the revocation lists of a file. Throws RangeError that says what is wrong with them. */
  revoke(bytes: Buffer): void {
    const lists = revocationLists(bytes);
    for (const authority of this.authorities) {
      const own = lists.filter(({ issuer }) => issuer === nameOfSubject(authority));
      // An authority that was renewed has the same name and another key.
      const signed = own.filter((list) => list.isSignedBy(authority.publicKey));
      if (signed.length === 0 && own.length > 0 && this.namesakes(authority) === 1)
        throw new RangeError(`the revocation list of ${nameIn(authority)} was not signed by it`);
      this.lists.set(authority, signed);
    }
    this.listsOfNobody = lists.length - [...this.lists.values()].reduce((count, own) => count + own.length, 0);
  }

  /** Whether the certificate may be used at `now`. What else TLS asks of it was asked in the handshake. */
  trust(certificate: X509Certificate, now: Instant): Trust {
    const { authority, serial } = this.signedBy(certificate);
    if (authority === null) return { trusted: false, why: 'was signed by no authority that counts here' };
    if (!isWithin(authority, now)) return { trusted: false, why: 'was signed by an authority that has run out' };
    if (!isWithin(certificate, now)) return { trusted: false, why: 'has run out or is not valid yet' };
    const lists = this.lists.get(authority) ?? [];
    if (lists.some(({ revoked }) => revoked.has(serial))) return { trusted: false, why: 'was revoked' };
    return { trusted: true, unit: this.units.get(authority) ?? null };
  }

  warnings(now: Instant): string[] {
    const late = [...this.lists].flatMap(([authority, lists]) =>
      lists.some(({ nextUpdate }) => nextUpdate !== null && nextUpdate < now)
        ? [`The revocation list of ${nameIn(authority)} should have been renewed. It still counts; get the newer one.`]
        : [],
    );
    const over = this.authorities.flatMap((authority) =>
      isWithin(authority, now) ? [] : [`The authority ${nameIn(authority)} for client certificates has run out.`],
    );
    const strange =
      this.listsOfNobody <= 0
        ? []
        : [`${this.listsOfNobody} of the lists in CANH_TLS_CRL_FILE are of no authority in CANH_TLS_CLIENT_CA_FILE.`];
    return [...strange, ...late, ...over];
  }

  private namesakes(authority: X509Certificate): number {
    const name = nameOfSubject(authority);
    return this.authorities.filter((one) => nameOfSubject(one) === name).length;
  }

  private signedBy(certificate: X509Certificate): Signed {
    const known = this.signed.get(certificate);
    if (known !== undefined) return known;
    const issuer = nameOfIssuer(certificate);
    const authority =
      this.authorities.find((one) => nameOfSubject(one) === issuer && certificate.verify(one.publicKey)) ?? null;
    const signed = { authority, serial: serialOf(certificate) };
    this.signed.set(certificate, signed);
    return signed;
  }
}

export const isWithin = ({ validFromDate, validToDate }: X509Certificate, now: Instant): boolean =>
  validFromDate.getTime() <= now && now <= validToDate.getTime();

/** The common name in the subject, where there is exactly one; otherwise the subject on one line. */
export function nameIn({ subject }: X509Certificate): string {
  const names = subject.split('\n').flatMap((line) => (line.startsWith('CN=') ? [line.slice(3)] : []));
  return names.length === 1 ? names[0]! : subject.replaceAll('\n', ', ');
}
