import { mkdtempSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRecords, RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { SqlInventoryDesk } from '@canh/adapters/records-sql/sql-inventory-desk';
import { AREA, DEVICES, STATIONS } from './province.js';

/** Tables that hold the inventory, which all runs have in common, and what the migrations have written. */
const KEPT = /^(sqlite_|kysely_|areas$|stations$|limits$|devices$|device_(tokens|passwords|revocations)$|counters$)/;

/** The real records in memory: one database for all runs of a process, emptied in between. */
export class Records {
  private constructor(
    readonly database: RecordsDatabase,
    readonly sqlite: DatabaseSync,
    private readonly emptied: readonly string[],
  ) {}

  static async open(): Promise<Records> {
    // A file first, since opening brings its tables up to date and looks at it as a file.
    const folder = mkdtempSync(join(tmpdir(), 'canh-simulation-'));
    const file = join(folder, 'records.db');
    const opened = await openRecords(file);
    await opened.destroy();
    const sqlite = new DatabaseSync(':memory:', { enableForeignKeyConstraints: false });
    sqlite.exec(`attach database '${file}' as filed`);
    const made = sqlite
      .prepare(
        `select name, type, sql from filed.sqlite_master where sql is not null and name not like 'sqlite_%' order by rowid`,
      )
      .all() as { name: string; type: string; sql: string }[];
    for (const { sql } of made) sqlite.exec(sql);
    const tables = made.filter(({ type }) => type === 'table').map(({ name }) => name);
    for (const table of tables) sqlite.exec(`insert into main."${table}" select * from filed."${table}"`);
    sqlite.exec('detach database filed; pragma foreign_keys = on');
    rmSync(folder, { recursive: true });

    const database = new RecordsDatabase(':memory:', sqlite, 1_000);
    const desk = new SqlInventoryDesk(database);
    await desk.putArea(AREA);
    for (const station of STATIONS) await desk.putStation(station);
    for (const device of DEVICES) await desk.putDevice(device);
    return new Records(
      database,
      sqlite,
      tables.filter((name) => !KEPT.test(name)),
    );
  }

  empty(): void {
    this.sqlite.exec('pragma foreign_keys = off');
    for (const table of this.emptied) this.sqlite.exec(`delete from "${table}"`);
    this.sqlite.exec(`update counters set value = 0 where name <> 'registry-version'; pragma foreign_keys = on`);
  }

  rows<Row>(sql: string): Row[] {
    return this.sqlite.prepare(sql).all() as Row[];
  }
}
