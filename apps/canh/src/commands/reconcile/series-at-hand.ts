import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { takeLock } from '@canh/adapters/process-lock/process-lock';
import { ProcessorLink } from '@canh/adapters/processor-link/processor-link';
import { CanhError } from '@canh/core/canh-error';
import { START } from '@canh/core/readings/journal';
import type { Checkpoints } from '@canh/core/rules/checkpoints';
import type { SeriesStore } from '@canh/core/series/series-store';
import type { LiveSeries } from '@canh/core/series/live-series';
import { openLog } from '@canh/runtime/log';
import type { ProcessorSettings } from '../../../../processor/src/processor.settings.js';

/** Where the stored readings can be asked for. */
export interface SeriesAtHand {
  readonly series: Pick<LiveSeries | SeriesStore, 'readings'>;
  close(): Promise<void>;
}

/** The series of this data folder: of the processor that runs there, or opened here where none does. */
export async function seriesAtHand(settings: ProcessorSettings, checkpoints: Checkpoints): Promise<SeriesAtHand> {
  const unlock = lockOrNull(settings.dataDir);
  if (unlock === null) {
    const link = new ProcessorLink(settings.dataDir);
    return { series: link, close: async () => link.close() };
  }
  try {
    // Opening would make an empty one, and the next start would not know that it is to be filled from the journal.
    if (settings.influxUrl === null && !existsSync(settings.seriesDir))
      return { series: { readings: () => Promise.resolve([]) }, close: async () => unlock() };
    // Only here: no other command needs a series store.
    const { openSeries } = await import('../../../../processor/src/open-series.js');
    const { store, empty } = await openSeries(settings, openLog('canh', settings));
    // As the processor does: what would not open was put aside, and is filled again at the next start.
    if (empty && (await checkpoints.offset('store')) !== START) await checkpoints.rewindStore(START);
    return {
      series: store,
      close: async () => {
        await store.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

function lockOrNull(dataDir: string): (() => void) | null {
  try {
    return takeLock(join(dataDir, 'processor.lock'), 'processing this data folder');
  } catch (error) {
    if (error instanceof CanhError && error.code === 'LOCKED') return null;
    throw error;
  }
}
