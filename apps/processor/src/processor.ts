import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { dropSegments } from '@canh/adapters/journal-files/segments';
import type { PathStatus } from '@canh/core/series/live-series';
import { SeriesStore } from '@canh/core/series/series-store';
import { HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import type { InventoryWatch } from './inventory-watch.js';
import type { Path } from './path.js';
import type { ProcessorSettings } from './processor.settings.js';
import type { StoreWriter } from './store-writer.js';

/** What the processor is made of, opened in this order and closed in the other. */
export interface ProcessorParts {
  readonly settings: ProcessorSettings;
  readonly path: Path;
  readonly writer: StoreWriter;
  readonly store: SeriesStore;
  readonly inventory: InventoryWatch;
  readonly closeJournal: () => Promise<void>;
  readonly log: Log;
}
export const PROCESSOR_PARTS = Symbol('processor parts');

const LOOK_FOR_OLD_SEGMENTS_MS = 10 * MINUTE_MS;

/** The running path and what it says of itself. */
@Injectable()
export class Processor implements OnApplicationShutdown {
  private readonly sweep: NodeJS.Timeout;

  constructor(@Inject(PROCESSOR_PARTS) private readonly parts: ProcessorParts) {
    parts.path.start();
    this.sweep = setInterval(() => void this.dropOldSegments(), LOOK_FOR_OLD_SEGMENTS_MS);
  }

  status(): PathStatus {
    const { path, writer, inventory } = this.parts;
    return {
      readingsStored: writer.stored,
      readingsDuplicate: writer.duplicates,
      judgeBehindBytes: path.behindBytes,
      storeBehindBytes: writer.behindBytes,
      judgeBehindMs: path.behindMs,
      storedUpTo: writer.storedUpTo,
      problems: [path.problem, writer.problem?.message ?? null].filter((problem) => problem !== null),
      warnings: [
        ...(path.damaged > 0
          ? [`the journal could not be read at ${path.damaged} places; see the log, and check the disk`]
          : []),
        ...path.stoppedRules.map((rule) => `stopped rule ${rule}`),
        ...inventory.warnings,
      ],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.sweep);
    await this.parts.path.close();
    await this.parts.store.close();
    await this.parts.closeJournal();
  }

  private async dropOldSegments(): Promise<void> {
    const { settings, path, writer, log } = this.parts;
    const before = Math.min(path.kept, writer.kept);
    try {
      const dropped = await dropSegments(
        settings.journalDir,
        before,
        systemClock.now() - settings.journalKeepHours * HOUR_MS,
      );
      if (dropped > 0)
        log.info({ event: 'journal.dropped', segments: dropped }, 'old segments of the journal were removed');
    } catch (error) {
      log.error(
        { event: 'journal.not-dropped', error: (error as Error).message },
        'old segments of the journal could not be removed',
      );
    }
  }
}
