import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProcessorLink } from '@canh/adapters/processor-link/processor-link';
import { openRecords } from '@canh/adapters/records-sql/open-records';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { START } from '@canh/core/readings/journal';
import { MINUTE_MS } from '@canh/core/time/instant';
import { startProcessor, type RunningProcessor } from '../console-api/processor.parts.js';
import { eventually } from '../support/eventually.js';

const text = { vi: 'x', en: 'x' };
const FROM = 1_790_000_000_000;
const SPAN = { stationId: 'g', metric: 'level_m', from: FROM, to: FROM + 60 * MINUTE_MS };

describe('the processor, asked over its socket', () => {
  let folder: string;
  let processor: RunningProcessor;
  let link: ProcessorLink;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'canh-link-'));
    const records = await openRecords(join(folder, 'records.sqlite'));
    const inventory = new SqlInventoryDesk(records);
    await inventory.putArea({ id: 'x', names: text, parentId: null, validFrom: null, validTo: null });
    await inventory.putStation({
      id: 'g',
      names: text,
      areaId: 'x',
      ownerUnit: 'x',
      position: { latitude: 16, longitude: 107 },
      profileId: 'river-gauge',
      limits: [],
    });
    await inventory.putDevice({ id: 'g-1', name: 'g-1', stationId: 'g', profileId: 'river-gauge', gatewayId: null });
    await records.destroy();
    processor = await startProcessor(folder);
    link = new ProcessorLink(folder);
  });
  afterEach(async () => {
    link.close();
    await processor.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('says how far its judge is, and gives the readings of a span, the first ones where there are more', async () => {
    const before = await link.place();
    for (const [n, level] of [1, 2, 3].entries())
      await processor.says('g-1', { ts: FROM + n * MINUTE_MS, values: { level_m: level } }, FROM + n * MINUTE_MS);
    await eventually(async () => expect((await link.place()).judged).toBeGreaterThan(Math.max(before.judged, START)));
    const levels = async (limit: number): Promise<number[]> =>
      (await link.readings(SPAN, limit)).map(({ value }) => value);
    await eventually(async () => expect(await levels(10)).toEqual([1, 2, 3]));
    expect(await levels(2)).toEqual([1, 2]);
  });

  it('refuses to put together more readings than an answer should hold', async () => {
    for (const limit of [0, 10_001])
      await expect(link.readings(SPAN, limit)).rejects.toMatchObject({
        code: 'BAD_QUESTION',
        message: expect.stringContaining('10000') as string,
      });
  });
});
