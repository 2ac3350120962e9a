import type { Command } from 'commander';
import { CanhError } from '@canh/core/canh-error';
import { print, printRows, type Json } from './output.js';
import { checked, inventoryFile, put, withExistingRecords, withRecords } from './records.js';

const number = (text: string): number => Number(text.replace(',', '.'));

/** `--limit level_m.alarm_3=6.0` */
function limitFrom(text: string, document: string): object {
  const [, metric, name, value] = /^([^.=]+)\.([^.=]+)=(.+)$/.exec(text) ?? [];
  if (metric === undefined || name === undefined || value === undefined)
    throw new CanhError('BAD_LIMIT', `--limit ${text} is not METRIC.NAME=VALUE, as in level_m.alarm_3=6.0.`);
  return { metric, name, value: number(value), document };
}

export function addStationCommands(program: Command): void {
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
    .description(
      'add or replace the areas, stations, devices and contacts of a YAML or JSON file (docs/province.example.yaml is one)',
    )
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
    .description('the stations')
    .option('--json', 'print JSON')
    .action(async ({ json }: Json) => {
      const { stations } = await withExistingRecords(({ registry }) => registry.inventory());
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
}
