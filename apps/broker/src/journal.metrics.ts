import { Counter, Histogram, type Registry } from 'prom-client';
import type { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';

/** What the journal costs: observed once for a group, whatever is in it. */
export function addJournalMetrics(registry: Registry, journal: FileJournalWriter): void {
  const registers = [registry];
  const took = new Histogram({
    name: 'canh_journal_commit_seconds',
    help: 'From when a group of messages was taken up until it was on disk.',
    buckets: [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers,
  });
  const size = new Histogram({
    name: 'canh_journal_group_messages',
    help: 'Messages that became durable together.',
    buckets: [1, 3, 10, 30, 100, 300, 1_000, 3_000],
    registers,
  });
  const bytes = new Counter({ name: 'canh_journal_bytes_total', help: 'Bytes written to the journal.', registers });
  new Counter({
    name: 'canh_journal_failed_total',
    help: 'Groups of messages that could not be written: none of them was acknowledged.',
    registers,
    collect() {
      this.reset();
      this.inc(journal.failed);
    },
  });
  journal.onCommit = (seconds, messages, written) => {
    took.observe(seconds);
    size.observe(messages);
    bytes.inc(written);
  };
}
