import { isDeepStrictEqual } from 'node:util';
import type { Transaction } from 'kysely';
import { CanhError } from '@canh/core/canh-error';
import { InventoryDesk } from '@canh/core/stations/registry';
import type { Area, Device, Station } from '@canh/core/stations/station';
import type { Clock, Instant } from '@canh/core/time/instant';
import { raise } from './counters.js';
import type { RecordsDatabase } from './open-records.js';
import type { Schema } from './schema.js';

/** Of one device. Beyond, the oldest go: the journal holds what they would be needed for only for days. */
const MOST_FORMER = 100;

export class SqlInventoryDesk extends InventoryDesk {
  constructor(
    private readonly database: RecordsDatabase,
    private readonly clock: Clock = Date,
  ) {
    super();
  }

  putArea(area: Area): Promise<void> {
    const row = {
      name_vi: area.names.vi,
      name_en: area.names.en,
      parent_id: area.parentId,
      valid_from: area.validFrom,
      valid_to: area.validTo,
    };
    return this.change(async (transaction) => {
      if (area.parentId !== null) await mustHaveRoot(transaction, area.id, area.parentId);
      await transaction
        .insertInto('areas')
        .values({ id: area.id, ...row })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute();
    });
  }

  putStation(station: Station): Promise<void> {
    const row = {
      name_vi: station.names.vi,
      name_en: station.names.en,
      area_id: station.areaId,
      owner_unit: station.ownerUnit,
      latitude: station.position.latitude,
      longitude: station.position.longitude,
      profile_id: station.profileId,
    };
    const limits = station.limits.map((limit, place) => ({
      station_id: station.id,
      place,
      name: limit.name,
      metric: limit.metric,
      value: limit.value,
      valid_from: limit.validFrom,
      valid_to: limit.validTo,
      document: limit.document,
    }));
    return this.change(async (transaction) => {
      if (!(await has(transaction, 'areas', station.areaId)))
        throw new CanhError(
          'UNKNOWN_AREA',
          `Station ${station.id} names area ${station.areaId}, which is not there. Add that area first.`,
        );
      await transaction
        .insertInto('stations')
        .values({ id: station.id, ...row })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute();
      await transaction.deleteFrom('limits').where('station_id', '=', station.id).execute();
      for (const limit of limits) await transaction.insertInto('limits').values(limit).execute();
    });
  }

  putDevice(device: Device): Promise<void> {
    const row = {
      name: device.name,
      station_id: device.stationId,
      profile_id: device.profileId,
      gateway_id: device.gatewayId,
    };
    return this.change(async (transaction) => {
      if (!(await has(transaction, 'stations', device.stationId)))
        throw new CanhError(
          'UNKNOWN_STATION',
          `Device ${device.id} names station ${device.stationId}, which is not there. Add that station first.`,
        );
      if (device.gatewayId !== null && !(await has(transaction, 'devices', device.gatewayId)))
        throw new CanhError(
          'UNKNOWN_DEVICE',
          `Device ${device.id} names gateway ${device.gatewayId}, which is not there. Add that gateway first.`,
        );
      // The moment is taken where nobody else writes, so that changes stand in the order in which they were made.
      await keepFormer(transaction, { id: device.id, ...row }, this.clock.now());
      await transaction
        .insertInto('devices')
        .values({ id: device.id, ...row })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute();
    });
  }

  private change(work: (transaction: Transaction<Schema>) => Promise<void>): Promise<void> {
    return this.database.write(async (transaction) => {
      await work(transaction);
      await raise(transaction, 'registry-version');
    });
  }
}

/** Keeps what the device was until now, if it becomes something else. */
async function keepFormer(transaction: Transaction<Schema>, now: Schema['devices'], at: Instant): Promise<void> {
  const ofDevice = transaction.deleteFrom('former_devices').where('device_id', '=', now.id);
  const kept = await transaction
    .selectFrom('former_devices')
    .select('until')
    .where('device_id', '=', now.id)
    .orderBy('until')
    .execute();
  // Written while the clock was ahead: nothing that is received from now on may be taken for having come before that.
  const ahead = kept.find(({ until }) => until >= at);
  if (ahead !== undefined) {
    await ofDevice.where('until', '>', ahead.until).execute();
    await transaction
      .updateTable('former_devices')
      .set({ until: at })
      .where('device_id', '=', now.id)
      .where('until', '=', ahead.until)
      .execute();
    return;
  }
  const before = await transaction.selectFrom('devices').selectAll().where('id', '=', now.id).executeTakeFirst();
  if (before === undefined || isDeepStrictEqual({ ...before }, now)) return;
  const { id, ...was } = before;
  await transaction
    .insertInto('former_devices')
    .values({ device_id: id, until: at, ...was })
    .execute();
  const oldest = kept.at(1 - MOST_FORMER);
  if (oldest !== undefined) await ofDevice.where('until', '<', oldest.until).execute();
}

async function has(
  transaction: Transaction<Schema>,
  table: 'areas' | 'stations' | 'devices',
  id: string,
): Promise<boolean> {
  return (await transaction.selectFrom(table).select('id').where('id', '=', id).executeTakeFirst()) !== undefined;
}

/** Going up from the parent must end at an area without one, and never at the area itself. */
async function mustHaveRoot(transaction: Transaction<Schema>, areaId: string, parentId: string): Promise<void> {
  for (let id: string | null = parentId; id !== null;) {
    if (id === areaId)
      throw new CanhError(
        'AREA_CYCLE',
        `Area ${areaId} cannot lie in ${parentId}, which lies in ${areaId} itself. Name another parent.`,
      );
    const above: { parent_id: string | null } | undefined = await transaction
      .selectFrom('areas')
      .select('parent_id')
      .where('id', '=', id)
      .executeTakeFirst();
    if (above === undefined)
      throw new CanhError(
        'UNKNOWN_AREA',
        `Area ${areaId} names parent ${id}, which is not there. Add that area first.`,
      );
    id = above.parent_id;
  }
}
