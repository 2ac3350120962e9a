import type { Command } from 'commander';
import { CanhError } from '@canh/core/canh-error';
import { print, printRows, type Json } from './output.js';
import { checked, put, withExistingRecords, withRecords } from './records.js';

export function addDeviceCommands(program: Command): void {
  const device = program.command('device').description('devices: what publishes, and the tokens they were issued');
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
    .description('print a new token for the device; the old one is refused from now on')
    .argument('<id>')
    .option('--json', 'print JSON')
    .action(async (id: string, { json }: Json) => {
      const token = await withRecords(({ credentials }) => credentials.issue(id));
      printRows([{ device: id, token }], json ?? false);
    });
  device
    .command('revoke')
    .description('refuse the device from its next connection on')
    .argument('<id>')
    .action(async (id: string) => {
      await withRecords(({ credentials }) => credentials.revoke(id));
      print(id);
    });
}
