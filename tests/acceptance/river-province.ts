import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openRecords } from '@canh/adapters/records-sql/open-records';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlCredentialDesk } from '@canh/adapters/records-sql/sql-credential-desk';
import { canhDone } from '../support/canh-process.js';

/** Who is told of every alert there. */
export const OFFICER = 'truc@thu.example';
/** Alarm levels 1, 2 and 3 of every river there, in metres. */
export const ALARMS_M = [4, 5, 6] as const;

/** A province of rivers, each a station with one gauge of the same id; gives the gauges with their tokens. */
export async function riverProvince(
  dataDir: string,
  rivers: readonly string[],
): Promise<{ deviceId: string; token: string }[]> {
  const names = { vi: 'Sông thử', en: 'Test river' };
  const limits = ALARMS_M.map((value, index) => ({
    name: `alarm_${index + 1}`,
    metric: 'level_m',
    value,
    document: 'tests/acceptance',
  }));
  const place = { area: 'xa-thu', ownerUnit: 'Đài thử', latitude: 16.8, longitude: 107.1, profile: 'river-gauge' };
  const inventory = join(dataDir, 'inventory.json');
  await writeFile(
    inventory,
    JSON.stringify({
      areas: [{ id: 'xa-thu', names }],
      stations: rivers.map((id) => ({ id, names, ...place, limits })),
      devices: rivers.map((id) => ({ id, station: id, profile: 'river-gauge' })),
      contacts: [{ id: 'truc-ban', name: 'Trực ban', channel: 'email', address: OFFICER }],
    }),
  );
  await canhDone(['station', 'import', inventory], { CANH_DATA_DIR: dataDir });
  const records = await openRecords(join(dataDir, 'records.sqlite'));
  try {
    const credentials = new SqlCredentialDesk(records, await loadServerKey(dataDir));
    const devices = [];
    for (const deviceId of rivers) devices.push({ deviceId, token: await credentials.issue(deviceId) });
    return devices;
  } finally {
    await records.destroy();
  }
}
