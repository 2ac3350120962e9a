import type { StatementSync } from 'node:sqlite';
import { Credentials, type DeviceIdentity } from '@canh/core/stations/credentials';
import type { Clock, Instant } from '@canh/core/time/instant';
import { KnownPasswords } from './device-passwords.js';
import type { RecordsDatabase } from './open-records.js';
import { keyedHash, type ServerKey } from './server-key.js';

/** Anything much longer than ours is not hashed: it could only be meant to cost us time. */
export const LONGEST_SECRET = 256;
/** Passwords that were right and are remembered; a few megabytes. */
const MOST_KNOWN_PASSWORDS = 20_000;

const TOKEN = 'token ';
const PASSWORD = 'password ';
const CERTIFICATE = 'certificate ';

/** One look into one index, without a promise: every connecting device waits for it. */
export class SqlCredentials extends Credentials {
  private readonly tokenOf: StatementSync;
  private readonly passwordOf: StatementSync;
  private readonly device: StatementSync;
  private readonly known: KnownPasswords;

  constructor(
    database: RecordsDatabase,
    private readonly key: ServerKey,
    private readonly clock: Clock,
  ) {
    super();
    this.tokenOf = database.prepare('select device_id, valid_until from device_tokens where token_hash = ?');
    this.passwordOf = database.prepare('select password_hash from device_passwords where device_id = ?');
    this.device = database.prepare(
      `select stations.owner_unit, device_revocations.revoked_at from devices
        join stations on stations.id = devices.station_id
        left join device_revocations on device_revocations.device_id = devices.id
        where devices.id = ?`,
    );
    this.known = new KnownPasswords(key, MOST_KNOWN_PASSWORDS);
  }

  identify(token: string): DeviceIdentity | null {
    return isSecret(token) ? this.byTokenHash(keyedHash(this.key, 'device-token', token)) : null;
  }

  recognise(deviceId: string, password: string): DeviceIdentity | null {
    if (!isSecret(deviceId) || !isSecret(password)) return null;
    const passwordHash = this.passwordHash(deviceId);
    if (passwordHash === null || !this.known.has(deviceId, password, passwordHash)) return null;
    return { deviceId, credential: PASSWORD + passwordHash, until: null };
  }

  async verify(deviceId: string, password: string): Promise<DeviceIdentity | null> {
    if (!isSecret(deviceId) || !isSecret(password)) return null;
    const passwordHash = this.passwordHash(deviceId);
    const right = await this.known.verify(deviceId, password, passwordHash);
    if (!right || passwordHash === null) return null;
    const identity = { deviceId, credential: PASSWORD + passwordHash, until: null };
    // It may have been changed while this one was hashed.
    return this.standing(identity);
  }

  certified(deviceId: string, issuedAt: Instant): (DeviceIdentity & { ownerUnit: string }) | null {
    if (!isSecret(deviceId)) return null;
    const row = this.device.get(deviceId);
    if (row === undefined) return null;
    const revokedAt = row['revoked_at'];
    if (revokedAt !== null && issuedAt <= Number(revokedAt)) return null;
    return { deviceId, credential: `${CERTIFICATE}${issuedAt}`, until: null, ownerUnit: String(row['owner_unit']) };
  }

  standing(identity: DeviceIdentity): DeviceIdentity | null {
    const { deviceId, credential } = identity;
    if (credential.startsWith(CERTIFICATE))
      return this.certified(deviceId, Number(credential.slice(CERTIFICATE.length))) === null ? null : identity;
    if (credential.startsWith(PASSWORD))
      return this.passwordHash(deviceId) === credential.slice(PASSWORD.length) ? identity : null;
    const now = this.byTokenHash(credential.slice(TOKEN.length));
    return now?.deviceId === deviceId ? now : null;
  }

  private byTokenHash(tokenHash: string): DeviceIdentity | null {
    const row = this.tokenOf.get(tokenHash);
    if (row === undefined) return null;
    const until = row['valid_until'] === null ? null : Number(row['valid_until']);
    if (until !== null && until <= this.clock.now()) return null;
    return { deviceId: String(row['device_id']), credential: TOKEN + tokenHash, until };
  }

  private passwordHash(deviceId: string): string | null {
    const row = this.passwordOf.get(deviceId);
    return row === undefined ? null : String(row['password_hash']);
  }
}

const isSecret = (text: string): boolean => text.length > 0 && text.length <= LONGEST_SECRET;
