import { DeviceAttributes } from '@canh/core/stations/attributes';
import type { Instant } from '@canh/core/time/instant';
import type { RecordsDatabase } from './open-records.js';

/** Attributes kept of one device: those set last. A device that invents names without end pushes out its own oldest. */
const KEPT_PER_DEVICE = 256;

export class SqlDeviceAttributes extends DeviceAttributes {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async merge(deviceId: string, values: Readonly<Record<string, unknown>>, at: Instant): Promise<void> {
    const rows = Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .slice(0, KEPT_PER_DEVICE)
      .map(([name, value]) => ({ device_id: deviceId, name, value: JSON.stringify(value), at }));
    if (rows.length === 0) return;
    await this.database.write(async (transaction) => {
      await transaction
        .insertInto('device_attributes')
        .values(rows)
        .onConflict((conflict) =>
          conflict
            .columns(['device_id', 'name'])
            .doUpdateSet((row) => ({ value: row.ref('excluded.value'), at: row.ref('excluded.at') }))
            .whereRef('excluded.at', '>=', 'device_attributes.at'),
        )
        .execute();
      const tooMany = await transaction
        .selectFrom('device_attributes')
        .select('name')
        .where('device_id', '=', deviceId)
        .orderBy('at', 'desc')
        .orderBy('name')
        .limit(KEPT_PER_DEVICE)
        .offset(KEPT_PER_DEVICE)
        .execute();
      if (tooMany.length > 0)
        await transaction
          .deleteFrom('device_attributes')
          .where('device_id', '=', deviceId)
          .where(
            'name',
            'in',
            tooMany.map(({ name }) => name),
          )
          .execute();
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
