import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { SqlQuarantine } from '@canh/adapters/records-sql/sql-quarantine';
import { SqlQuarantineDesk } from '@canh/adapters/records-sql/sql-quarantine-desk';
import { SqlReplayRequests } from '@canh/adapters/records-sql/sql-replay-requests';
import { START } from '@canh/core/readings/journal';
import type { Message } from '@canh/core/readings/message';
import type { Quarantined } from '@canh/core/readings/quarantine';
import { originalOf } from '@canh/core/readings/replayed';
import { openLog } from '@canh/runtime/log';
import { eventually } from '../support/eventually.js';
import { Intake, type AskPlace } from '../../apps/broker/src/intake/intake.js';
import { Replays } from '../../apps/broker/src/intake/replays.js';

const CAME: number = Date.UTC(2023, 10, 4, 19);
const NOW = CAME + 86_400_000;
const log = openLog('broker', { logLevel: 'silent' });

describe('what is asked to be read once more', () => {
  let folder: string;
  let records: RecordsDatabase;
  let journal: FileJournalWriter;
  let reader: FileJournalReader;
  let intake: Intake;
  let replays: Replays;
  let desk: SqlQuarantineDesk;

  /** Where the judge is stays as it is. */
  const openReplays = (askPlace: AskPlace | null = null): Replays => {
    const clock = { now: () => NOW };
    intake = new Intake(journal, clock, log, () => undefined, askPlace);
    return new Replays(new SqlReplayRequests(records), intake, clock, log);
  };
  const bad = (offset: number, more: Partial<Quarantined> = {}): Quarantined => ({
    offset,
    part: 0,
    kind: 'telemetry',
    senderId: 'logger-7',
    deviceId: 'logger-7',
    receivedAt: CAME + offset,
    reason: 'unknown-metric',
    detail: '',
    payload: Buffer.from(`{"level_mm":${offset}}`),
    ...more,
  });
  const inJournal = async (): Promise<Message[]> => {
    const found: Message[] = [];
    for (let from = START; ;) {
      const { entries, next } = await reader.read(from, 1 << 20);
      if (entries.length === 0) return found;
      found.push(...entries.map(({ message }) => message));
      from = next;
    }
  };
  const originals = async () => (await inJournal()).map(({ payload }) => originalOf(Buffer.from(payload).toString()));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'canh-replays-'));
    records = await openRecords(join(folder, 'records.sqlite'), { waitMs: 50 });
    journal = await FileJournalWriter.open(join(folder, 'journal'));
    reader = new FileJournalReader(join(folder, 'journal'));
    desk = new SqlQuarantineDesk(records);
    replays = openReplays();
  });
  afterEach(async () => {
    await intake.close();
    await replays.close();
    await reader.close();
    await journal.close();
    await records.destroy();
    await rm(folder, { recursive: true });
  });

  it('is in the journal again with its sender, its bytes and when it first came, and is noted as handed in', async () => {
    const bytes = Buffer.from([0xff, 0x0a, 0x00, 0xc3]);
    await new SqlQuarantine(records).keep([
      bad(16),
      bad(32, { kind: 'gateway-telemetry', senderId: 'gateway-1', reason: 'not-utf8', payload: bytes }),
      bad(48),
    ]);
    expect(await desk.requestReplay({ to: CAME + 48 })).toBe(2);
    await replays.look();
    const [first, second, ...more] = await inJournal();
    expect(more).toEqual([]);
    expect(first).toMatchObject({ kind: 'replayed', deviceId: 'logger-7', receivedAt: NOW });
    expect(originalOf(Buffer.from(first!.payload).toString())).toEqual({
      kind: 'telemetry',
      receivedAt: CAME + 16,
      text: '{"level_mm":16}',
    });
    expect(second).toMatchObject({ kind: 'replayed', deviceId: 'gateway-1', receivedAt: NOW });
    expect(Buffer.from(second!.payload).subarray(-bytes.length)).toEqual(bytes);
    expect((await desk.newest({}, 10)).map(({ replayedAt }) => replayedAt)).toEqual([null, NOW, NOW]);
  });

  it('is handed in once, however often it is looked for at the same time and later', async () => {
    await new SqlQuarantine(records).keep([bad(16)]);
    await desk.requestReplay({});
    await Promise.all([replays.look(), replays.look(), replays.look()]);
    await replays.look();
    expect(await originals()).toHaveLength(1);
  });

  it('goes oldest first, a bounded number at a look, until nothing is left', async () => {
    const offsets = Array.from({ length: 230 }, (_, n) => 1 + n);
    await new SqlQuarantine(records).keep(offsets.toReversed().map((offset) => bad(offset)));
    expect(await desk.requestReplay({})).toBe(230);
    await replays.look();
    expect((await originals()).map(({ receivedAt }) => receivedAt - CAME)).toEqual(offsets.slice(0, 200));
    await replays.look();
    expect((await originals()).map(({ receivedAt }) => receivedAt - CAME)).toEqual(offsets);
  });

  it('waits for the judge as what its device sends does, and lets a device that reports go first', async () => {
    await replays.close();
    let asked = 0;
    replays = openReplays(async () => {
      asked += 1;
      return { judged: START + 1 };
    });
    await intake.accept('telemetry', 'logger-8', Buffer.from('{}'));
    await eventually(() => expect(asked).toBeGreaterThan(1));
    const large = Buffer.from(JSON.stringify({ long: 'x'.repeat(200_000) }));
    await new SqlQuarantine(records).keep(Array.from({ length: 40 }, (_, n) => bad(n + 1, { payload: large })));
    expect(await desk.requestReplay({})).toBe(40);
    const looked = replays.look();
    await eventually(() => expect(intake.waiting).toBeGreaterThan(0));
    const live = intake.accept('telemetry', 'logger-8', Buffer.from('{"live":1}'));
    const answeredBefore = asked;
    await eventually(() => expect(asked).toBeGreaterThan(answeredBefore + 5));
    expect(intake.waiting).toBeLessThan(5);
    expect(await inJournal()).toHaveLength(journal.appended);
    expect(journal.appended).toBeLessThan(30);

    await intake.close();
    await Promise.all([live, looked]);
    const kept = await inJournal();
    expect(kept).toHaveLength(42);
    const liveAt = kept.findIndex(({ payload }) => Buffer.from(payload).toString() === '{"live":1}');
    expect(kept.slice(liveAt).filter(({ kind }) => kind === 'replayed').length).toBeGreaterThan(10);
  });

  it('is tried again when the journal could not take it', async () => {
    await new SqlQuarantine(records).keep([bad(16)]);
    await desk.requestReplay({});
    await journal.close();
    await replays.look();
    expect((await desk.newest({}, 1))[0]?.replayedAt).toBeNull();

    journal = await FileJournalWriter.open(join(folder, 'journal'));
    replays = openReplays();
    await replays.look();
    expect(await originals()).toHaveLength(1);
    expect((await desk.newest({}, 1))[0]?.replayedAt).toBe(NOW);
  });

  it('is handed in once more when it could not be noted that it was: twice, and not never', async () => {
    await new SqlQuarantine(records).keep([bad(16)]);
    await desk.requestReplay({});
    const other = new DatabaseSync(join(folder, 'records.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    await replays.look();
    other.exec('COMMIT');
    other.close();
    await replays.look();
    await replays.look();
    expect(await originals()).toHaveLength(2);
  });

  it('is let go of where no frame of the journal could hold it, and the others are not held up', async () => {
    const large = new Uint8Array(1 << 20).fill(0x20);
    await new SqlQuarantine(records).keep([bad(16, { payload: large }), bad(32)]);
    await desk.requestReplay({});
    await replays.look();
    expect((await originals()).map(({ receivedAt }) => receivedAt - CAME)).toEqual([32]);
    expect((await desk.newest({}, 10)).map(({ replayedAt }) => replayedAt)).toEqual([NOW, NOW]);
    await replays.look();
    expect(await originals()).toHaveLength(1);
  });
});
