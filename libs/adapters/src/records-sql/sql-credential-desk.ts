import { randomBytes } from 'node:crypto';
import type { Transaction } from 'kysely';
import { CanhError } from '@canh/core/canh-error';
import { CredentialDesk } from '@canh/core/stations/credentials';
import { raise } from './counters.js';
import type { RecordsDatabase } from './open-records.js';
import type { Schema } from './schema.js';
import { keyedHash, type ServerKey } from './server-key.js';

const TOKEN_BYTES = 16;

export class SqlCredentialDesk extends CredentialDesk {
  constructor(
    private readonly database: RecordsDatabase,
    private readonly key: ServerKey,
  ) {
    super();
  }

  issue(deviceId: string): Promise<string> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const token_hash = keyedHash(this.key, 'device-token', token);
    return this.database.write(async (transaction) => {
      await mustExist(transaction, deviceId);
      await transaction
        .insertInto('device_tokens')
        .values({ device_id: deviceId, token_hash })
        .onConflict((conflict) => conflict.column('device_id').doUpdateSet({ token_hash }))
        .execute();
      await raise(transaction, 'registry-version');
      return token;
    });
  }

  revoke(deviceId: string): Promise<void> {
    return this.database.write(async (transaction) => {
      await mustExist(transaction, deviceId);
      await transaction.deleteFrom('device_tokens').where('device_id', '=', deviceId).execute();
      await raise(transaction, 'registry-version');
    });
  }
}

async function mustExist(transaction: Transaction<Schema>, deviceId: string): Promise<void> {
  const device = await transaction.selectFrom('devices').select('id').where('id', '=', deviceId).executeTakeFirst();
  if (device === undefined)
    throw new CanhError(
      'UNKNOWN_DEVICE',
      `There is no device ${deviceId}. \`canh device list\` shows those there are.`,
    );
}
