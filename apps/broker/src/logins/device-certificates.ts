import type { X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Credentials, DeviceIdentity } from '@canh/core/stations/credentials';
import type { Clock } from '@canh/core/time/instant';
import type { Tls } from '@canh/runtime/tls/tls';

/** A certificate that a client has shown, and proven in the handshake to hold the key of. */
export interface ClientCertificate {
  readonly certificate: X509Certificate;
  /** What OpenSSL has against it; null where nothing. */
  readonly fault: string | null;
}

/** Of a connection over TLS, what the other end showed; null where it showed none. */
export function clientCertificate(stream: Duplex | undefined): ClientCertificate | null {
  if (!(stream instanceof TLSSocket)) return null;
  const certificate = stream.getPeerX509Certificate();
  if (certificate === undefined) return null;
  // Not always an Error, as its types have it.
  const fault = stream.authorizationError as Error | string | null;
  return { certificate, fault: stream.authorized ? null : String(fault ?? 'not accepted') };
}

const OUR_URN = 'urn:canh:device:';
const MOST_NAMES = 20;

/** Whom client certificates speak for: the device whose id is the common name, or a DNS name or URI (`urn:canh:device:ID`) beside it. */
export class DeviceCertificates {
  constructor(
    private readonly tls: Tls,
    private readonly credentials: Credentials,
    private readonly clock: Clock,
  ) {}

  /** The device, or why it is none of ours. */
  identify({ certificate, fault }: ClientCertificate): DeviceIdentity | { readonly detail: string } {
    const about = `the client certificate '${certificate.subject.replaceAll('\n', ', ').slice(0, 200)}'`;
    if (fault !== null) return { detail: `${about} was not accepted: ${fault}` };
    const trust = this.tls.clients?.trust(certificate, this.clock.now());
    if (trust?.trusted !== true) return { detail: `${about} ${trust?.why ?? 'is not asked for any more'}` };
    const issuedAt = certificate.validFromDate.getTime();
    const found = namesIn(certificate).flatMap((name) => this.credentials.certified(name, issuedAt) ?? []);
    const [device] = found;
    if (device === undefined)
      return { detail: `${about} names no device that is here, or is from before the device was revoked` };
    if (found.length > 1)
      return { detail: `${about} names several devices: ${found.map((one) => one.deviceId).join(', ')}` };
    const { ownerUnit, ...identity } = device;
    if (trust.unit !== null && trust.unit !== ownerUnit)
      return { detail: `${about} is of an authority for ${trust.unit}, and the device belongs to ${ownerUnit}` };
    return { ...identity, until: certificate.validToDate.getTime() };
  }

  /** Whether it may still be used: not revoked, not run out, its authority still trusted. */
  stands(certificate: X509Certificate): boolean {
    return this.tls.clients?.trust(certificate, this.clock.now()).trusted === true;
  }
}

/** Each once. */
export function namesIn(certificate: X509Certificate): string[] {
  const names = new Set<string>();
  for (const line of certificate.subject?.split('\n') ?? []) if (line.startsWith('CN=')) names.add(line.slice(3));
  for (const name of alternatives(certificate.subjectAltName ?? '')) {
    if (name.startsWith('DNS:')) names.add(name.slice(4));
    else if (name.startsWith(`URI:${OUR_URN}`)) names.add(name.slice(4 + OUR_URN.length));
  }
  return [...names].slice(0, MOST_NAMES);
}

/** `DNS:a, URI:"b, c"`: what could be mistaken for the end of a name is put in quotes by Node, as in JSON; such a name is no device's. */
const alternatives = (text: string): string[] =>
  (text.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? []).map((name) => name.trim()).filter((name) => !name.includes('"'));
