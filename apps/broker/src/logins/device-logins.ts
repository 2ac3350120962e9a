import type { X509Certificate } from 'node:crypto';
import type { Credentials, DeviceIdentity } from '@canh/core/stations/credentials';
import { networkOf } from '@canh/runtime/network-of';
import type { ClientCertificate, DeviceCertificates } from './device-certificates.js';
import { FailedLogins } from './failed-logins.js';
import { SlowLine } from './slow-line.js';

/** What somebody shows who says that they are a device. */
export interface Shown {
  readonly username?: string | undefined;
  readonly password?: Buffer | undefined;
  readonly certificate: ClientCertificate | null;
  readonly address: string;
  /** Whether they have hung up meanwhile. */
  readonly gone: () => boolean;
}

export interface LoggedIn {
  readonly ok: true;
  readonly identity: DeviceIdentity;
  /** Where it was let in by one. */
  readonly certificate: X509Certificate | null;
}

export type Login = LoggedIn | { readonly ok: false; readonly detail: string; readonly comeAgain: boolean };

const utf8 = new TextDecoder('utf-8', { fatal: true });

const refused = (detail: string, comeAgain = false): Login => ({ ok: false, detail, comeAgain });

/** Finds out who is at the door: by client certificate, by token, or by user name and password. */
export class DeviceLogins {
  private readonly failed = new FailedLogins(() => performance.now());
  private readonly line = new SlowLine(() => performance.now());

  constructor(
    private readonly credentials: Credentials,
    private readonly certificates: DeviceCertificates | null,
  ) {}

  /** A promise only where a slow hash has to be made first. */
  login(shown: Shown): Login | Promise<Login> {
    const { username, password, certificate } = shown;
    let why = 'the user name is no token of a device';
    if (certificate !== null && this.certificates !== null) {
      const identity = this.certificates.identify(certificate);
      if (!('detail' in identity)) return { ok: true, identity, certificate: certificate.certificate };
      why = identity.detail;
    }
    if (username === undefined) return refused(why);
    const byToken = this.credentials.identify(username);
    if (byToken !== null) return { ok: true, identity: byToken, certificate: null };
    return password === undefined || password.length === 0 ? refused(why) : this.byPassword(username, password, shown);
  }

  /** Who was let in then, as it is now; null where they may not stay. */
  standing(login: LoggedIn): LoggedIn | null {
    const { certificate } = login;
    if (certificate !== null && this.certificates?.stands(certificate) !== true) return null;
    const identity = this.credentials.standing(login.identity);
    return identity === null ? null : { ...login, identity };
  }

  private byPassword(username: string, bytes: Buffer, { address, gone }: Shown): Login | Promise<Login> {
    let password: string;
    try {
      password = utf8.decode(bytes);
    } catch {
      return refused('the password is not UTF-8');
    }
    const known = this.credentials.recognise(username, password);
    if (known !== null) return { ok: true, identity: known, certificate: null };
    const network = networkOf(address);
    return this.line
      .run(async (): Promise<Login> => {
        // Asked when its turn has come, so that what fails before it counts.
        if (gone()) return refused('hung up before its password was looked at');
        // Another connection may have proven it while this one waited.
        const identity = this.credentials.recognise(username, password);
        if (identity !== null) return { ok: true, identity, certificate: null };
        if (this.failed.areTooMany(username, network))
          return refused('too many wrong passwords for that user name or from that address', true);
        const proven = await this.credentials.verify(username, password);
        if (proven !== null) return { ok: true, identity: proven, certificate: null };
        this.failed.add(username, network);
        return refused('user name and password belong to no device');
      })
      .then((login) => login ?? refused('too many passwords wait to be looked at', true));
  }
}
