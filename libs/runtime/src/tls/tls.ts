import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions, type Server, type TlsOptions } from 'node:tls';
import { CanhError } from '@canh/core/canh-error';
import { DAY_MS, SECOND_MS, type Clock } from '@canh/core/time/instant';
import type { PartHealth } from '../health.js';
import type { Log } from '../log.js';
import { ClientAuthorities, isWithin, nameIn } from './client-authorities.js';
import { boundHandshakes } from './handshakes.js';
import type { TlsSettings } from './tls.settings.js';

const LOOK_EVERY_MS = 2 * SECOND_MS;
const HANDSHAKE_WITHIN_MS = 10 * SECOND_MS;
const WARN_BEFORE_MS = 14 * DAY_MS;

/** With forward secrecy and authenticated encryption only; Mozilla's "intermediate" without the suites that need a group from us. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** What stands in the files, read and found to fit together. */
interface Material {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly certificate: X509Certificate;
  readonly clients: ClientAuthorities | null;
}

type TlsFiles = Pick<TlsSettings, 'tlsCertFile' | 'tlsKeyFile' | 'tlsClientCaFile' | 'tlsCrlFile' | 'tlsClientCaUnits'>;

/**
 * The server certificate and the authorities of client certificates, as they stand in their files. When the files change, new
 * connections get what is new and those there are go on; where what is new does not fit together, what was there stays, and `warnings`
 * says why.
 */
export class Tls {
  private readonly servers = new Map<Server, { readonly asksClients: boolean }>();
  private readonly listeners: (() => void)[] = [];
  private problem: string | null = null;
  private looks: NodeJS.Timeout | undefined;
  private looking = false;

  private constructor(
    private readonly files: TlsFiles,
    private readonly clock: Clock,
    private readonly log: Log,
    private material: Material,
    /** How the files looked when they were last read. */
    private seen: string,
  ) {}

  /**
   * Null where no certificate is set. Rejects with CanhError `BAD_SETTING` where settings are missing or too many, `BAD_TLS_FILE` where a
   * file cannot be used.
   */
  static async open(files: TlsFiles, clock: Clock, log: Log, everyMs = LOOK_EVERY_MS): Promise<Tls | null> {
    if (!isAsked(files)) return null;
    const seen = await looksOf(files);
    const tls = new Tls(files, clock, log, await read(files), seen);
    tls.looks = setInterval(() => void tls.look(), everyMs);
    tls.looks.unref();
    return tls;
  }

  /** The authorities of client certificates; null where none are asked for. */
  get clients(): ClientAuthorities | null {
    return this.material.clients;
  }

  /** For a server that `serve` is called with; one that asks clients for certificates looks itself at what came. */
  options(asksClients: boolean): TlsOptions {
    return {
      ...contextOf(this.material, asksClients),
      handshakeTimeout: HANDSHAKE_WITHIN_MS,
      requestCert: asksClients && this.material.clients !== null,
      // Who shows none, or one that is worth nothing, may have a token.
      rejectUnauthorized: false,
    };
  }

  /** Keeps the server's certificate up to date until it closes, and bounds its handshakes. */
  serve(server: Server, asksClients: boolean): void {
    this.servers.set(server, { asksClients });
    server.once('close', () => this.servers.delete(server));
    boundHandshakes(server);
  }

  /** Calls `listener` whenever something else counts than before. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  warnings(): string[] {
    const now = this.clock.now();
    const { certificate, clients } = this.material;
    const left = certificate.validToDate.getTime() - now;
    const day = certificate.validToDate.toISOString().slice(0, 10);
    const ends =
      left < 0
        ? [`The server certificate ${nameIn(certificate)} ran out on ${day}: devices and browsers refuse it.`]
        : left < WARN_BEFORE_MS
          ? [`The server certificate ${nameIn(certificate)} runs out on ${day}. Put a new one into its file.`]
          : [];
    const early = certificate.validFromDate.getTime() > now ? ['The server certificate is not valid yet.'] : [];
    return [...(this.problem === null ? [] : [this.problem]), ...ends, ...early, ...(clients?.warnings(now) ?? [])];
  }

  async health(): Promise<PartHealth> {
    return { problems: [], warnings: this.warnings() };
  }

  close(): void {
    clearInterval(this.looks);
  }

  /** Reads the files again where they look different than before. */
  private async look(): Promise<void> {
    // A disk that hangs is not asked twice at once.
    if (this.looking) return;
    this.looking = true;
    try {
      // Before they are read: what changes meanwhile is seen the next time.
      const seen = await looksOf(this.files);
      if (seen === this.seen) return;
      this.seen = seen;
      this.take(await read(this.files));
    } catch (error) {
      this.refuse((error as Error).message);
    } finally {
      this.looking = false;
    }
  }

  private take(material: Material): void {
    const now = this.clock.now();
    if (!isWithin(material.certificate, now) && isWithin(this.material.certificate, now)) {
      // It may come to be valid without any change of the file.
      this.seen = '';
      return this.refuse(`${this.files.tlsCertFile} has run out or is not valid yet.`);
    }
    for (const [server, { asksClients }] of this.servers) server.setSecureContext(contextOf(material, asksClients));
    this.material = material;
    this.problem = null;
    const { subject, validTo, fingerprint256 } = material.certificate;
    this.log.info({ event: 'tls.read', subject, validTo, fingerprint256 }, 'new TLS files are in use');
    for (const listener of this.listeners) listener();
  }

  private refuse(why: string): void {
    const problem = `${why} What was read before stays in use.`;
    if (problem === this.problem) return;
    this.problem = problem;
    this.log.error({ event: 'tls.refused', error: why }, why);
  }
}

function isAsked({ tlsCertFile, tlsKeyFile, tlsClientCaFile, tlsCrlFile, tlsClientCaUnits }: TlsFiles): boolean {
  const needs = (name: string, value: string | undefined, other: string, needed: string | undefined): void => {
    if (value !== undefined && needed === undefined)
      throw new CanhError('BAD_SETTING', `${name} is set and ${other} is not. Set both of them or neither.`);
  };
  needs('CANH_TLS_CERT_FILE', tlsCertFile, 'CANH_TLS_KEY_FILE', tlsKeyFile);
  needs('CANH_TLS_KEY_FILE', tlsKeyFile, 'CANH_TLS_CERT_FILE', tlsCertFile);
  needs('CANH_TLS_CLIENT_CA_FILE', tlsClientCaFile, 'CANH_TLS_CERT_FILE', tlsCertFile);
  needs('CANH_TLS_CRL_FILE', tlsCrlFile, 'CANH_TLS_CLIENT_CA_FILE', tlsClientCaFile);
  needs('CANH_TLS_CLIENT_CA_UNITS', tlsClientCaUnits, 'CANH_TLS_CLIENT_CA_FILE', tlsClientCaFile);
  return tlsCertFile !== undefined;
}

async function looksOf({ tlsCertFile, tlsKeyFile, tlsClientCaFile, tlsCrlFile }: TlsFiles): Promise<string> {
  const files = [tlsCertFile, tlsKeyFile, tlsClientCaFile, tlsCrlFile].filter((file) => file !== undefined);
  const looks = await Promise.all(
    files.map(async (file) => {
      const found = await stat(file, { bigint: true }).catch(() => null);
      return found === null ? 'gone' : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
    }),
  );
  return looks.join(' / ');
}

async function read({ tlsCertFile, tlsKeyFile, tlsClientCaFile, tlsCrlFile, tlsClientCaUnits }: TlsFiles) {
  const cert = await contents('CANH_TLS_CERT_FILE', tlsCertFile ?? '');
  const key = await contents('CANH_TLS_KEY_FILE', tlsKeyFile ?? '');
  const certificate = use('CANH_TLS_CERT_FILE', tlsCertFile, () => new X509Certificate(cert));
  use('CANH_TLS_KEY_FILE', tlsKeyFile, () => {
    if (!certificate.checkPrivateKey(createPrivateKey(key)))
      throw new RangeError(`it is not the key of the certificate in ${tlsCertFile}`);
  });
  const ca = tlsClientCaFile === undefined ? null : await contents('CANH_TLS_CLIENT_CA_FILE', tlsClientCaFile);
  const lists = tlsCrlFile === undefined ? null : await contents('CANH_TLS_CRL_FILE', tlsCrlFile);
  const clients =
    ca === null
      ? null
      : use('CANH_TLS_CLIENT_CA_FILE', tlsClientCaFile, () =>
          ClientAuthorities.of(ca.toString(), unitsOf(tlsClientCaUnits)),
        );
  if (clients !== null && lists !== null) use('CANH_TLS_CRL_FILE', tlsCrlFile, () => clients.revoke(lists));
  const material: Material = { cert, key, certificate, clients };
  // What only OpenSSL itself knows, such as a key that is too short.
  use('CANH_TLS_CERT_FILE', tlsCertFile, () => createSecureContext(contextOf(material, true)));
  return material;
}

async function contents(name: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new CanhError('BAD_TLS_FILE', `${name} names ${file}, which cannot be read (${(cause as Error).message}).`, {
      cause,
    });
  }
}

function use<T>(name: string, file: string | undefined, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ERR_MISSING_PASSPHRASE' ? 'it is encrypted, and nobody is there to be asked' : message;
    throw new CanhError('BAD_TLS_FILE', `${name} names ${file}, which cannot be used: ${why}.`, { cause });
  }
}

const unitsOf = (text: string | undefined): Map<string, string> =>
  new Map(
    (text ?? '')
      .split(';')
      .map((pair) => pair.split('=').map((part) => part.trim()))
      .flatMap(([name = '', unit = '']) => (name === '' ? [] : [[name, unit] as const])),
  );

const contextOf = ({ cert, key, clients }: Material, asksClients: boolean): SecureContextOptions => ({
  cert,
  key,
  ...(asksClients && clients !== null ? { ca: clients.pem, allowPartialTrustChain: true } : {}),
  minVersion: 'TLSv1.2',
  ciphers: CIPHERS,
  honorCipherOrder: true,
  // Whoever may negotiate anew as often as they like makes us sign as often as they like.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
});
