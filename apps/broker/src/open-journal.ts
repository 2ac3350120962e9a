import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import type { RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { SqlCheckpoints } from '@canh/adapters/records-sql/sql-checkpoints';
import { SqlLedger } from '@canh/adapters/records-sql/sql-ledger';

/**
 * The journal, to be written behind every place that the processor has kept: were the folder emptied, or the records put back without
 * it, new messages would otherwise stand where the processor believes to have been already, and never be read.
 */
export async function openJournal(directory: string, records: RecordsDatabase): Promise<FileJournalWriter> {
  const checkpoints = new SqlCheckpoints(records);
  const kept = await Promise.all([checkpoints.offset('judge'), checkpoints.offset('store')]);
  const { offset, begun } = await new SqlLedger(records).place();
  return FileJournalWriter.open(directory, { after: Math.max(...kept, offset, ...begun.map(({ next }) => next)) });
}
