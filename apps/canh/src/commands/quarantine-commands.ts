import { Option, type Command } from 'commander';
import { CanhError } from '@canh/core/canh-error';
import type { QuarantineQuery, QuarantineReason } from '@canh/core/readings/quarantine';
import { QUARANTINE_REASONS } from '@canh/contract/commands.dto';
import { CommonSettings } from '@canh/runtime/common.settings';
import { readSettings } from '@canh/runtime/settings';
import { visible } from '../../../console/src/views/visible.js';
import { print, printRows, type Json } from './output.js';
import { withExistingRecords } from './records.js';
import { momentText, spanOf, withSpan, type SpanOptions } from './span.js';

interface Selection extends SpanOptions {
  readonly device?: string;
  readonly reason?: QuarantineReason;
}

const MOST_LISTED = 10_000;

const withSelection = (command: Command): Command =>
  withSpan(
    command
      .option('--device <id>', 'of this device')
      .addOption(new Option('--reason <word>', 'for this reason').choices([...QUARANTINE_REASONS])),
  );

const queryOf = ({ device, reason, ...span }: Selection): QuarantineQuery => ({
  ...(device === undefined ? {} : { deviceId: device }),
  ...(reason === undefined ? {} : { reason }),
  ...spanOf(span),
});

function limitOf(text: string): number {
  const limit = Number(text);
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MOST_LISTED)
    throw new CanhError('BAD_OPTION', `--limit ${text} is not a whole number from 1 to ${MOST_LISTED}.`);
  return limit;
}

export function addQuarantineCommands(program: Command): void {
  const quarantine = program
    .command('quarantine')
    .description('what arrived and is not stored as a reading, with its reason and its bytes');
  withSelection(quarantine.command('list').description('the newest first'))
    .option('--limit <number>', `at most so many, ${MOST_LISTED} at most`, '100')
    .option('--json', 'print JSON, with the bytes in base64')
    .action(async ({ limit, json, ...selection }: Selection & Json & { limit: string }) => {
      const [query, most] = [queryOf(selection), limitOf(limit)];
      const rows = await withExistingRecords(({ quarantine: desk }) => desk.newest(query, most));
      if (json === true) {
        const plain = rows.map(({ payload, ...row }) => ({ ...row, payload: Buffer.from(payload).toString('base64') }));
        return print(JSON.stringify(plain, null, 2));
      }
      const when = momentText(readSettings(CommonSettings).timezone);
      printRows(
        rows.map(({ receivedAt, deviceId, reason, detail, payload, replayedAt }) => ({
          received: when(receivedAt),
          device: deviceId === '' ? null : visible(deviceId),
          reason,
          detail: visible(detail),
          bytes: payload.length,
          replayed: replayedAt === null ? null : when(replayedAt),
        })),
        false,
      );
    });
  withSelection(
    quarantine
      .command('replay')
      .description(
        'have it decoded again, after what was wrong was mended (a profile, a device); a running Canh takes it up at once',
      ),
  )
    .option('--all', 'everything')
    .option('--json', 'print JSON')
    .action(async ({ all, json, ...selection }: Selection & Json & { all?: boolean }) => {
      const query = queryOf(selection);
      if (all !== true && Object.keys(query).length === 0)
        throw new CanhError(
          'NOTHING_SELECTED',
          'Nothing is selected to be decoded again. Name it with --device, --reason, --from or --to, or say --all.',
        );
      const messages = await withExistingRecords(({ quarantine: desk }) => desk.requestReplay(query));
      if (json === true) return print(JSON.stringify({ messages }));
      print(`${messages} bản tin sẽ được giải mã lại / messages will be decoded again`);
    });
}
