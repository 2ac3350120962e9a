import type { StatementSync } from 'node:sqlite';
import type { RecordsDatabase } from './open-records.js';

/** What a device's right to be here rests on, in one look without a promise. */
export class SqlDeviceStanding {
  private readonly revokedAt: StatementSync;

  constructor(database: RecordsDatabase) {
    this.revokedAt = database.prepare(
      `select device_revocations.revoked_at from devices
        left join device_revocations on device_revocations.device_id = devices.id where devices.id = ?`,
    );
  }

  /** Another text after each time the device was revoked; null where there is no such device. */
  of(deviceId: string): string | null {
    const row = this.revokedAt.get(deviceId);
    return row === undefined ? null : String(row['revoked_at'] ?? 'never');
  }
}
