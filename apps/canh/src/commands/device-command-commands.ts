import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { durationMs } from '@canh/core/time/duration';
import { CommonSettings } from '@canh/runtime/common.settings';
import { readSettings } from '@canh/runtime/settings';
import { systemClock } from '@canh/runtime/system-clock';
import { printRows, type Json } from './output.js';
import { withExistingRecords } from './records.js';
import { momentText } from './span.js';

const MOST_SHOWN = 100;

/** Below `canh device`: what devices are asked to do, and what became of it. */
export function addCommandsToDevices(device: Command): void {
  device
    .command('send')
    .description('ask a device to do something; it is kept for a device that is away until it is back')
    .requiredOption('--device <id>', 'which')
    .requiredOption('--method <name>', "what to do, in the device's words")
    .option('--params <json>', 'with what', '{}')
    .option('--expires <duration>', 'not delivered any more after so long, 30d at most: 90s, 10m, 24h', '1h')
    .option('--json', 'print JSON')
    .action(async (given: { device: string; method: string; params: string; expires: string } & Json) => {
      const now = systemClock.now();
      const id = await withExistingRecords(({ commands }) =>
        commands.send(
          {
            deviceId: given.device,
            method: given.method,
            params: given.params,
            by: userInfo().username,
            expiresAt: now + durationMs(given.expires),
          },
          now,
        ),
      );
      printRows([{ command: id, device: given.device, state: 'waiting' }], given.json ?? false);
    });
  device
    .command('commands')
    .description('what the device was asked to do, the newest first, and what it answered')
    .argument('<id>')
    .option('--json', 'print JSON')
    .action(async (id: string, { json = false }: Json) => {
      const [commands, people] = await withExistingRecords((desk) =>
        Promise.all([desk.commands.of(id, MOST_SHOWN), desk.operators.names()]),
      );
      const local = momentText(readSettings(CommonSettings).timezone);
      const time = (at: number | null): number | string | null => (at === null || json ? at : local(at));
      printRows(
        commands.map((command) => ({
          command: command.id,
          method: command.method,
          params: command.params,
          by: people.get(command.by) ?? command.by,
          state: command.state,
          created: time(command.createdAt),
          expires: time(command.expiresAt),
          sent: time(command.sentAt),
          through: command.sentThrough === command.deviceId ? null : command.sentThrough,
          delivered: time(command.deliveredAt),
          answered: time(command.answeredAt),
          answer: command.answer,
        })),
        json,
      );
    });
}
