import { setTimeout } from 'node:timers/promises';
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
/** Together less than a process has to stop in. */
const PATH_STOPS_WITHIN_MS = 6_000;
const STORE_STOPS_WITHIN_MS = 1_000;

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
    // What is not kept by then is judged and stored again after the next start, as after a crash.
    await atMost(PATH_STOPS_WITHIN_MS, this.parts.path.close());
    await atMost(STORE_STOPS_WITHIN_MS, this.parts.store.close());
    await atMost(STORE_STOPS_WITHIN_MS, this.parts.closeJournal());
  }
}

/** Waits for `work`, and no longer: records that another process holds, or a disk that hangs, must not keep a process from stopping. */
async function atMost(ms: number, work: Promise<void>): Promise<void> {
  const late = new AbortController();
  work.catch(() => undefined);
  await Promise.race([work, setTimeout(ms, undefined, { signal: late.signal }).catch(() => undefined)]);
  late.abort();
}
