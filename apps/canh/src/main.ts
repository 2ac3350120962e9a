import 'reflect-metadata';
import { Command, CommanderError } from 'commander';
import { CanhError } from '@canh/core/canh-error';
import { lineFor } from '@canh/runtime/run';
import { addDemoCommand } from './commands/demo-command.js';
import { addAreaCommands } from './commands/area-commands.js';
import { addContactCommands } from './commands/contact-commands.js';
import { addDeviceCommands } from './commands/device-commands.js';
import { addStationCommands } from './commands/station-commands.js';
import { addLedgerCommand } from './commands/ledger-command.js';
import { addQuarantineCommands } from './commands/quarantine-commands.js';
import { addReconcileCommand } from './commands/reconcile-command.js';
import { addReplayCommand } from './commands/replay-command.js';
import { addSimulateCommand } from './commands/simulate-command.js';
import { addStartCommand } from './commands/start-command.js';

const program = new Command('canh')
  .description(
    'Canh gác: nhận số liệu quan trắc, xét ngưỡng, báo người trực. / Takes readings, judges them, reaches the person on duty.',
  )
  .exitOverride()
  .showHelpAfterError();

addStartCommand(program);
addDemoCommand(program);
addSimulateCommand(program);
addReplayCommand(program);
addAreaCommands(program);
addStationCommands(program);
addDeviceCommands(program);
addContactCommands(program);
addLedgerCommand(program);
addQuarantineCommands(program);
addReconcileCommand(program);

const ASKED_WRONGLY: ReadonlySet<string> = new Set([
  'BAD_DOCUMENT',
  'BAD_DURATION',
  'BAD_LIMIT',
  'BAD_OPTION',
  'BAD_RECORDING',
  'BAD_SPAN',
  'BAD_TIME',
  'BAD_URL',
  'NO_FILE',
  'NO_JOURNAL',
  'NOTHING_SELECTED',
  'TOO_MANY_READINGS',
  'UNKNOWN_PROFILE',
  'UNKNOWN_STORY',
  'DEVICE_EXISTS',
  'NO_RECORDS',
  'REGISTRY_IN_USE',
  'UNKNOWN_AREA',
  'UNKNOWN_CONTACT',
  'UNKNOWN_DEVICE',
  'BAD_COMMAND',
  'BEHIND_GATEWAY',
  'UNKNOWN_STATION',
]);

/** 0 done, 1 could not be done, 2 asked wrongly. */
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.stderr.write(`${lineFor(error)}\n`);
    process.exitCode = error instanceof CanhError && ASKED_WRONGLY.has(error.code) ? 2 : 1;
  }
}
