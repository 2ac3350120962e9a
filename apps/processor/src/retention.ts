import type { SegmentFolder } from '@canh/adapters/journal-files/segment-folder';
import { dropSegments, journalBytes } from '@canh/adapters/journal-files/segments';
import type { JournalOffset } from '@canh/core/readings/journal';
import type { Checkpoints } from '@canh/core/rules/checkpoints';
import type { Ledger } from '@canh/core/series/ledger';
import { DAY_MS, HOUR_MS, type Clock, type Instant } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import type { ProcessorSettings } from './processor.settings.js';
import { SteadyClock } from './steady-clock.js';

/**
 * A store may lose what it has answered for, and is then filled again from the journal: so long it is there in any case. More than a day,
 * since that is what DuckDB's hot file holds alone before a day is sealed.
 */
const ALWAYS_KEPT_MS = 30 * HOUR_MS;
const GB = 1e9;

export interface RetentionParts {
  readonly settings: Pick<ProcessorSettings, 'journalKeepHours' | 'journalMaxGb' | 'ledgerKeepDays'> & {
    readonly journalDir: string | SegmentFolder;
  };
  readonly checkpoints: Checkpoints;
  readonly ledger: Ledger;
  /** The place up to which everything is judged and saved for good. */
  readonly judged: () => JournalOffset;
  /** When the oldest of what the store holds in a file that may break came in; null where there is none. Behind it, the journal stays. */
  readonly oldestUnsealed?: () => Promise<Instant | null>;
  readonly clock: Clock;
  readonly steady?: SteadyClock;
  readonly log: Log;
}

/** Lets go of what is old: segments that were judged and stored long enough ago, and lines of the ledger. */
export class Retention {
  /** The journal is larger than it may be, and nothing of it can go yet; or nothing goes at all for now. */
  warning: string | null = null;
  private readonly steady: SteadyClock;

  constructor(private readonly parts: RetentionParts) {
    this.steady = parts.steady ?? new SteadyClock(parts.clock);
  }

  async sweep(): Promise<void> {
    const { settings, ledger, clock, log } = this.parts;
    try {
      const doubt = await this.steady.doubt();
      if (doubt === null) {
        await this.drop(settings.journalKeepHours * HOUR_MS);
        if ((await journalBytes(settings.journalDir)) > settings.journalMaxGb * GB) await this.drop(ALWAYS_KEPT_MS);
        await ledger.forget(clock.now() - settings.ledgerKeepDays * DAY_MS);
      }
      const bytes = await journalBytes(settings.journalDir);
      const tooLarge =
        bytes > settings.journalMaxGb * GB
          ? `the journal holds ${(bytes / GB).toFixed(1)} GB of what is not stored yet, or not for 30 hours: more than CANH_JOURNAL_MAX_GB`
          : null;
      this.warning = [doubt, tooLarge].filter((warning) => warning !== null).join('; ') || null;
    } catch (error) {
      log.error({ event: 'retention.failed', error: (error as Error).message }, 'what is old could not be removed');
    }
  }

  private async drop(keptMs: number): Promise<void> {
    const { settings, checkpoints, judged, oldestUnsealed, clock, log } = this.parts;
    const now = clock.now();
    const unsealed = (await oldestUnsealed?.()) ?? Infinity;
    // What came in since then was stored since then.
    const before = Math.min(judged(), await checkpoints.storedAt(Math.min(now - keptMs, unsealed)));
    const { segments, bytes } = await dropSegments(settings.journalDir, before, { now, keptMs });
    if (segments > 0)
      log.info({ event: 'journal.dropped', segments, bytes }, 'old segments of the journal were removed');
  }
}
