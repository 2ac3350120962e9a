import type { Contact } from '@canh/core/dispatch/notice';
import { ContactBook } from '@canh/core/dispatch/outbox';
import type { RecordsDatabase } from './open-records.js';

export class SqlContactBook extends ContactBook {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async list(): Promise<Contact[]> {
    const rows = await this.database.selectFrom('contacts').selectAll().orderBy('id').execute();
    return rows.map(({ from_severity: fromSeverity, ...contact }) => ({ ...contact, fromSeverity }));
  }

  async put({ id, fromSeverity, name, channel, address, language }: Contact): Promise<void> {
    const row = { name, channel, address, language, from_severity: fromSeverity };
    await this.database.write((transaction) =>
      transaction
        .insertInto('contacts')
        .values({ id, ...row })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute(),
    );
  }

  async remove(id: string): Promise<void> {
    await this.database.write((transaction) => transaction.deleteFrom('contacts').where('id', '=', id).execute());
  }
}
