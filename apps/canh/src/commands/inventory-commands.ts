import { Option, type Command } from 'commander';
import { CanhError } from '@canh/core/canh-error';
import { SEVERITIES } from '@canh/core/rules/rule';
import { print, printRows } from './output.js';
import { checked, inventoryFile, put, withRecords } from './records.js';

interface Json {
  readonly json?: boolean;
}

const number = (text: string): number => Number(text.replace(',', '.'));

/** `--limit level_m.alarm_3=6.0` */
function limitFrom(text: string, document: string): object {
  const [, metric, name, value] = /^([^.=]+)\.([^.=]+)=(.+)$/.exec(text) ?? [];
  if (metric === undefined || name === undefined || value === undefined)
    throw new CanhError('BAD_LIMIT', `--limit ${text} is not METRIC.NAME=VALUE, as in level_m.alarm_3=6.0.`);
  return { metric, name, value: number(value), document };
}

export function addInventoryCommands(program: Command): void {
  const station = program.command('station').description('stations: places where something is measured');
  station
    .command('add')
    .description('add a station, or replace the one with this id')
    .requiredOption('--id <id>', 'kebab-case, as in thach-han')
    .requiredOption('--name <text>', 'its name')
    .option('--name-en <text>', 'its English name; otherwise the same')
    .requiredOption('--area <id>', 'the commune it is in')
    .requiredOption('--owner <text>', 'the unit answerable for it')
    .requiredOption('--lat <degrees>', 'latitude, WGS 84', number)
    .requiredOption('--lon <degrees>', 'longitude, WGS 84', number)
    .requiredOption('--profile <id>', 'its device profile')
    .option('--limit <metric.name=value...>', 'its own limits, as level_m.alarm_3=6.0')
    .option('--document <text>', 'the decision that sets the limits', 'canh station add')
    .option('--json', 'print JSON')
    .action(
      async (
        given: {
          id: string;
          name: string;
          nameEn?: string;
          area: string;
          owner: string;
          lat: number;
          lon: number;
          profile: string;
          limit?: string[];
          document: string;
        } & Json,
      ) => {
        const document = checked(
          {
            stations: [
              {
                id: given.id,
                names: { vi: given.name, en: given.nameEn ?? given.name },
                area: given.area,
                ownerUnit: given.owner,
                latitude: given.lat,
                longitude: given.lon,
                profile: given.profile,
                limits: (given.limit ?? []).map((limit) => limitFrom(limit, given.document)),
              },
            ],
          },
          'canh station add',
        );
        await withRecords((desk) => put(desk, document));
        printRows([{ station: given.id }], given.json ?? false);
      },
    );
  station
    .command('import')
    .description('add or replace the areas, stations, devices and contacts of a YAML or JSON file')
    .argument('<file>')
    .action(async (file: string) => {
      const document = await inventoryFile(file);
      await withRecords((desk) => put(desk, document));
      const { areas = [], stations = [], devices = [], contacts = [] } = document;
      print(
        `${areas.length} areas, ${stations.length} stations, ${devices.length} devices, ${contacts.length} contacts`,
      );
    });
  station
    .command('list')
    .option('--json', 'print JSON')
    .action(async ({ json }: Json) => {
      const { stations } = await withRecords(({ registry }) => registry.inventory());
      printRows(
        stations.map(({ id, names, areaId, profileId, limits }) => ({
          id,
          name: names.vi,
          area: areaId,
          profile: profileId,
          limits: limits.length,
        })),
        json ?? false,
      );
    });

  const area = program.command('area').description('areas: the province and its communes');
  area
    .command('add')
    .requiredOption('--id <id>')
    .requiredOption('--name <text>')
    .option('--name-en <text>')
    .option('--parent <id>', 'the area it lies in')
    .option('--from <day>', 'first day, 2025-07-01')
    .option('--to <day>', 'last day')
    .action(
      async (given: { id: string; name: string; nameEn?: string; parent?: string; from?: string; to?: string }) => {
        const document = checked(
          {
            areas: [
              {
                id: given.id,
                names: { vi: given.name, en: given.nameEn ?? given.name },
                parent: given.parent,
                validFrom: given.from,
                validTo: given.to,
              },
            ],
          },
          'canh area add',
        );
        await withRecords((desk) => put(desk, document));
        print(given.id);
      },
    );

  const device = program.command('device').description('devices: what publishes, and the tokens they were issued');
  device
    .command('add')
    .description('add a device and print its token, once')
    .requiredOption('--station <id>')
    .requiredOption('--profile <id>')
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
    .option('--json', 'print JSON')
    .action(async ({ json }: Json) => {
      const { devices } = await withRecords(({ registry }) => registry.inventory());
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

  const contact = program.command('contact').description('contacts: who is told of alerts');
  contact
    .command('add')
    .requiredOption('--name <text>')
    .requiredOption('--address <address>', 'an e-mail address, or the URL of a webhook')
    .option('--id <id>', 'otherwise made from the address')
    .addOption(new Option('--channel <name>').choices(['email', 'webhook']).default('email'))
    .addOption(new Option('--language <code>').choices(['vi', 'en']).default('vi'))
    .addOption(
      new Option('--from-severity <severity>', 'milder alerts are not sent')
        .choices([...SEVERITIES])
        .default('warning'),
    )
    .action(
      async (given: {
        id?: string;
        name: string;
        address: string;
        channel: string;
        language: string;
        fromSeverity: string;
      }) => {
        const id =
          given.id ??
          given.address
            .toLowerCase()
            .replace(/[^a-z0-9]+/g, '-')
            .replace(/^-|-$/g, '')
            .slice(0, 64);
        const { name, address, channel, language, fromSeverity } = given;
        const document = checked(
          { contacts: [{ id, name, address, channel, language, fromSeverity }] },
          'canh contact add',
        );
        await withRecords((desk) => put(desk, document));
        print(id);
      },
    );
  contact
    .command('list')
    .option('--json', 'print JSON')
    .action(async ({ json }: Json) => {
      const rows = await withRecords(({ contacts }) => contacts.list());
      printRows(
        rows.map(({ id, name, channel, address, language, fromSeverity }) => ({
          id,
          name,
          channel,
          address,
          language,
          fromSeverity,
        })),
        json ?? false,
      );
    });
  contact
    .command('remove')
    .argument('<id>')
    .action(async (id: string) => {
      await withRecords(({ contacts }) => contacts.remove(id));
      print(id);
    });
}
