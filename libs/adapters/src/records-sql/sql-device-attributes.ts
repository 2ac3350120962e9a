import type { Transaction } from 'kysely';
import { DeviceAttributes, type AttributeChange } from '@canh/core/stations/attributes';
import type { Instant } from '@canh/core/time/instant';
import type { RecordsDatabase } from './open-records.js';
import type { Schema } from './schema.js';

/** Attributes kept of one device: those set last. A device that invents names without end pushes out its own oldest. */
const KEPT_PER_DEVICE = 256;
const ROWS_AT_ONCE = 250;

export class SqlDeviceAttributes extends DeviceAttributes {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async merge(changes: readonly AttributeChange[]): Promise<void> {
    const rows = newestRows(changes);
    if (rows.length === 0) return;
    await this.database.write(async (transaction) => {
      for (let from = 0; from < rows.length; from += ROWS_AT_ONCE)
        await transaction
          .insertInto('device_attributes')
          .values(rows.slice(from, from + ROWS_AT_ONCE))
          .onConflict((conflict) =>
            conflict
              .columns(['device_id', 'name'])
              .doUpdateSet((row) => ({ value: row.ref('excluded.value'), at: row.ref('excluded.at') }))
              .whereRef('excluded.at', '>=', 'device_attributes.at'),
          )
          .execute();
      for (const deviceId of new Set(rows.map(({ device_id }) => device_id))) await trim(transaction, deviceId);
    });
  }

  async of(deviceId: string): Promise<Readonly<Record<string, unknown>>> {
    const rows = await this.database
      .selectFrom('device_attributes')
      .select(['name', 'value'])
      .where('device_id', '=', deviceId)
      .orderBy('name')
      .execute();
    return Object.fromEntries(rows.map(({ name, value }) => [name, JSON.parse(value) as unknown]));
  }
}

interface Row {
  readonly device_id: string;
  readonly name: string;
  readonly value: string;
  readonly at: Instant;
}

/** One row for each attribute: of several words on it the one set last, since a statement may not touch a row twice. */
function newestRows(changes: readonly AttributeChange[]): Row[] {
  const rows = new Map<string, Row>();
  for (const { deviceId, values, at } of changes)
    for (const [name, value] of Object.entries(values).slice(0, KEPT_PER_DEVICE)) {
      const key = JSON.stringify([deviceId, name]);
      if (value !== undefined && (rows.get(key)?.at ?? at) <= at)
        rows.set(key, { device_id: deviceId, name, value: JSON.stringify(value), at });
    }
  return [...rows.values()];
}

async function trim(transaction: Transaction<Schema>, deviceId: string): Promise<void> {
  const tooMany = await transaction
    .selectFrom('device_attributes')
    .select('name')
    .where('device_id', '=', deviceId)
    .orderBy('at', 'desc')
    .orderBy('name')
    .limit(ROWS_AT_ONCE)
    .offset(KEPT_PER_DEVICE)
    .execute();
  if (tooMany.length === 0) return;
  await transaction
    .deleteFrom('device_attributes')
    .where('device_id', '=', deviceId)
    .where(
      'name',
      'in',
      tooMany.map(({ name }) => name),
    )
    .execute();
  if (tooMany.length === ROWS_AT_ONCE) await trim(transaction, deviceId);
}
