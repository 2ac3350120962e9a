import { Option, type Command } from 'commander';
import { CanhError } from '@canh/core/canh-error';
import { SEVERITIES } from '@canh/core/rules/rule';
import { print, printRows, type Json } from './output.js';
import { checked, put, withExistingRecords, withRecords } from './records.js';

export function addContactCommands(program: Command): void {
  const contact = program.command('contact').description('contacts: who is told of alerts');
  contact
    .command('add')
    .description('add somebody who is told of alerts, or replace the one with this id')
    .requiredOption('--name <text>', 'as messages and the page call them')
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
    .description('who is told')
    .option('--json', 'print JSON')
    .action(async ({ json }: Json) => {
      const rows = await withExistingRecords(({ contacts }) => contacts.list());
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
    .description('tell them no more')
    .argument('<id>')
    .action(async (id: string) => {
      await withExistingRecords(async ({ contacts }) => {
        if (!(await contacts.list()).some((known) => known.id === id))
          throw new CanhError('UNKNOWN_CONTACT', `There is no contact ${id}. 'canh contact list' shows them.`);
        await contacts.remove(id);
      });
      print(id);
    });
}
