import { createSecretKey } from 'node:crypto';
import { openRecords } from '@canh/adapters/records-sql/open-records';
import { SqlAlertDesk } from '@canh/adapters/records-sql/sql-alert-desk';
import { SqlAlertStore } from '@canh/adapters/records-sql/sql-alert-store';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import { SqlContactBook } from '@canh/adapters/records-sql/sql-contact-book';
import { SqlCredentialDesk } from '@canh/adapters/records-sql/sql-credential-desk';
import { SqlCredentials } from '@canh/adapters/records-sql/sql-credentials';
import { SqlCommandDesk, SqlCommandQueue } from '@canh/adapters/records-sql/sql-device-commands';
import { SqlDeviceAttributes } from '@canh/adapters/records-sql/sql-device-attributes';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { SqlLedger } from '@canh/adapters/records-sql/sql-ledger';
import { SqlLedgerDesk } from '@canh/adapters/records-sql/sql-ledger-desk';
import { SqlOperators } from '@canh/adapters/records-sql/sql-operators';
import { SqlOutbox } from '@canh/adapters/records-sql/sql-outbox';
import { SqlQuarantine, type QuarantineBounds } from '@canh/adapters/records-sql/sql-quarantine';
import { SqlQuarantineDesk } from '@canh/adapters/records-sql/sql-quarantine-desk';
import { SqlRegistry } from '@canh/adapters/records-sql/sql-registry';
import { SqlReplayRequests } from '@canh/adapters/records-sql/sql-replay-requests';
import type { AlertDesk, AlertStore } from '@canh/core/alerts/alert-store';
import type { Operators } from '@canh/core/alerts/operators';
import type { ContactBook, Outbox } from '@canh/core/dispatch/outbox';
import type { Quarantine, QuarantineDesk, ReplayRequests } from '@canh/core/readings/quarantine';
import type { Checkpoints } from '@canh/core/rules/checkpoints';
import type { Ledger, LedgerDesk } from '@canh/core/series/ledger';
import type { DeviceAttributes } from '@canh/core/stations/attributes';
import type { CommandDesk, CommandQueue } from '@canh/core/stations/device-commands';
import type { CredentialDesk, Credentials } from '@canh/core/stations/credentials';
import type { InventoryDesk, Registry } from '@canh/core/stations/registry';

/** Every record port over one connection, as one process has them. */
export interface Records {
  readonly registry: Registry;
  readonly inventoryDesk: InventoryDesk;
  readonly credentials: Credentials;
  readonly credentialDesk: CredentialDesk;
  readonly attributes: DeviceAttributes;
  readonly commandDesk: CommandDesk;
  readonly commandQueue: CommandQueue;
  readonly quarantine: Quarantine;
  readonly quarantineDesk: QuarantineDesk;
  readonly replayRequests: ReplayRequests;
  readonly checkpoints: Checkpoints;
  readonly ledger: Ledger;
  readonly ledgerDesk: LedgerDesk;
  readonly alertStore: AlertStore;
  readonly alertDesk: AlertDesk;
  readonly operators: Operators;
  readonly outbox: Outbox;
  readonly contactBook: ContactBook;
  close(): Promise<void>;
}

/** Somewhere to keep records: a folder, a database on a server. */
export interface RecordsPlace {
  /** What `openRecordsAt` takes. */
  readonly address: string;
  /** Removes it with everything in it. */
  remove(): Promise<void>;
}

export const QUARANTINE_KEPT: QuarantineBounds = { rows: 50, bytes: 20_000 };

/** What the records take for now; a test sets it. */
export const recordsClock = { at: 0, now: () => recordsClock.at };

const serverKey = createSecretKey(Buffer.alloc(32, 'only for tests'));

/** Opens the records that `address` names: so far always a file of SQLite. */
export async function openRecordsAt(address: string): Promise<Records> {
  const database = await openRecords(address);
  return {
    registry: new SqlRegistry(database),
    inventoryDesk: new SqlInventoryDesk(database),
    credentials: new SqlCredentials(database, serverKey, recordsClock),
    credentialDesk: new SqlCredentialDesk(database, serverKey),
    attributes: new SqlDeviceAttributes(database),
    commandDesk: new SqlCommandDesk(database),
    commandQueue: new SqlCommandQueue(database),
    quarantine: new SqlQuarantine(database, QUARANTINE_KEPT),
    quarantineDesk: new SqlQuarantineDesk(database),
    replayRequests: new SqlReplayRequests(database),
    checkpoints: new SqlCheckpoints(database),
    ledger: new SqlLedger(database),
    ledgerDesk: new SqlLedgerDesk(database),
    alertStore: new SqlAlertStore(database),
    alertDesk: new SqlAlertDesk(database),
    operators: new SqlOperators(database),
    outbox: new SqlOutbox(database),
    contactBook: new SqlContactBook(database),
    close: () => database.destroy(),
  };
}
