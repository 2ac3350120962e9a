import type { StatementSync } from 'node:sqlite';
import { Credentials, type DeviceIdentity } from '@canh/core/stations/credentials';
import type { RecordsDatabase } from './open-records.js';
import { keyedHash, type ServerKey } from './server-key.js';

/** Ours have 22 characters. Anything much longer is not hashed: it could only be meant to cost us time. */
const LONGEST_TOKEN = 256;

/** One look into one index, without a promise: every connecting device waits for it. */
export class SqlCredentials extends Credentials {
  private readonly deviceOf: StatementSync;

  constructor(
    database: RecordsDatabase,
    private readonly key: ServerKey,
  ) {
    super();
    this.deviceOf = database.prepare('select device_id from device_tokens where token_hash = ?');
  }

  identify(token: string): DeviceIdentity | null {
    if (token.length === 0 || token.length > LONGEST_TOKEN) return null;
    const row = this.deviceOf.get(keyedHash(this.key, 'device-token', token));
    return row === undefined ? null : { deviceId: String(row['device_id']) };
  }
}
