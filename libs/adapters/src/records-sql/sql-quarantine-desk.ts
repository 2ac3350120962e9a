import { QuarantineDesk, type Quarantined, type QuarantineReason } from '@canh/core/readings/quarantine';
import type { RecordsDatabase } from './open-records.js';

export class SqlQuarantineDesk extends QuarantineDesk {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  counts(): Promise<{ reason: QuarantineReason; count: number }[]> {
    return this.database.selectFrom('quarantine_counts').select(['reason', 'count']).orderBy('reason').execute();
  }

  async newest(limit: number): Promise<Quarantined[]> {
    const rows = await this.database
      .selectFrom('quarantine')
      .selectAll()
      .orderBy('journal_offset', 'desc')
      .orderBy('part', 'desc')
      .limit(limit)
      .execute();
    return rows.map((row) => ({
      offset: row.journal_offset,
      part: row.part,
      deviceId: row.device_id,
      receivedAt: row.received_at,
      reason: row.reason,
      detail: row.detail,
      payload: row.payload,
    }));
  }
}
