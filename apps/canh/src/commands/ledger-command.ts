import type { Command } from 'commander';
import { CanhError } from '@canh/core/canh-error';
import { hourOf, type LedgerLine } from '@canh/core/series/ledger';
import { DAY_MS, HOUR_MS } from '@canh/core/time/instant';
import { CommonSettings } from '@canh/runtime/common.settings';
import { readSettings } from '@canh/runtime/settings';
import { systemClock } from '@canh/runtime/system-clock';
import { visible } from '../../../console/src/views/visible.js';
import { print, printRows, type Json } from './output.js';
import { withExistingRecords } from './records.js';
import { momentText, spanOf, withSpan, type SpanOptions } from './span.js';

const MOST_LINES = 100_000;

export const quarantinedOf = ({ quarantined }: Pick<LedgerLine, 'quarantined'>): number =>
  Object.values(quarantined).reduce((sum, count) => sum + count, 0);

export function addLedgerCommand(program: Command): void {
  withSpan(
    program
      .command('ledger')
      .description(
        'what became of everything that arrived, by device and hour: received = stored + duplicate + quarantined',
      )
      .option('--device <id>', 'of this device'),
  )
    .option('--json', 'print JSON')
    .action(async ({ device, json, ...given }: SpanOptions & Json & { device?: string }) => {
      const { to = systemClock.now() + 1, from = to - DAY_MS } = spanOf(given);
      const query = {
        from: hourOf(from),
        to: hourOf(to - 1) + HOUR_MS,
        ...(device === undefined ? {} : { deviceId: device }),
      };
      const { lines, stationOf } = await withExistingRecords(async ({ ledger, registry }) => {
        const { devices } = await registry.inventory();
        return {
          lines: await ledger.lines(query, MOST_LINES + 1),
          stationOf: new Map(devices.map(({ id, stationId }) => [id, stationId])),
        };
      });
      if (lines.length > MOST_LINES)
        throw new CanhError(
          'BAD_SPAN',
          `There are more than ${MOST_LINES} lines. Ask for a shorter span with --from and --to, or for one --device.`,
        );
      if (json === true)
        return print(
          JSON.stringify(
            lines.map((line) => ({ ...line, stationId: stationOf.get(line.deviceId) ?? null })),
            null,
            2,
          ),
        );
      const when = momentText(readSettings(CommonSettings).timezone);
      printRows(
        lines.map((line) => {
          const quarantined = quarantinedOf(line);
          const unaccounted = line.received - line.stored - line.duplicate - quarantined;
          return {
            hour: when(line.hour).slice(0, -3),
            device: line.deviceId === '' ? null : visible(line.deviceId),
            station: stationOf.get(line.deviceId),
            messages: line.messages,
            received: line.received,
            stored: line.stored,
            duplicate: line.duplicate,
            quarantined,
            late: line.late,
            missing: line.missing,
            sum: unaccounted === 0 ? 'ok' : `off by ${unaccounted}`,
            why: Object.entries(line.quarantined)
              .map(([reason, count]) => `${count} ${reason}`)
              .join(', '),
          };
        }),
        false,
      );
    });
}
