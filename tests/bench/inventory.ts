import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openRecords } from '@canh/adapters/records-sql/open-records';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlCredentialDesk } from '@canh/adapters/records-sql/sql-credential-desk';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';

/** The inventory that every round starts from. */
export interface Inventory {
  readonly dataDir: string;
  /** A token a line, one for each connection. */
  readonly tokensFile: string;
  /** The token of one device more, for whatever misbehaves. */
  readonly spareToken: string;
}

export const stationOf = (number: number): string => `bench-${number}`;

/** As many devices as connections and one more, each at a station of its own with limits of its own. */
export async function prepareInventory(folder: string, devices: number): Promise<Inventory> {
  const dataDir = join(folder, 'inventory');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const records = await openRecords(join(dataDir, 'records.sqlite'));
  const inventory = new SqlInventoryDesk(records);
  const credentials = new SqlCredentialDesk(records, await loadServerKey(dataDir));
  const always = { validFrom: null, validTo: null };
  const limit = { ...always, metric: 'level_m', document: 'tests/bench' };
  const tokens: string[] = [];
  try {
    await inventory.putArea({ id: 'bench', names: { vi: 'Đo tải', en: 'Bench' }, parentId: null, ...always });
    for (let number = 0; number <= devices; number += 1) {
      const id = stationOf(number);
      await inventory.putStation({
        id,
        names: { vi: `Trạm ${number}`, en: `Station ${number}` },
        areaId: 'bench',
        ownerUnit: 'tests/bench',
        position: { latitude: 16.8, longitude: 107.1 },
        profileId: 'bench-station',
        limits: [
          { ...limit, name: 'alarm_1', value: 2 },
          { ...limit, name: 'alarm_2', value: 3.5 },
        ],
      });
      await inventory.putDevice({ id, name: id, stationId: id, profileId: 'bench-station', gatewayId: null });
      tokens.push(await credentials.issue(id));
    }
  } finally {
    await records.destroy();
  }
  const spareToken = tokens.pop() ?? '';
  const tokensFile = join(folder, 'tokens.txt');
  await writeFile(tokensFile, tokens.join('\n'));
  return { dataDir, tokensFile, spareToken };
}
