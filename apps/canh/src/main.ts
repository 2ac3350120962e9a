import 'reflect-metadata';
import { Command, CommanderError } from 'commander';
import { CanhError } from '@canh/core/canh-error';
import { lineFor } from '@canh/runtime/run';

const program = new Command('canh')
  .description(
    'Canh gác: nhận số liệu quan trắc, xét ngưỡng, báo người trực. / Takes readings, judges them, reaches the person on duty.',
  )
  .exitOverride()
  .showHelpAfterError();

/** Each is loaded when it is asked for: all of them together are two thousand files, which take longer than most commands do. */
const COMMANDS = new Map<string, () => Promise<(program: Command) => void>>([
  ['start', async () => (await import('./commands/start-command.js')).addStartCommand],
  ['demo', async () => (await import('./commands/demo-command.js')).addDemoCommand],
  ['simulate', async () => (await import('./commands/simulate-command.js')).addSimulateCommand],
  ['replay', async () => (await import('./commands/replay-command.js')).addReplayCommand],
  ['area', async () => (await import('./commands/area-commands.js')).addAreaCommands],
  ['station', async () => (await import('./commands/station-commands.js')).addStationCommands],
  ['device', async () => (await import('./commands/device-commands.js')).addDeviceCommands],
  ['contact', async () => (await import('./commands/contact-commands.js')).addContactCommands],
  ['ledger', async () => (await import('./commands/ledger-command.js')).addLedgerCommand],
  ['quarantine', async () => (await import('./commands/quarantine-commands.js')).addQuarantineCommands],
  ['reconcile', async () => (await import('./commands/reconcile-command.js')).addReconcileCommand],
]);

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
  'UNKNOWN_STATION',
  'WRONG_CODE',
]);

/** 0 done, 1 could not be done, 2 asked wrongly. */
try {
  const asked = COMMANDS.get(process.argv[2] ?? '');
  // Help, and what is no command, want the list of all.
  for (const load of asked === undefined ? COMMANDS.values() : [asked]) (await load())(program);
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.stderr.write(`${lineFor(error)}\n`);
    process.exitCode = error instanceof CanhError && ASKED_WRONGLY.has(error.code) ? 2 : 1;
  }
}
