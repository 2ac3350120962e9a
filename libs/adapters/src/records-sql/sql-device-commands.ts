import type { Selectable, Updateable } from 'kysely';
import { CanhError } from '@canh/core/canh-error';
import {
  CommandDesk,
  CommandQueue,
  LONGEST_KEPT_MS,
  LONGEST_METHOD,
  MOST_BYTES_OF_PARAMS,
  type CommandState,
  type DeviceCommand,
  type NewCommand,
  type OpenCommand,
} from '@canh/core/stations/device-commands';
import { DAY_MS, type Instant } from '@canh/core/time/instant';
import { raise } from './counters.js';
import { grouped } from './grouped.js';
import type { RecordsDatabase } from './open-records.js';
import type { Schema } from './schema.js';

/** Of one device. */
const MOST_OPEN = 100;
const MOST_KEPT = 500;
const OPEN: CommandState[] = ['waiting', 'sent'];

export class SqlCommandDesk extends CommandDesk {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async send({ deviceId, method, params, by, expiresAt }: NewCommand, now: Instant): Promise<number> {
    mustBeSendable(method, params);
    if (expiresAt <= now)
      throw new CanhError('BAD_COMMAND', `The command would have expired before it is sent. Give it a later time.`);
    if (expiresAt > now + LONGEST_KEPT_MS)
      throw new CanhError(
        'BAD_COMMAND',
        `A command is kept for at most ${LONGEST_KEPT_MS / DAY_MS} days. Let it expire earlier: 1h, 24h, 7d.`,
      );
    return this.database.write(async (transaction) => {
      await mustExist(transaction, deviceId);
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
          sent_through: null,
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

  async one(deviceId: string, id: number): Promise<DeviceCommand | null> {
    await mustExist(this.database, deviceId);
    const row = await this.database
      .selectFrom('device_commands')
      .selectAll()
      .where('device_id', '=', deviceId)
      .where('id', '=', id)
      .executeTakeFirst();
    return row === undefined ? null : commandOf(row);
  }

  async newest(deviceIds: readonly string[], each: number): Promise<ReadonlyMap<string, readonly DeviceCommand[]>> {
    if (deviceIds.length === 0) return new Map();
    const rows = await this.database
      .selectFrom((table) =>
        table
          .selectFrom('device_commands')
          .selectAll()
          .select(({ fn }) =>
            fn
              .agg<number>('row_number')
              .over((over) => over.partitionBy('device_id').orderBy('id', 'desc'))
              .as('place'),
          )
          .where('device_id', 'in', deviceIds)
          .as('placed'),
      )
      .selectAll()
      .where('place', '<=', each)
      .orderBy('id', 'desc')
      .execute();
    return grouped(rows.map(commandOf), ({ deviceId }) => deviceId);
  }
}

export class SqlCommandQueue extends CommandQueue {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async open(after: number, limit: number): Promise<OpenCommand[]> {
    const rows = await this.database
      .selectFrom('device_commands')
      .innerJoin('devices', 'devices.id', 'device_commands.device_id')
      .selectAll('device_commands')
      .select(['devices.gateway_id', 'devices.name'])
      .where('state', 'in', OPEN)
      .where('device_commands.id', '>', after)
      .orderBy('device_commands.id')
      .limit(limit)
      .execute();
    return rows.map((row) => ({
      ...commandOf(row),
      gateway: row.gateway_id === null ? null : { id: row.gateway_id, deviceName: row.name },
    }));
  }

  sent(id: number, state: 'sent' | 'unconfirmed', through: string, at: Instant): Promise<void> {
    return this.note(id, { state, sent_through: through, sent_at: at });
  }

  became(id: number, state: 'delivered' | 'expired' | 'dropped', at: Instant): Promise<void> {
    return this.note(id, state === 'delivered' ? { state, delivered_at: at } : { state });
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

  async deviceBehind(gatewayId: string, deviceName: string, commandId: number): Promise<string | null> {
    const device = await this.database
      .selectFrom('device_commands')
      .innerJoin('devices', 'devices.id', 'device_commands.device_id')
      .select('devices.id')
      .where('device_commands.id', '=', commandId)
      .where('devices.name', '=', deviceName)
      // It may stand behind another gateway since, and an answer may be quicker than the note of what was sent.
      .where(({ or, eb }) => or([eb('sent_through', '=', gatewayId), eb('devices.gateway_id', '=', gatewayId)]))
      .executeTakeFirst();
    return device?.id ?? null;
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

  private async note(id: number, what: Updateable<Schema['device_commands']>): Promise<void> {
    await this.database.write((transaction) =>
      transaction
        .updateTable('device_commands')
        .set(what)
        .where('id', '=', id)
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
    sentThrough: row.sent_through,
    answer: row.answer,
  };
}
