import { FileJournalWriter, type JournalOptions } from '@canh/adapters/journal-files/file-journal-writer';
import type { SegmentFolder } from '@canh/adapters/journal-files/segment-folder';
import type { Checkpoints } from '@canh/core/rules/checkpoints';
import type { Ledger } from '@canh/core/series/ledger';

/**
 * The journal, to be written behind every place that the processor has kept: were the folder emptied, or the records put back without
 * it, new messages would otherwise stand where the processor believes to have been already, and never be read.
 */
export async function openJournal(
  directory: string | SegmentFolder,
  { checkpoints, ledger }: { checkpoints: Checkpoints; ledger: Ledger },
  options: Omit<JournalOptions, 'after'> = {},
): Promise<FileJournalWriter> {
  const kept = [await checkpoints.offset('judge'), await checkpoints.offset('store')];
  const { offset, begun } = await ledger.place();
  const after = Math.max(...kept, offset, ...begun.map(({ next }) => next));
  return FileJournalWriter.open(directory, { ...options, after });
}
