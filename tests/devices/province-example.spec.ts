import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadCatalogue } from '@canh/adapters/device-catalogue/device-catalogue';
import { checkDocument } from '@canh/contract/document';
import { InventoryDocument, stationOf } from '@canh/contract/inventory.document';
import { limitInForce } from '@canh/core/stations/limit';

const ROOT = join(import.meta.dirname, '../..');

describe('the example of a province', () => {
  it('is what the import takes, with profiles that are there', async () => {
    const plain: unknown = parse(await readFile(join(ROOT, 'docs/province.example.yaml'), 'utf8'));
    const checked = checkDocument(InventoryDocument, plain);
    expect(checked).toMatchObject({ ok: true });
    if (!checked.ok) return;
    const { stations = [], devices = [] } = checked.value;
    const { profiles } = await loadCatalogue(join(ROOT, 'devices'));
    for (const { profile } of [...stations, ...devices]) expect([...profiles.keys()]).toContain(profile);
    const [gauge] = stations.map(stationOf);
    const midnight = Date.UTC(2020, 2, 19, 17);
    expect(limitInForce(gauge!.limits, 'level_m', 'alarm_3', midnight)?.value).toBe(6);
    expect(limitInForce(gauge!.limits, 'level_m', 'alarm_3', midnight - 1)).toBeUndefined();
  });
});
