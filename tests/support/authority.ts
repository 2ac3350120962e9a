import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Issued {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

export interface Wish {
  readonly days?: number;
  /** `20250101000000Z`; what is left out is now, or in `days`. */
  readonly from?: string;
  readonly until?: string;
  readonly alternatives?: string;
  readonly use?: 'serverAuth' | 'clientAuth';
}

/** A certificate authority of tests, by OpenSSL itself: it signs, revokes and writes lists as a province's does. */
export class Authority {
  private issuedCount = 0;

  readonly folder: string;
  readonly name: string;

  private constructor(folder: string, name: string) {
    this.folder = folder;
    this.name = name;
  }

  static async make(name: string): Promise<Authority> {
    const folder = await mkdtemp(join(tmpdir(), 'canh-authority-'));
    const authority = new Authority(folder, name);
    await mkdir(join(folder, 'issued'));
    await writeFile(join(folder, 'index.txt'), '');
    await writeFile(join(folder, 'index.txt.attr'), 'unique_subject = no\n');
    await writeFile(join(folder, 'serial'), '00F1\n');
    await writeFile(join(folder, 'crlnumber'), '01\n');
    await writeFile(
      join(folder, 'ca.cnf'),
      `[ca]\ndefault_ca=d\n[d]\ndir=${folder}\nnew_certs_dir=${folder}/issued\ndatabase=${folder}/index.txt\nserial=${folder}/serial\n` +
        `crlnumber=${folder}/crlnumber\ncertificate=${folder}/ca.pem\nprivate_key=${folder}/ca.key\ndefault_md=sha256\npolicy=p\n` +
        `default_days=30\ndefault_crl_days=30\n[p]\ncommonName=supplied\norganizationName=optional\n`,
    );
    await run('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
      ...['-subj', `/CN=${name}`, '-keyout', join(folder, 'ca.key'), '-out', join(folder, 'ca.pem'), '-utf8'],
      ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    ]);
    return authority;
  }

  get certFile(): string {
    return join(this.folder, 'ca.pem');
  }

  cert(): Promise<string> {
    return readFile(this.certFile, 'utf8');
  }

  async issue(commonName: string, wish: Wish = {}): Promise<Issued> {
    this.issuedCount += 1;
    const at = (end: string): string => join(this.folder, `${this.issuedCount}.${end}`);
    await run('openssl', [
      ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-utf8'],
      ...['-subj', `/CN=${commonName}`, '-keyout', at('key'), '-out', at('csr')],
    ]);
    const extensions = [
      'basicConstraints=CA:FALSE',
      `extendedKeyUsage=${wish.use ?? 'serverAuth'}`,
      ...(wish.alternatives === undefined ? [] : [`subjectAltName=${wish.alternatives}`]),
    ];
    await writeFile(at('ext'), extensions.join('\n'));
    await run('openssl', [
      ...['ca', '-batch', '-notext', '-utf8', '-config', join(this.folder, 'ca.cnf'), '-extfile', at('ext')],
      ...['-in', at('csr'), '-out', at('pem'), '-days', String(wish.days ?? 30)],
      ...(wish.from === undefined ? [] : ['-startdate', wish.from]),
      ...(wish.until === undefined ? [] : ['-enddate', wish.until]),
    ]);
    const [cert, key] = await Promise.all([readFile(at('pem'), 'utf8'), readFile(at('key'), 'utf8')]);
    return { certFile: at('pem'), keyFile: at('key'), cert, key };
  }

  /** For 127.0.0.1 and localhost. */
  issueServer(wish: Wish = {}): Promise<Issued> {
    return this.issue('canh.test', { alternatives: 'DNS:localhost,IP:127.0.0.1', ...wish });
  }

  issueClient(commonName: string, wish: Wish = {}): Promise<Issued> {
    return this.issue(commonName, { use: 'clientAuth', ...wish });
  }

  async revoke({ certFile }: Issued): Promise<void> {
    await run('openssl', ['ca', '-config', join(this.folder, 'ca.cnf'), '-revoke', certFile]);
  }

  /** The list of what it has revoked. */
  async revocationList(form: 'PEM' | 'DER' = 'PEM', ...more: readonly string[]): Promise<Buffer> {
    const file = join(this.folder, 'list');
    await run('openssl', ['ca', '-gencrl', '-config', join(this.folder, 'ca.cnf'), '-out', file, ...more]);
    if (form === 'DER') await run('openssl', ['crl', '-in', file, '-outform', 'DER', '-out', file]);
    return readFile(file);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}
