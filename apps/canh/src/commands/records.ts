import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlContactBook } from '@canh/adapters/records-sql/sql-contact-book';
import { SqlCommandDesk } from '@canh/adapters/records-sql/sql-device-commands';
import { SqlCredentialDesk } from '@canh/adapters/records-sql/sql-credential-desk';
import { SqlLedgerDesk } from '@canh/adapters/records-sql/sql-ledger-desk';
import { SqlQuarantineDesk } from '@canh/adapters/records-sql/sql-quarantine-desk';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { SqlOperators } from '@canh/adapters/records-sql/sql-operators';
import { SqlRegistry } from '@canh/adapters/records-sql/sql-registry';
import { loadCatalogue } from '@canh/adapters/device-catalogue/device-catalogue';
import { checkDocument, pathText } from '@canh/contract/document';
import { areaOf, contactOf, deviceOf, InventoryDocument, stationOf } from '@canh/contract/inventory.document';
import { CanhError } from '@canh/core/canh-error';
import type { Operators } from '@canh/core/alerts/operators';
import type { Catalogue } from '@canh/core/rules/catalogue';
import type { ContactBook } from '@canh/core/dispatch/outbox';
import type { QuarantineDesk } from '@canh/core/readings/quarantine';
import type { LedgerDesk } from '@canh/core/series/ledger';
import type { CommandDesk } from '@canh/core/stations/device-commands';
import type { CredentialDesk } from '@canh/core/stations/credentials';
import type { InventoryDesk, Registry } from '@canh/core/stations/registry';
import { CommonSettings } from '@canh/runtime/common.settings';
import { readSettings } from '@canh/runtime/settings';

/** The records of CANH_DATA_DIR as the command line uses them, beside a running Canh or without one. */
export interface RecordsDesk {
  readonly registry: Registry;
  readonly inventory: InventoryDesk;
  readonly credentials: CredentialDesk;
  readonly commands: CommandDesk;
  readonly operators: Operators;
  readonly contacts: ContactBook;
  readonly quarantine: QuarantineDesk;
  readonly ledger: LedgerDesk;
  /** Read when it is asked for: most commands have no use for it. */
  readonly profiles: () => Promise<Catalogue['profiles']>;
}

/** The same, but only where there are records: a folder that was mistyped is not "none". Throws CanhError `NO_RECORDS`. */
export async function withExistingRecords<T>(work: (desk: RecordsDesk) => Promise<T>): Promise<T> {
  const { recordsFile } = readSettings(CommonSettings);
  if (!existsSync(recordsFile))
    throw new CanhError(
      'NO_RECORDS',
      `There is no ${recordsFile}: nothing was set up there yet. Is CANH_DATA_DIR the folder you mean?`,
    );
  return withRecords(work);
}

export async function withRecords<T>(work: (desk: RecordsDesk) => Promise<T>): Promise<T> {
  const settings = readSettings(CommonSettings);
  const database: RecordsDatabase = await openRecords(settings.recordsFile);
  try {
    return await work({
      registry: new SqlRegistry(database),
      inventory: new SqlInventoryDesk(database),
      credentials: new SqlCredentialDesk(database, await loadServerKey(settings.dataDir)),
      commands: new SqlCommandDesk(database),
      operators: new SqlOperators(database),
      contacts: new SqlContactBook(database),
      quarantine: new SqlQuarantineDesk(database),
      ledger: new SqlLedgerDesk(database),
      profiles: async () => (await loadCatalogue(settings.devicesDir)).profiles,
    });
  } finally {
    await database.destroy();
  }
}

/** What a person handed in, checked: throws CanhError `BAD_DOCUMENT` that names every field that is wrong. */
export function checked(plain: unknown, from: string): InventoryDocument {
  const result = checkDocument(InventoryDocument, plain);
  if (result.ok) return result.value;
  const lines = result.problems.map(({ path, says }) =>
    path.length === 0 ? `it ${says}` : `${pathText(path)} ${says}`,
  );
  throw new CanhError('BAD_DOCUMENT', `${from}: ${lines.join('; ')}. docs/province.example.yaml shows one.`);
}

/** Adds or replaces everything of the document, areas first. */
export async function put(
  { inventory, contacts, profiles }: RecordsDesk,
  { areas, stations, devices, contacts: people }: InventoryDocument,
): Promise<void> {
  const named = [...(stations ?? []), ...(devices ?? [])];
  const known: Catalogue['profiles'] = named.length === 0 ? new Map() : await profiles();
  for (const { id, profile } of named)
    if (!known.has(profile))
      throw new CanhError(
        'UNKNOWN_PROFILE',
        `${id} has the profile ${profile}, which is not in the devices folder. There are: ${[...known.keys()].join(', ')}.`,
      );
  for (const area of areas ?? []) await inventory.putArea(areaOf(area));
  for (const station of stations ?? []) await inventory.putStation(stationOf(station));
  for (const device of devices ?? []) await inventory.putDevice(deviceOf(device));
  for (const contact of people ?? []) await contacts.put(contactOf(contact), contact.confirmed);
}

/** Reads such a document from a YAML or JSON file. */
export async function inventoryFile(file: string): Promise<InventoryDocument> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new CanhError('NO_FILE', `${file} cannot be read (${cause.message}).`, { cause });
  });
  let plain: unknown;
  try {
    plain = parse(text, { maxAliasCount: 0 });
  } catch (cause) {
    throw new CanhError('BAD_DOCUMENT', `${file} is not YAML: ${(cause as Error).message.split('\n')[0] ?? ''}`, {
      cause,
    });
  }
  return checked(plain, file);
}
