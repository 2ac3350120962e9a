import type { JournalOffset, JournalReader } from '@canh/core/readings/journal';
import { RuleStates } from '@canh/core/rules/rule-states';
import type { Ledger } from '@canh/core/series/ledger';
import type { SeriesStore } from '@canh/core/series/series-store';
import { Path, type PathParts } from './path.js';
import { cutAt, readBatch, type ReadBatch } from './read-batch.js';
import { StoreWriter } from './store-writer.js';

const STORE_READ_BYTES = 4 * 2 ** 20;

/** What the path stands on. Judge and store read the journal each at its own pace. */
export interface PathGround extends Omit<PathParts, 'journal'> {
  readonly forJudge: JournalReader;
  readonly forStore: JournalReader;
  readonly store: SeriesStore;
  readonly ledger: Ledger;
  /** About how much the store's reader takes at a time. */
  readonly storeReadBytes?: number;
}

/** The path with the store's writer beside it, each from the place that it has kept. */
export async function openPath(ground: PathGround): Promise<{ path: Path; writer: StoreWriter }> {
  const { forJudge, forStore, inventory, checkpoints, ledger, window, storeReadBytes = STORE_READ_BYTES } = ground;
  const judgeFrom = await checkpoints.offset('judge');
  const read = async (from: JournalOffset, until: JournalOffset | null): Promise<ReadBatch> => {
    const found = cutAt(until, await forStore.read(from, storeReadBytes));
    // The store may be ahead of the judge after a restart, and meet a new device first.
    if (found.entries.length > 0) await inventory.refresh();
    return readBatch(from, found, inventory.devices, window);
  };
  const storeFrom = await checkpoints.offset('store');
  const writer = new StoreWriter({ ...ground, read }, storeFrom, await ledger.place(), judgeFrom);
  const states = new RuleStates(await checkpoints.ruleStates());
  return { path: new Path({ ...ground, journal: forJudge }, states, judgeFrom, writer), writer };
}
