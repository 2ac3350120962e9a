/** A mistake that somebody could make, in the words of the code: `find` stands there once and is replaced when the file is loaded. */
export interface PlantedBug {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const WRITER = 'libs/adapters/src/journal-files/file-journal-writer.ts';
const READER = 'libs/adapters/src/journal-files/file-journal-reader.ts';
const STORE = 'apps/processor/src/store-writer.ts';
const BOOKS = 'apps/processor/src/books.ts';
const PATH = 'apps/processor/src/path.ts';

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'acknowledged before the disk has it',
    file: WRITER,
    find: 'await file.sync().catch((cause: unknown) => this.breakOff(cause));\n      this.position',
    replace: 'void file.sync().catch(() => undefined);\n      this.position',
  },
  {
    name: 'a sync that failed is tried again',
    file: WRITER,
    find: 'await file.sync().catch((cause: unknown) => this.breakOff(cause));\n      this.position',
    replace: 'await file.sync().catch(() => file.sync());\n      this.position',
  },
  {
    name: 'the rest of a short write is dropped',
    file: WRITER,
    find: 'done += written;',
    replace: 'done = bytes.length;',
  },
  {
    name: 'the name of a new segment is not synced',
    file: WRITER,
    find: 'await this.folder.sync().catch((cause: unknown) => this.breakOff(cause));',
    replace: '',
  },
  {
    name: 'the reader passes over a segment',
    file: READER,
    find: 'const next = offsetOf(following, SEGMENT_HEAD_BYTES);',
    replace: 'const next = offsetOf((await this.following(following)) ?? following, SEGMENT_HEAD_BYTES);',
  },
  {
    name: 'what is stored is settled before the store has answered',
    file: STORE,
    find: 'const storing = sifted.store();',
    replace: 'void sifted.store().catch(() => undefined);\n    const storing = Promise.resolve([]);',
  },
  {
    name: 'what follows is believed to be stored when what stands before it was refused',
    file: STORE,
    find: "if (this.following !== null && (stored.status === 'rejected' || stored.value.length > 0))\n      this.following.sifted = null;",
    replace: '',
  },
  {
    name: 'the store falls behind and jumps ahead',
    file: STORE,
    find: 'if (this.inStep && follows &&',
    replace: 'if (follows &&',
  },
  {
    name: 'stretches that were begun are forgotten at the start',
    file: BOOKS,
    find: 'this.begun = [...place.begun];',
    replace: 'this.begun = [];',
  },
  {
    name: 'nothing is written down before it is stored',
    file: BOOKS,
    find: 'await this.ledger.begin(stretch);',
    replace: '',
  },
  {
    name: 'a begun stretch takes with it what stands before it',
    file: STORE,
    find: 'later !== null && later.from <= from ? later : null',
    replace: 'later',
  },
  {
    name: 'the last of it is never settled',
    file: STORE,
    find: 'if (this.queue.length === 0) await this.settle(false);',
    replace: '',
  },
  {
    name: 'what is behind is counted twice after catching up',
    file: STORE,
    find: '[this.inStep, this.behindBytes] = [true, 0]',
    replace: 'this.inStep = true',
  },
  {
    name: 'a clock that was set back is waited for',
    file: 'apps/processor/src/elapsed.ts',
    find: 'Math.abs(clock.now() - then)',
    replace: 'clock.now() - then',
  },
  {
    name: 'a problem is shown long after it has gone',
    file: STORE,
    find: 'await this.untilItWorks(() => this.settleNow());\n    this.worksAgain();',
    replace: 'await this.untilItWorks(() => this.settleNow());',
  },
  {
    name: 'conflicts are not kept',
    file: BOOKS,
    find: 'if (conflicts.length > 0) await this.quarantine.keep(conflicts);',
    replace: '',
  },
  {
    name: 'a store that was started anew is not filled again',
    file: STORE,
    find: 'const restarted = seen !== null && seen.startedAt !== startedAt;',
    replace: 'const restarted = false;',
  },
  {
    name: 'what the devices counted is not kept',
    file: BOOKS,
    find: 'counts: [...this.unsettledCounts].map(([deviceId, state]) => ({ deviceId, state })),',
    replace: 'counts: [],',
  },
  {
    name: 'the place is kept without the states of the rules',
    file: PATH,
    find: 'await this.parts.checkpoints.keepJudge(offset, this.unkept);',
    replace:
      'await this.parts.checkpoints.keepJudge(offset, []);\n    await this.parts.checkpoints.keepJudge(offset, this.unkept);',
  },
  {
    name: 'states that could not be kept are let go of',
    file: PATH,
    find: 'this.unkept = [...this.unkept, ...this.states.takeChanged()];',
    replace: 'this.unkept = this.states.takeChanged();',
  },
  {
    name: 'a transition is saved again when it is judged again',
    file: 'libs/adapters/src/records-sql/sql-alert-store.ts',
    find: 'if (await wasSaved(transaction, transition)) return false;',
    replace: '',
  },
  {
    name: 'segments go before they are stored',
    file: 'apps/processor/src/retention.ts',
    find: 'Math.min(judged(), await checkpoints.storedAt(Math.min(now - keptMs, unsealed)))',
    replace: 'judged()',
  },
];
