import { Registry, type Inventory } from '@canh/core/stations/registry';
import type { Limit } from '@canh/core/stations/limit';
import type { Device } from '@canh/core/stations/station';
import { valueOf } from './counters.js';
import { grouped } from './grouped.js';
import type { RecordsDatabase } from './open-records.js';
import type { Schema } from './schema.js';

export class SqlRegistry extends Registry {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  version(): Promise<number> {
    return valueOf(this.database, 'registry-version');
  }

  async inventory(): Promise<Inventory> {
    const { areas, stations, limits, devices, former } = await this.database.readTogether(async (snapshot) => ({
      areas: await snapshot.selectFrom('areas').selectAll().orderBy('id').execute(),
      stations: await snapshot.selectFrom('stations').selectAll().orderBy('id').execute(),
      limits: await snapshot.selectFrom('limits').selectAll().orderBy('station_id').orderBy('place').execute(),
      devices: await snapshot.selectFrom('devices').selectAll().orderBy('id').execute(),
      former: await snapshot.selectFrom('former_devices').selectAll().orderBy('device_id').orderBy('until').execute(),
    }));
    const limitsOf = grouped(limits, (limit) => limit.station_id);
    return {
      areas: areas.map((row) => ({
        id: row.id,
        names: { vi: row.name_vi, en: row.name_en },
        parentId: row.parent_id,
        validFrom: row.valid_from,
        validTo: row.valid_to,
      })),
      stations: stations.map((row) => ({
        id: row.id,
        names: { vi: row.name_vi, en: row.name_en },
        areaId: row.area_id,
        ownerUnit: row.owner_unit,
        position: { latitude: row.latitude, longitude: row.longitude },
        profileId: row.profile_id,
        limits: (limitsOf.get(row.id) ?? []).map(({ name, metric, value, valid_from, valid_to, document }): Limit => ({
          name,
          metric,
          value,
          validFrom: valid_from,
          validTo: valid_to,
          document,
        })),
      })),
      devices: devices.map((row) => deviceOf(row.id, row)),
      former: former.map((row) => ({ device: deviceOf(row.device_id, row), until: row.until })),
    };
  }
}

const deviceOf = (id: string, row: Omit<Schema['devices'], 'id'>): Device => ({
  id,
  name: row.name,
  stationId: row.station_id,
  profileId: row.profile_id,
  gatewayId: row.gateway_id,
});
