import type { Command } from 'commander';
import { print, printRows, type Json } from './output.js';
import { checked, put, withExistingRecords, withRecords } from './records.js';

export function addAreaCommands(program: Command): void {
  const area = program.command('area').description('areas: the province and its communes');
  area
    .command('add')
    .description('add an area, or replace the one with this id')
    .requiredOption('--id <id>', 'kebab-case, as in phuong-quang-tri')
    .requiredOption('--name <text>', 'its name')
    .option('--name-en <text>', 'its English name; otherwise the same')
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
  area
    .command('list')
    .description('the areas')
    .option('--json', 'print JSON')
    .action(async ({ json }: Json) => {
      const { areas } = await withExistingRecords(({ registry }) => registry.inventory());
      printRows(
        areas.map(({ id, names, parentId }) => ({ id, name: names.vi, parent: parentId })),
        json ?? false,
      );
    });
}
