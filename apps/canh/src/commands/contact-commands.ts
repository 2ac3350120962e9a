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
    .option('--confirmed', 'you know that the e-mail address is theirs: no mail with a code, alerts go there at once')
    .action(
      async (given: {
        id?: string;
        name: string;
        address: string;
        channel: string;
        language: string;
        fromSeverity: string;
        confirmed?: boolean;
      }) => {
        const id =
          given.id ??
          given.address
            .toLowerCase()
            .replace(/[^a-z0-9]+/g, '-')
            .replace(/^-|-$/g, '')
            .slice(0, 64);
        const { name, address, channel, language, fromSeverity, confirmed = false } = given;
        const document = checked(
          { contacts: [{ id, name, address, channel, language, fromSeverity, confirmed }] },
          'canh contact add',
        );
        const asked = await withRecords(async (desk) => {
          await put(desk, document);
          return (await desk.contacts.unconfirmed()).some(({ contact: { id: of } }) => of === id);
        });
        print(id);
        if (asked)
          process.stderr.write(
            `Một thư có mã được gửi đến ${address}; cảnh báo chỉ đến đó sau khi mã được nhập / ` +
              `a mail with a code goes there, and alerts only after:\n  canh contact confirm ${id} CODE\n`,
          );
      },
    );
  contact
    .command('list')
    .description('who is told')
    .option('--json', 'print JSON')
    .action(async ({ json }: Json) => {
      const { rows, asked } = await withExistingRecords(async ({ contacts }) => ({
        rows: await contacts.list(),
        asked: new Map((await contacts.unconfirmed()).map(({ contact: { id }, state }) => [id, state])),
      }));
      printRows(
        rows.map(({ id, name, channel, address, language, fromSeverity }) => ({
          id,
          name,
          channel,
          address,
          language,
          fromSeverity,
          confirmed: asked.has(id) ? `no, code ${asked.get(id) === 'accepted' ? 'sent' : asked.get(id)}` : 'yes',
        })),
        json ?? false,
      );
    });
  contact
    .command('confirm')
    .description(
      'say that the e-mail address is theirs, with the code that was sent there; what waited for them goes out',
    )
    .argument('<id>')
    .argument('<code>')
    .action(async (id: string, code: string) => {
      await withExistingRecords(async ({ contacts }) => {
        if (!(await contacts.list()).some((known) => known.id === id))
          throw new CanhError('UNKNOWN_CONTACT', `There is no contact ${id}. 'canh contact list' shows them.`);
        if (!(await contacts.confirm(id, code)))
          throw new CanhError(
            'WRONG_CODE',
            `That is not the code of ${id}. It is in the latest mail to that address; 'canh contact add' with --confirmed needs none.`,
          );
      });
      print(id);
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
