import { randomBytes, randomInt } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { Unconfirmed } from '@canh/core/dispatch/confirmation';
import type { Contact, DeliveryState } from '@canh/core/dispatch/notice';
import { ContactBook } from '@canh/core/dispatch/outbox';
import type { Instant } from '@canh/core/time/instant';
import type { RecordsDatabase } from './open-records.js';
import type { Schema } from './schema.js';

/** Read over the telephone: nothing in it can be mistaken for something else in it. */
const CODE_LETTERS = 'ACDEFHJKLMNPRTUVWXY3479';
const CODE_LENGTH = 8;

export class SqlContactBook extends ContactBook {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  async list(): Promise<Contact[]> {
    return (await this.database.selectFrom('contacts').selectAll().orderBy('id').execute()).map(contactOf);
  }

  async put({ id, fromSeverity, name, channel, address, language }: Contact, confirmed = true): Promise<void> {
    const row = { name, channel, address, language, from_severity: fromSeverity };
    await this.database.write(async (transaction) => {
      const before = await transaction
        .selectFrom('contacts')
        .select(['channel', 'address'])
        .where('id', '=', id)
        .executeTakeFirst();
      await transaction
        .insertInto('contacts')
        .values({ id, ...row })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute();
      const same = before?.channel === channel && before.address === address;
      if (same && !confirmed) return;
      const { numDeletedRows } = await transaction
        .deleteFrom('confirmations')
        .where('contact_id', '=', id)
        .executeTakeFirst();
      // What has waited for an address that nobody confirmed goes where the contact is reached now.
      if (numDeletedRows > 0)
        await transaction
          .updateTable('deliveries')
          .set({ contact_name: name, channel, address, language })
          .where('contact_id', '=', id)
          .where('state', '=', 'collecting')
          .where('channel', '=', before?.channel ?? channel)
          .where('address', '=', before?.address ?? address)
          .execute();
      if (!confirmed && channel === 'email')
        await transaction
          .insertInto('confirmations')
          .values({
            contact_id: id,
            code: newCode(),
            mail_id: randomBytes(16).toString('base64url'),
            state: 'pending',
            attempts: 0,
            next_attempt_at: 0,
          })
          .execute();
    });
  }

  async remove(id: string): Promise<void> {
    await this.database.write(async (transaction) => {
      // An address that nobody has confirmed may be a stranger's: what has waited for it is given up, and shown as that.
      await transaction
        .updateTable('deliveries')
        .set({ state: 'given-up', next_attempt_at: null })
        .where('contact_id', '=', id)
        .where('state', '=', 'collecting')
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('confirmations')
              .innerJoin('contacts', 'contacts.id', 'confirmations.contact_id')
              .select('contacts.id')
              .where('contacts.id', '=', id)
              .whereRef('contacts.channel', '=', 'deliveries.channel')
              .whereRef('contacts.address', '=', 'deliveries.address'),
          ),
        )
        .execute();
      await transaction.deleteFrom('contacts').where('id', '=', id).execute();
    });
  }

  async unconfirmed(): Promise<Unconfirmed[]> {
    const rows = await this.database
      .selectFrom('confirmations')
      .innerJoin('contacts', 'contacts.id', 'confirmations.contact_id')
      .selectAll('contacts')
      .select(['code', 'mail_id', 'state', 'attempts', 'next_attempt_at'])
      .orderBy('id')
      .execute();
    return rows.map((row) => ({
      contact: contactOf(row),
      code: row.code,
      mailId: row.mail_id,
      state: row.state,
      attempts: row.attempts,
      nextAttemptAt: row.next_attempt_at,
    }));
  }

  async asked(mailId: string, next: { state: DeliveryState; nextAttemptAt: Instant | null }): Promise<void> {
    await this.database.write((transaction) =>
      transaction
        .updateTable('confirmations')
        .set((row) => ({
          state: next.state,
          next_attempt_at: next.nextAttemptAt,
          attempts: row('attempts', '+', 1),
        }))
        .where('mail_id', '=', mailId)
        .execute(),
    );
  }

  confirm(id: string, code: string): Promise<boolean> {
    return this.database.write(async (transaction) => {
      const asked = await transaction
        .selectFrom('confirmations')
        .select('code')
        .where('contact_id', '=', id)
        .executeTakeFirst();
      if (asked !== undefined && plain(asked.code) !== plain(code)) return false;
      await transaction.deleteFrom('confirmations').where('contact_id', '=', id).execute();
      return true;
    });
  }
}

function contactOf({
  id,
  name,
  channel,
  address,
  language,
  from_severity: fromSeverity,
}: Selectable<Schema['contacts']>): Contact {
  return { id, name, channel, address, language, fromSeverity };
}

/** `HKLM-3479` */
function newCode(): string {
  const letters = Array.from({ length: CODE_LENGTH }, () => CODE_LETTERS[randomInt(CODE_LETTERS.length)] ?? '');
  return `${letters.slice(0, CODE_LENGTH / 2).join('')}-${letters.slice(CODE_LENGTH / 2).join('')}`;
}

/** As people write it down. */
const plain = (code: string): string => code.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');
