import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { segmentName } from '@canh/adapters/journal-files/segments';
import { SqlLedger } from '@canh/adapters/records-sql/sql-ledger';
import { SqlLedgerDesk } from '@canh/adapters/records-sql/sql-ledger-desk';
import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import type { JournalOffset } from '@canh/core/readings/journal';
import type { LedgerLine } from '@canh/core/series/ledger';
import { HOUR_MS } from '@canh/core/time/instant';
import { eventually } from '../support/eventually.js';
import { FROM, Gauge } from './gauge.js';

const LATER = FROM + 2_000 * HOUR_MS;

/** What the writer had decided of ten readings when everything ended, the last of them seen before they were on disk. */
describe('a stretch that was begun before a crash', () => {
  let gauge: Gauge;
  let store: DuckDbSeriesStore;
  const ends: JournalOffset[] = [];

  beforeEach(async () => {
    gauge = await Gauge.open();
    ({ store } = await DuckDbSeriesStore.open(join(gauge.folder, 'series')));
    ends.length = 0;
    for (let nth = 0; nth < 10; nth += 1)
      ends.push(await gauge.receive({ ts: FROM + nth, values: { level_m: 1 } }, FROM + nth));
  });
  afterEach(async () => {
    await store.close();
    await gauge.remove();
  });

  async function begin(stored: number, duplicate: number): Promise<void> {
    const line: LedgerLine = {
      deviceId: 'g-1',
      hour: Math.floor(FROM / HOUR_MS) * HOUR_MS,
      messages: 10,
      received: 10,
      stored,
      duplicate,
      late: 0,
      quarantined: {},
      missing: 0,
    };
    const [reader, ledger] = [new FileJournalReader(join(gauge.folder, 'journal')), new SqlLedger(gauge.records)];
    const { next } = await reader.read(0, 1);
    await ledger.begin({ from: 0, next, lines: [line] });
    await reader.close();
  }

  async function books(): Promise<{ received: number; stored: number; duplicate: number; inStore: number }> {
    await gauge.receive({ ts: LATER, values: { level_m: 2 } }, LATER);
    const running = await gauge.start(store);
    try {
      await eventually(() => expect([running.writer.behindBytes, running.writer.storedUpTo]).toEqual([0, LATER]));
    } finally {
      await running.close();
    }
    const [line] = await new SqlLedgerDesk(gauge.records).lines({ from: 0, to: FROM + HOUR_MS }, 10);
    const { count } = await gauge.stored(store);
    return { received: line!.received, stored: line!.stored, duplicate: line!.duplicate, inStore: count };
  }

  it('is counted as it was decided, though the store has it by now', async () => {
    await begin(10, 0);
    const first = await gauge.start(store);
    await eventually(async () => expect((await gauge.stored(store)).count).toBe(10));
    await first.close();
    expect(await books()).toEqual({ received: 10, stored: 10, duplicate: 0, inStore: 10 });
  });

  it('is counted as it is now where a power cut took some of it that was on no disk yet', async () => {
    await begin(10, 0);
    await gauge.reopenJournal((folder) => truncate(join(folder, segmentName(1)), ends[5]! % 2 ** 32));
    expect(await books()).toEqual({ received: 6, stored: 6, duplicate: 0, inStore: 6 });
  });

  it('is counted as it is now where its device was taken out meanwhile: nothing of it is in the store', async () => {
    await begin(10, 0);
    await gauge.records.deleteFrom('devices').execute();
    expect(await books()).toEqual({ received: 10, stored: 0, duplicate: 0, inStore: 0 });
  });
});
