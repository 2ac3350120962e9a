import type { QuarantineReason } from '@canh/core/readings/quarantine';
import { LedgerDesk, type LedgerLine, type LedgerQuery } from '@canh/core/series/ledger';
import type { RecordsDatabase } from './open-records.js';

export class SqlLedgerDesk extends LedgerDesk {
  constructor(private readonly database: RecordsDatabase) {
    super();
  }

  lines({ from, to, deviceId }: LedgerQuery, limit: number): Promise<LedgerLine[]> {
    return this.database.readTogether(async (snapshot) => {
      const rows = await snapshot
        .selectFrom('ledger')
        .selectAll()
        .where('hour', '>=', from)
        .where('hour', '<', to)
        .$if(deviceId !== undefined, (query) => query.where('device_id', '=', deviceId!))
        .orderBy('hour', 'desc')
        .orderBy('device_id')
        .limit(limit)
        .execute();
      const [newest, oldest] = [rows[0], rows.at(-1)];
      if (newest === undefined || oldest === undefined) return [];
      const reasons = await snapshot
        .selectFrom('ledger_quarantined')
        .selectAll()
        .where('hour', '>=', oldest.hour)
        .where('hour', '<=', newest.hour)
        .$if(deviceId !== undefined, (query) => query.where('device_id', '=', deviceId!))
        .where('count', '!=', 0)
        .orderBy('reason')
        .execute();
      const quarantinedOf = new Map<string, Partial<Record<QuarantineReason, number>>>();
      for (const { hour, device_id, reason, count } of reasons) {
        const key = `${hour} ${device_id}`;
        const quarantined = quarantinedOf.get(key);
        if (quarantined === undefined) quarantinedOf.set(key, { [reason]: count });
        else quarantined[reason] = count;
      }
      return rows.map(({ device_id, ...line }) => ({
        ...line,
        deviceId: device_id,
        quarantined: quarantinedOf.get(`${line.hour} ${device_id}`) ?? {},
      }));
    });
  }
}
