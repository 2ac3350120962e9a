import type { OperatorId } from '@canh/core/alerts/alert';
import { Operators, type Operator, type SignInSession } from '@canh/core/alerts/operators';
import { CanhError } from '@canh/core/canh-error';
import type { Instant } from '@canh/core/time/instant';
import type { RecordsDatabase } from './open-records.js';

/** Browsers in which one person can be signed in; the one unused for longest is signed out for the next. */
const SESSIONS_PER_OPERATOR = 50;

export class SqlOperators extends Operators {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async count(): Promise<number> {
    const { count } = await this.database
      .selectFrom('operators')
      .select((row) => row.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return count;
  }

  add({ id, login, name, role, language }: Operator, passwordHash: string): Promise<void> {
    return this.database.write(async (transaction) => {
      const taken = await transaction
        .selectFrom('operators')
        .select('id')
        .where(({ eb, or }) => or([eb('id', '=', id), eb('login', '=', login)]))
        .executeTakeFirst();
      if (taken !== undefined)
        throw new CanhError(
          'OPERATOR_EXISTS',
          `There is an operator with the login ${login} or the id ${id} already. Choose another login.`,
        );
      await transaction
        .insertInto('operators')
        .values({ id, login, name, role, language, password_hash: passwordHash })
        .execute();
    });
  }

  async byLogin(login: string): Promise<{ operator: Operator; passwordHash: string } | null> {
    const row = await this.database
      .selectFrom('operators')
      .select(['id', 'login', 'name', 'role', 'language', 'password_hash'])
      .where('login', '=', login)
      .executeTakeFirst();
    if (row === undefined) return null;
    const { password_hash: passwordHash, ...operator } = row;
    return { operator, passwordHash };
  }

  async setPassword(id: OperatorId, passwordHash: string): Promise<void> {
    const { numUpdatedRows } = await this.database.write((transaction) =>
      transaction.updateTable('operators').set({ password_hash: passwordHash }).where('id', '=', id).executeTakeFirst(),
    );
    if (numUpdatedRows === 0n)
      throw new CanhError('UNKNOWN_OPERATOR', `There is no operator with the id ${id}; no password was set.`);
  }

  async names(): Promise<ReadonlyMap<OperatorId, string>> {
    const rows = await this.database.selectFrom('operators').select(['id', 'name']).execute();
    return new Map(rows.map(({ id, name }) => [id, name]));
  }

  startSession({ tokenHash, operatorId, startedAt, usedAt }: SignInSession): Promise<void> {
    return this.database.write(async (transaction) => {
      const operator = await transaction
        .selectFrom('operators')
        .select('id')
        .where('id', '=', operatorId)
        .executeTakeFirst();
      if (operator === undefined)
        throw new CanhError(
          'UNKNOWN_OPERATOR',
          `There is no operator with the id ${operatorId}; nobody was signed in.`,
        );
      await transaction
        .insertInto('sessions')
        .values({ token_hash: tokenHash, operator_id: operatorId, started_at: startedAt, used_at: usedAt })
        .execute();
      const tooMany = await transaction
        .selectFrom('sessions')
        .select('token_hash')
        .where('operator_id', '=', operatorId)
        .where('token_hash', '!=', tokenHash)
        .orderBy('used_at', 'desc')
        .limit(SESSIONS_PER_OPERATOR)
        .offset(SESSIONS_PER_OPERATOR - 1)
        .execute();
      for (const { token_hash } of tooMany)
        await transaction.deleteFrom('sessions').where('token_hash', '=', token_hash).execute();
    });
  }

  async session(tokenHash: string): Promise<{ session: SignInSession; operator: Operator } | null> {
    const row = await this.database
      .selectFrom('sessions')
      .innerJoin('operators', 'operators.id', 'sessions.operator_id')
      .select(['operators.id', 'login', 'name', 'role', 'language', 'started_at', 'used_at'])
      .where('token_hash', '=', tokenHash)
      .executeTakeFirst();
    if (row === undefined) return null;
    const { started_at: startedAt, used_at: usedAt, ...operator } = row;
    return { session: { tokenHash, operatorId: operator.id, startedAt, usedAt }, operator };
  }

  async touchSession(tokenHash: string, usedAt: Instant): Promise<void> {
    await this.database.write((transaction) =>
      transaction
        .updateTable('sessions')
        .set({ used_at: usedAt })
        .where('token_hash', '=', tokenHash)
        .where('used_at', '<', usedAt)
        .execute(),
    );
  }

  async endSession(tokenHash: string): Promise<void> {
    await this.database.write((transaction) =>
      transaction.deleteFrom('sessions').where('token_hash', '=', tokenHash).execute(),
    );
  }

  async endSessionsUnusedSince(before: Instant): Promise<void> {
    await this.database.write((transaction) =>
      transaction.deleteFrom('sessions').where('used_at', '<', before).execute(),
    );
  }
}
