import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { loadCatalogue } from '@canh/adapters/device-catalogue/device-catalogue';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { segments } from '@canh/adapters/journal-files/segments';
import { openRecords } from '@canh/adapters/records-sql/open-records';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import { SqlLedger } from '@canh/adapters/records-sql/sql-ledger';
import { SqlLedgerDesk } from '@canh/adapters/records-sql/sql-ledger-desk';
import { SqlQuarantineDesk } from '@canh/adapters/records-sql/sql-quarantine-desk';
import { SqlRegistry } from '@canh/adapters/records-sql/sql-registry';
import { CanhError } from '@canh/core/canh-error';
import { hourOf } from '@canh/core/series/ledger';
import { KnownDevices } from '@canh/core/stations/known-devices';
import { DAY_MS, HOUR_MS, MINUTE_MS, type Instant } from '@canh/core/time/instant';
import { readSettings } from '@canh/runtime/settings';
import { systemClock } from '@canh/runtime/system-clock';
import { visible } from '../../../console/src/views/visible.js';
import { ProcessorSettings } from '../../../processor/src/processor.settings.js';
import { quarantinedOf } from './ledger-command.js';
import { print, printRows, type Json } from './output.js';
import { QuarantineRows } from './reconcile/quarantine-rows.js';
import { reconcile, type Reconciled, type Wanted } from './reconcile/reconcile.js';
import { seriesAtHand } from './reconcile/series-at-hand.js';
import { findingWords } from './reconcile/finding-words.js';
import { momentText, spanOf, withSpan, type SpanOptions } from './span.js';

/** 2100-01-01: no end. */
const FOREVER: Instant = 4_102_444_800_000;

export function addReconcileCommand(program: Command): void {
  withSpan(
    program
      .command('reconcile')
      .description(
        'check from the journal itself that everything that was received is stored, a duplicate or in quarantine, and that the ledger says so; in whole hours. Ends with 1 where something differs',
      )
      .option('--device <id>', 'of this device'),
  )
    .option('--json', 'print JSON')
    .action(async ({ device, json, ...given }: SpanOptions & Json & { device?: string }) => {
      const { from = 0, to = FOREVER } = spanOf(given);
      const settings = readSettings(ProcessorSettings);
      const found = await reconciled(settings, {
        from: hourOf(from),
        to: hourOf(to - 1) + HOUR_MS,
        deviceId: device ?? null,
      });
      const agrees = found.differences.length === 0;
      if (json === true) print(JSON.stringify({ agrees, ...found }, null, 2));
      else tell(found, settings.timezone);
      process.exitCode = agrees ? 0 : 1;
    });
}

async function reconciled(settings: ProcessorSettings, wanted: Wanted): Promise<Reconciled> {
  if (!existsSync(settings.recordsFile) || !existsSync(settings.journalDir))
    throw new CanhError(
      'NO_JOURNAL',
      `There is no journal and no ledger in ${settings.dataDir}: nothing was received there yet. Is CANH_DATA_DIR the folder you mean?`,
    );
  const records = await openRecords(settings.recordsFile);
  const journal = new FileJournalReader(settings.journalDir);
  try {
    const checkpoints = new SqlCheckpoints(records);
    const atHand = await seriesAtHand(settings, checkpoints);
    try {
      const { profiles } = await loadCatalogue(settings.devicesDir);
      return await reconcile(
        {
          journal,
          journalIsWhole: (await segments(settings.journalDir))[0] === 1,
          ledger: new SqlLedger(records),
          ledgerDesk: new SqlLedgerDesk(records),
          rows: () => QuarantineRows.read(new SqlQuarantineDesk(records)),
          series: atHand.series,
          devices: new KnownDevices(await new SqlRegistry(records).inventory(), profiles, systemClock.now()),
          window: {
            pastMs: settings.readingMaxAgeDays * DAY_MS,
            futureMs: settings.readingMaxAheadMinutes * MINUTE_MS,
            lateMs: settings.readingLateMinutes * MINUTE_MS,
          },
          wholeMilliseconds: settings.influxUrl !== null && settings.influxVersion === 'victoria',
          storeOffset: () => checkpoints.offset('store'),
        },
        wanted,
      );
    } finally {
      await atHand.close();
    }
  } finally {
    await journal.close();
    await records.destroy();
  }
}

function tell(found: Reconciled, timezone: string): void {
  const when = momentText(timezone);
  const wrong = new Set(found.differences.map(({ deviceId }) => deviceId));
  printRows(
    found.devices.map((line) => ({
      device: line.deviceId === '' ? null : visible(line.deviceId),
      messages: line.messages,
      received: line.received,
      stored: line.stored,
      duplicate: line.duplicate,
      quarantined: quarantinedOf(line),
      late: line.late,
      agrees: wrong.has(line.deviceId) ? 'NO' : 'yes',
    })),
    false,
  );
  for (const note of found.notes) print(findingWords(note, when));
  if (found.unaccounted !== null)
    print(
      `${found.unaccounted.messages} bản tin nhận từ ${when(found.unaccounted.from)} chưa vào sổ / messages received since then are not accounted for yet; this is no difference`,
    );
  if (found.booksFrom !== null)
    print(
      `Sổ có từ ${when(found.booksFrom)}; trước đó chỉ đối chiếu với kho số liệu / the books are kept from then on; what came before was looked for in the store alone`,
    );
  if (found.refilling)
    print(
      'Kho số liệu đang được ghi lại từ nhật ký / the store is being filled again from the journal; ask again later',
    );
  for (const difference of found.differences) print(`≠ ${findingWords(difference, when)}`);
  const upTo = found.accountedUpTo === null ? '—' : when(found.accountedUpTo);
  print(
    found.differences.length === 0
      ? `Khớp đến ${upTo} / all agrees until then (${found.hoursCompared} giờ đối chiếu với sổ / hours held against the ledger)`
      : `KHÔNG KHỚP / DIFFERENCES: ${found.differences.length}`,
  );
}
