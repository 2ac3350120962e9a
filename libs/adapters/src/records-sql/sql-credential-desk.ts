import { randomBytes } from 'node:crypto';
import type { Transaction } from 'kysely';
import { CanhError } from '@canh/core/canh-error';
import { CredentialDesk } from '@canh/core/stations/credentials';
import type { Instant } from '@canh/core/time/instant';
import { raise } from './counters.js';
import { hashOfChosen, hashOfGenerated } from './device-passwords.js';
import type { RecordsDatabase } from './open-records.js';
import type { Schema } from './schema.js';
import { keyedHash, type ServerKey } from './server-key.js';
import { LONGEST_SECRET } from './sql-credentials.js';

const SECRET_BYTES = 16;
/** NIST SP 800-63B: what a person chooses has eight characters at least. */
const SHORTEST_PASSWORD = 8;
/** Old tokens that may run out beside a new one: whoever rotates twice by mistake does not cut off a device that has only the first. */
const MOST_OLD_TOKENS = 4;

export class SqlCredentialDesk extends CredentialDesk {
  constructor(
    private readonly database: RecordsDatabase,
    private readonly key: ServerKey,
  ) {
    super();
  }

  issue(deviceId: string, keepOldUntil?: Instant): Promise<string> {
    const token = newSecret();
    const token_hash = keyedHash(this.key, 'device-token', token);
    return this.change(deviceId, async (transaction) => {
      if (keepOldUntil === undefined)
        await transaction.deleteFrom('device_tokens').where('device_id', '=', deviceId).execute();
      else await endTokens(transaction, deviceId, keepOldUntil);
      await transaction
        .insertInto('device_tokens')
        .values({ token_hash, device_id: deviceId, valid_until: null })
        .execute();
      return token;
    });
  }

  async issuePassword(deviceId: string): Promise<string> {
    const password = newSecret();
    await this.putPasswordHash(deviceId, hashOfGenerated(this.key, deviceId, password));
    return password;
  }

  async setPassword(deviceId: string, password: string): Promise<void> {
    if (password.length < SHORTEST_PASSWORD || password.length > LONGEST_SECRET)
      throw new CanhError(
        'BAD_PASSWORD',
        `The password has ${password.length} characters where ${SHORTEST_PASSWORD} to ${LONGEST_SECRET} may be. Choose another, or let Canh make one.`,
      );
    await this.putPasswordHash(deviceId, await hashOfChosen(password));
  }

  revoke(deviceId: string, at: Instant): Promise<void> {
    return this.change(deviceId, async (transaction) => {
      await transaction.deleteFrom('device_tokens').where('device_id', '=', deviceId).execute();
      await transaction.deleteFrom('device_passwords').where('device_id', '=', deviceId).execute();
      await transaction
        .insertInto('device_revocations')
        .values({ device_id: deviceId, revoked_at: at })
        .onConflict((conflict) => conflict.column('device_id').doUpdateSet({ revoked_at: at }))
        .execute();
    });
  }

  private putPasswordHash(deviceId: string, password_hash: string): Promise<void> {
    return this.change(deviceId, async (transaction) => {
      await transaction
        .insertInto('device_passwords')
        .values({ device_id: deviceId, password_hash })
        .onConflict((conflict) => conflict.column('device_id').doUpdateSet({ password_hash }))
        .execute();
    });
  }

  /** In one transaction, after which brokers know to look at who is connected. */
  private change<T>(deviceId: string, work: (transaction: Transaction<Schema>) => Promise<T>): Promise<T> {
    return this.database.write(async (transaction) => {
      await mustExist(transaction, deviceId);
      const done = await work(transaction);
      await raise(transaction, 'registry-version');
      return done;
    });
  }
}

const newSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url');

async function endTokens(transaction: Transaction<Schema>, deviceId: string, until: Instant): Promise<void> {
  await transaction
    .updateTable('device_tokens')
    .set({ valid_until: until })
    .where('device_id', '=', deviceId)
    .where(({ eb, or }) => or([eb('valid_until', 'is', null), eb('valid_until', '>', until)]))
    .execute();
  const tooMany = await transaction
    .selectFrom('device_tokens')
    .select('token_hash')
    .where('device_id', '=', deviceId)
    .orderBy('valid_until', 'desc')
    .limit(MOST_OLD_TOKENS * 2)
    .offset(MOST_OLD_TOKENS)
    .execute();
  for (const { token_hash } of tooMany)
    await transaction.deleteFrom('device_tokens').where('token_hash', '=', token_hash).execute();
}

async function mustExist(transaction: Transaction<Schema>, deviceId: string): Promise<void> {
  const device = await transaction.selectFrom('devices').select('id').where('id', '=', deviceId).executeTakeFirst();
  if (device === undefined)
    throw new CanhError(
      'UNKNOWN_DEVICE',
      `There is no device ${deviceId}. \`canh device list\` shows those there are.`,
    );
}
