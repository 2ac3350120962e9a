import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { journalBytes, segmentName, segmentOf, segments } from '@canh/adapters/journal-files/segments';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import { SqlClockRecord } from '@canh/adapters/records-sql/sql-clock-record';
import { SqlLedger } from '@canh/adapters/records-sql/sql-ledger';
import { SqlLedgerDesk } from '@canh/adapters/records-sql/sql-ledger-desk';
import type { JournalOffset } from '@canh/core/readings/journal';
import { DAY_MS, HOUR_MS, type Instant, MINUTE_MS } from '@canh/core/time/instant';
import { openLog } from '@canh/runtime/log';
import { Retention } from '../../apps/processor/src/retention.js';
import { SteadyClock } from '../../apps/processor/src/steady-clock.js';

const START_AT = 500_000 * HOUR_MS;
const SEGMENT_BYTES = 1_024;

describe('what is old', () => {
  let folder: string;
  let journal: FileJournalWriter;
  let records: RecordsDatabase;
  let ledger: SqlLedger;
  let now = START_AT;
  /** By how much the clock is wrong. */
  let wrongMs = 0;
  let oldestUnsealed: Instant | null = null;
  let judged: JournalOffset = 0;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'canh-retention-'));
    journal = await FileJournalWriter.open(join(folder, 'journal'), { segmentBytes: SEGMENT_BYTES });
    records = await openRecords(join(folder, 'records.sqlite'));
    ledger = new SqlLedger(records);
    [now, wrongMs, oldestUnsealed, judged] = [START_AT, 0, null, 0];
  });
  afterEach(async () => {
    await journal.close();
    await records.destroy();
    await rm(folder, { recursive: true, force: true });
  });

  /** A message an hour, each in a segment of its own; stored at once while `stored`. */
  async function hours(count: number, stored: boolean): Promise<void> {
    for (let hour = 0; hour < count; hour += 1) await message(HOUR_MS, stored);
  }
  async function message(everyMs: number, stored = true): Promise<void> {
    const at = clock.now();
    const payload = Buffer.alloc(SEGMENT_BYTES);
    const next = await journal.append({ kind: 'telemetry', deviceId: 'd', receivedAt: at, payload });
    judged = next;
    await utimes(join(folder, 'journal', segmentName(segmentOf(next))), at / 1_000, at / 1_000);
    const line = { messages: 1, received: 1, stored: 1, duplicate: 0, late: 0, quarantined: {}, missing: 0 };
    if (stored) await ledger.settle({ next, lines: [{ deviceId: 'd', hour: at, ...line }], counts: [], at });
    now += everyMs;
  }
  const clock = { now: () => now + wrongMs };
  const retention = (maxGb = 1, steady = new SteadyClock(clock, () => now)): Retention =>
    new Retention({
      settings: { journalDir: join(folder, 'journal'), journalKeepHours: 48, journalMaxGb: maxGb, ledgerKeepDays: 7 },
      checkpoints: new SqlCheckpoints(records),
      ledger,
      judged: () => judged,
      oldestUnsealed: async () => oldestUnsealed,
      clock,
      steady,
      log: openLog('processor', { logLevel: 'silent' }),
    });
  const kept = async (): Promise<number> => (await segments(join(folder, 'journal'))).length;

  it('stays in the journal for as long as it is to be kept after it was stored', async () => {
    await hours(60, true);
    await retention().sweep();
    const left = await kept();
    expect(left).toBeGreaterThanOrEqual(48);
    expect(left).toBeLessThan(51);
  });

  it('goes earlier from a journal that grew too large, but not before thirty hours, and then says so', async () => {
    await hours(60, true);
    const small = retention((SEGMENT_BYTES * 10) / 1e9);
    await small.sweep();
    expect(await kept()).toBeGreaterThanOrEqual(30);
    expect(await kept()).toBeLessThan(33);
    expect(small.warning).toContain('CANH_JOURNAL_MAX_GB');

    const roomy = retention(((await journalBytes(join(folder, 'journal'))) + 1) / 1e9);
    await roomy.sweep();
    expect(roomy.warning).toBeNull();
  });

  it('is there however old, while the store has not got it, and for the time after it has', async () => {
    await hours(5, true);
    await hours(100, false);
    await retention((SEGMENT_BYTES * 10) / 1e9).sweep();
    expect(await kept()).toBeGreaterThanOrEqual(100);

    await hours(1, true);
    await retention().sweep();
    expect(await kept()).toBeGreaterThanOrEqual(100);
    await hours(49, true);
    await retention().sweep();
    expect(await kept()).toBeLessThan(52);
  });

  it('is there while the judge has not passed it', async () => {
    await hours(60, true);
    judged = 0;
    await retention().sweep();
    expect(await kept()).toBeGreaterThanOrEqual(60);
  });

  it('leaves the ledger after its days', async () => {
    await hours(9 * 24, true);
    await retention().sweep();
    const lines = await new SqlLedgerDesk(records).lines({ from: START_AT, to: now }, 1_000);
    expect(Math.min(...lines.map(({ hour }) => hour))).toBeGreaterThanOrEqual(now - 7 * DAY_MS - HOUR_MS);
    expect(lines.length).toBeGreaterThanOrEqual(7 * 24);
  });

  it('stays in the journal while the store holds it in a file that may break', async () => {
    await hours(5, true);
    oldestUnsealed = now;
    await hours(100, true);
    const small = retention((SEGMENT_BYTES * 10) / 1e9);
    await small.sweep();
    expect(await kept()).toBeGreaterThanOrEqual(100);
    expect(await kept()).toBeLessThan(104);
    oldestUnsealed = null;
    await small.sweep();
    expect(await kept()).toBeLessThan(33);
  });

  it('is all there after sweeps under a clock of another year, and goes a day after the clock was set right', async () => {
    await hours(60, true);
    const before = await kept();
    const desk = new SqlLedgerDesk(records);
    const lines = async () => (await desk.lines({ from: START_AT, to: now }, 1_000)).length;
    const swept = retention();
    wrongMs = 730 * DAY_MS;
    for (let sweeps = 0; sweeps < 3; sweeps += 1) {
      await swept.sweep();
      expect([await kept(), await lines()]).toEqual([before, 60]);
      expect(swept.warning).toContain('clock');
      now += 10 * MINUTE_MS;
    }
    wrongMs = 0;
    await swept.sweep();
    now += DAY_MS - 1;
    await swept.sweep();
    expect([await kept(), await lines()]).toEqual([before, 60]);
    now += 1;
    await swept.sweep();
    expect(await kept()).toBeLessThan(before);
    expect(swept.warning).toBeNull();
  });

  it('is all there after a start under a clock of another year, and after the next, until Canh has run for a day', async () => {
    await hours(60, true);
    const before = await kept();
    const record = new SqlClockRecord(records);
    const started = async () => {
      const began = now;
      const steady = await SteadyClock.open(clock, record, () => now - began);
      return retention(1, steady);
    };
    wrongMs = 730 * DAY_MS;
    for (let starts = 0; starts < 2; starts += 1) {
      const swept = await started();
      for (let sweeps = 0; sweeps < 10; sweeps += 1) {
        await swept.sweep();
        expect(await kept()).toBe(before);
        expect(swept.warning).toContain('clock');
        now += HOUR_MS;
      }
    }
    const swept = await started();
    for (let sweeps = 0; sweeps < 7; sweeps += 1) {
      await swept.sweep();
      now += HOUR_MS;
    }
    expect(swept.warning).toBeNull();
    expect(await kept()).toBeLessThan(before);
  });

  it('goes at once after a short stop, and a day after the start that a long one ended', async () => {
    await hours(60, true);
    const before = await kept();
    const record = new SqlClockRecord(records);
    now += 20 * HOUR_MS;
    const soon = retention(1, await SteadyClock.open(clock, record, () => now));
    await soon.sweep();
    expect(soon.warning).toBeNull();
    const left = await kept();
    expect(left).toBeLessThan(before);
    now += 9 * DAY_MS;
    const late = retention(1, await SteadyClock.open(clock, record, () => now));
    await late.sweep();
    expect(late.warning).toContain('clock');
    expect(await kept()).toBe(left);
    now += DAY_MS;
    await late.sweep();
    expect(late.warning).toBeNull();
    expect(await kept()).toBeLessThan(left);
  });

  it('stays when it was written an hour ago, and marked as stored under a clock that was a week slow', async () => {
    await hours(1, true);
    for (let minute = 0; minute < 60; minute += 1) await message(MINUTE_MS);
    wrongMs = -7 * DAY_MS;
    for (let minute = 0; minute < 3; minute += 1) await message(MINUTE_MS);
    wrongMs = 0;
    for (let minute = 0; minute < 3; minute += 1) await message(MINUTE_MS);
    const before = await kept();
    await retention().sweep();
    expect(await kept()).toBe(before);
  });
});
