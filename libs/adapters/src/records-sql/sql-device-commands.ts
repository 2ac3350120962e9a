import type { Selectable } from 'kysely';
import { CanhError } from '@canh/core/canh-error';
import {
  CommandDesk,
  CommandQueue,
  type CommandState,
  type DeviceCommand,
  type NewCommand,
} from '@canh/core/stations/device-commands';
import type { Instant } from '@canh/core/time/instant';
import { raise } from './counters.js';
import type { RecordsDatabase } from './open-records.js';
import type { Schema } from './schema.js';

/** Of one device. */
const MOST_OPEN = 100;
const MOST_KEPT = 500;
const LONGEST_METHOD = 100;
const MOST_BYTES_OF_PARAMS = 16_384;
const OPEN: CommandState[] = ['waiting', 'sent'];

export class SqlCommandDesk extends CommandDesk {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async send({ deviceId, method, params, by, expiresAt }: NewCommand, now: Instant): Promise<number> {
    mustBeSendable(method, params);
    if (expiresAt <= now)
      throw new CanhError('BAD_COMMAND', `The command would have expired before it is sent. Give it a later time.`);
    return this.database.write(async (transaction) => {
      await mustExist(transaction, deviceId);
      await mustConnectItself(transaction, deviceId);
      const { open } = await transaction
        .selectFrom('device_commands')
        .select((row) => row.fn.countAll<number>().as('open'))
        .where('device_id', '=', deviceId)
        .where('state', 'in', OPEN)
        .executeTakeFirstOrThrow();
      if (open >= MOST_OPEN)
        throw new CanhError(
          'TOO_MANY_COMMANDS',
          `${open} commands wait for ${deviceId} already. Wait until it has taken them or they have expired; \`canh device commands ${deviceId}\` shows them.`,
        );
      const id = await raise(transaction, 'device-command');
      await transaction
        .insertInto('device_commands')
        .values({
          id,
          device_id: deviceId,
          method,
          params,
          requested_by: by,
          created_at: now,
          expires_at: expiresAt,
          state: 'waiting',
          sent_at: null,
          delivered_at: null,
          answered_at: null,
          answer: null,
        })
        .execute();
      const oldest = await transaction
        .selectFrom('device_commands')
        .select('id')
        .where('device_id', '=', deviceId)
        .orderBy('id', 'desc')
        .limit(1)
        .offset(MOST_KEPT)
        .executeTakeFirst();
      if (oldest !== undefined)
        await transaction
          .deleteFrom('device_commands')
          .where('device_id', '=', deviceId)
          .where('id', '<=', oldest.id)
          .where('state', 'not in', OPEN)
          .execute();
      return id;
    });
  }

  async of(deviceId: string, limit: number): Promise<DeviceCommand[]> {
    await mustExist(this.database, deviceId);
    const rows = await this.database
      .selectFrom('device_commands')
      .selectAll()
      .where('device_id', '=', deviceId)
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
    return rows.map(commandOf);
  }
}

export class SqlCommandQueue extends CommandQueue {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async open(after: number, limit: number): Promise<DeviceCommand[]> {
    const rows = await this.database
      .selectFrom('device_commands')
      .selectAll()
      .where('state', 'in', OPEN)
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute();
    return rows.map(commandOf);
  }

  async became(id: number, state: CommandState, at: Instant): Promise<void> {
    const when =
      state === 'delivered' ? { delivered_at: at } : state === 'sent' || state === 'unconfirmed' ? { sent_at: at } : {};
    await this.database.write((transaction) =>
      transaction
        .updateTable('device_commands')
        .set({ state, ...when })
        .where('id', '=', id)
        .where('answered_at', 'is', null)
        .execute(),
    );
  }

  async expectsAnswer(deviceId: string, id: number): Promise<boolean> {
    const row = await this.database
      .selectFrom('device_commands')
      .select('id')
      .where('id', '=', id)
      .where('device_id', '=', deviceId)
      .where('answered_at', 'is', null)
      .executeTakeFirst();
    return row !== undefined;
  }

  async answered(deviceId: string, id: number, answer: string, at: Instant): Promise<void> {
    await this.database.write((transaction) =>
      transaction
        .updateTable('device_commands')
        .set({ state: 'answered', answer, answered_at: at })
        .where('id', '=', id)
        .where('device_id', '=', deviceId)
        .where('answered_at', 'is', null)
        .execute(),
    );
  }
}

function mustBeSendable(method: string, params: string): void {
  if (method === '' || method.length > LONGEST_METHOD)
    throw new CanhError(
      'BAD_COMMAND',
      `The method has ${method.length} characters where 1 to ${LONGEST_METHOD} may be.`,
    );
  const bytes = Buffer.byteLength(params);
  if (bytes > MOST_BYTES_OF_PARAMS)
    throw new CanhError('BAD_COMMAND', `The params have ${bytes} bytes, at most ${MOST_BYTES_OF_PARAMS}. Send less.`);
  try {
    JSON.parse(params);
  } catch (cause) {
    throw new CanhError(
      'BAD_COMMAND',
      `The params are not JSON (${(cause as Error).message}). Write a JSON value, as in --params '{"gate":2}'.`,
      { cause },
    );
  }
}

async function mustExist(database: Pick<RecordsDatabase, 'selectFrom'>, deviceId: string): Promise<void> {
  const device = await database.selectFrom('devices').select('id').where('id', '=', deviceId).executeTakeFirst();
  if (device === undefined)
    throw new CanhError(
      'UNKNOWN_DEVICE',
      `There is no device ${deviceId}. \`canh device list\` shows those there are.`,
    );
}

/** A gateway has no way yet to be told what is for one of its devices. */
async function mustConnectItself(database: Pick<RecordsDatabase, 'selectFrom'>, deviceId: string): Promise<void> {
  const behind = await database
    .selectFrom('devices')
    .select('gateway_id')
    .where('id', '=', deviceId)
    .where('gateway_id', 'is not', null)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('device_tokens').select('token_hash').where('device_id', '=', deviceId))),
    )
    .executeTakeFirst();
  if (behind !== undefined)
    throw new CanhError(
      'BEHIND_GATEWAY',
      `${deviceId} has no connection of its own: it reports through ${behind.gateway_id}. Send the command to that gateway, or give the device a token.`,
    );
}

function commandOf(row: Selectable<Schema['device_commands']>): DeviceCommand {
  return {
    id: row.id,
    deviceId: row.device_id,
    method: row.method,
    params: row.params,
    by: row.requested_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    state: row.state,
    sentAt: row.sent_at,
    deliveredAt: row.delivered_at,
    answeredAt: row.answered_at,
    answer: row.answer,
  };
}
