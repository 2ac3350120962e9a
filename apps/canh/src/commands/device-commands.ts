import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { CanhError } from '@canh/core/canh-error';
import { durationMs } from '@canh/core/time/duration';
import { DAY_MS } from '@canh/core/time/instant';
import { systemClock } from '@canh/runtime/system-clock';
import { addCommandsToDevices } from './device-command-commands.js';
import { print, printRows, type Json } from './output.js';
import { checked, put, withExistingRecords, withRecords } from './records.js';

export function addDeviceCommands(program: Command): void {
  const device = program.command('device').description('devices: what publishes, and the tokens they were issued');
  addCommandsToDevices(device);
  device
    .command('add')
    .description('add a device and print its token, once')
    .requiredOption('--station <id>', 'where it measures')
    .requiredOption('--profile <id>', "what model it is: a folder's name in devices/")
    .option('--id <id>', 'otherwise the station and the profile')
    .option('--name <text>', 'what its gateway calls it')
    .option('--gateway <id>', 'the device that may publish for it')
    .option('--json', 'print JSON')
    .action(
      async (given: { station: string; profile: string; id?: string; name?: string; gateway?: string } & Json) => {
        const id = given.id ?? `${given.station}-${given.profile}`;
        const document = checked(
          {
            devices: [{ id, station: given.station, profile: given.profile, name: given.name, gateway: given.gateway }],
          },
          'canh device add',
        );
        const token = await withRecords(async (desk) => {
          if ((await desk.registry.inventory()).devices.some((known) => known.id === id))
            throw new CanhError(
              'DEVICE_EXISTS',
              `There is a device ${id} already. Give another --id, or 'canh device rotate ${id}' for a new token.`,
            );
          await put(desk, document);
          return desk.credentials.issue(id);
        });
        printRows([{ device: id, token }], given.json ?? false);
      },
    );
  device
    .command('list')
    .description('the devices; their tokens are not kept')
    .option('--json', 'print JSON')
    .action(async ({ json }: Json) => {
      const { devices } = await withExistingRecords(({ registry }) => registry.inventory());
      printRows(
        devices.map(({ id, name, stationId, profileId, gatewayId }) => ({
          id,
          name,
          station: stationId,
          profile: profileId,
          gateway: gatewayId,
        })),
        json ?? false,
      );
    });
  device
    .command('rotate')
    .description('print a new token for the device; the old one is refused from now on, or once --keep-old-for is over')
    .argument('<id>')
    .option('--keep-old-for <duration>', 'let the device in by its old token too for so long, as 24h', '0s')
    .option('--json', 'print JSON')
    .action(async (id: string, { keepOldFor, json }: { keepOldFor: string } & Json) => {
      const keepMs = keepOldForMs(keepOldFor);
      const keepOldUntil = keepMs === 0 ? undefined : systemClock.now() + keepMs;
      const token = await withRecords(({ credentials }) => credentials.issue(id, keepOldUntil));
      const until = keepOldUntil === undefined ? {} : { oldTokenUntil: new Date(keepOldUntil).toISOString() };
      printRows([{ device: id, token, ...until }], json ?? false);
    });
  device
    .command('password')
    .description('print a new password for the device, whose MQTT user name is its id; its token stays')
    .argument('<id>')
    .option('--from-file <file>', 'take the password that stands there instead; - reads standard input')
    .option('--json', 'print JSON')
    .action(async (id: string, { fromFile, json }: { fromFile?: string } & Json) => {
      if (fromFile === undefined) {
        const password = await withRecords(({ credentials }) => credentials.issuePassword(id));
        return printRows([{ device: id, password }], json ?? false);
      }
      const chosen = passwordIn(fromFile);
      await withRecords(({ credentials }) => credentials.setPassword(id, chosen));
      return printRows([{ device: id }], json ?? false);
    });
  device
    .command('revoke')
    .description('withdraw token and password, refuse the certificates issued so far, and hang up on the device')
    .argument('<id>')
    .action(async (id: string) => {
      await withRecords(({ credentials }) => credentials.revoke(id, systemClock.now()));
      print(id);
    });
}

/** Longer than this and nobody remembers that there are two. */
const LONGEST_OVERLAP_MS = 90 * DAY_MS;

function keepOldForMs(text: string): number {
  const ms = durationMs(text);
  if (ms > LONGEST_OVERLAP_MS)
    throw new CanhError('BAD_DURATION', `--keep-old-for ${text} is more than 90d. Rotate again when that is over.`);
  return ms;
}

/** Not as an argument: those stand in the shell's history and in the list of processes. */
function passwordIn(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new CanhError('NO_FILE', `${file} cannot be read (${(cause as Error).message}).`, { cause });
  }
}
