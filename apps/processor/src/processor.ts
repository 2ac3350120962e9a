import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { PathStatus } from '@canh/core/series/live-series';
import { SeriesStore } from '@canh/core/series/series-store';
import { MINUTE_MS } from '@canh/core/time/instant';
import { withoutSecrets } from '@canh/runtime/without-secrets';
import type { InventoryWatch } from './inventory-watch.js';
import type { Path } from './path.js';
import type { Retention } from './retention.js';
import type { SeriesUpkeep } from './series-upkeep.js';
import type { StoreWriter } from './store-writer.js';

/** What the processor is made of, opened in this order and closed in the other. */
export interface ProcessorParts {
  readonly path: Path;
  readonly writer: StoreWriter;
  readonly store: SeriesStore;
  readonly inventory: InventoryWatch;
  readonly retention: Retention;
  readonly upkeep: SeriesUpkeep | null;
  readonly closeJournal: () => Promise<void>;
}
export const PROCESSOR_PARTS = Symbol('processor parts');

const SWEEP_EVERY_MS = 10 * MINUTE_MS;

/** The running path and what it says of itself. */
@Injectable()
export class Processor implements OnApplicationShutdown {
  private readonly sweep: NodeJS.Timeout;

  constructor(@Inject(PROCESSOR_PARTS) private readonly parts: ProcessorParts) {
    parts.path.start();
    this.sweep = setInterval(() => {
      void parts.retention.sweep();
      void parts.upkeep?.sweep();
    }, SWEEP_EVERY_MS);
  }

  status(): PathStatus {
    const { path, writer, inventory, retention, upkeep } = this.parts;
    return {
      readingsStored: writer.stored,
      readingsDuplicate: writer.duplicates,
      judgeBehindBytes: path.behindBytes,
      storeBehindBytes: writer.behindBytes,
      judgeBehindMs: Math.round(path.lateMs),
      storedUpTo: writer.storedUpTo,
      storeWaiting: writer.waiting,
      journalDamaged: path.damaged,
      failed: upkeep?.storeLost ?? null,
      problems: [path.problem, writer.problem?.message ?? upkeep?.storeLost ?? null]
        .filter((problem) => problem !== null)
        .map(withoutSecrets),
      warnings: [
        ...(path.damaged > 0
          ? [`the journal could not be read at ${path.damaged} places; see the quarantine, and check the disk`]
          : []),
        ...(retention.warning === null ? [] : [retention.warning]),
        ...(upkeep?.warnings ?? []),
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
}
