import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import type { SegmentFile, SegmentFolder } from '@canh/adapters/journal-files/segment-folder';
import { START, type DamagedStretch, type JournalOffset } from '@canh/core/readings/journal';
import type { Message } from '@canh/core/readings/message';

/** `CANH_FAULTS=long` runs what is too long for every change: before a release, or overnight. */
export const LONG = process.env['CANH_FAULTS'] === 'long';

export const telemetry = (text: string, deviceId = 'thach-han-1'): Message => ({
  kind: 'telemetry',
  deviceId,
  receivedAt: 1_790_000_000_000,
  payload: Buffer.from(text),
});

/** A text of 0 to `most` letters behind `name`, which tells it from all others. */
export const textOfAnyLength = (name: string, most: number, random: () => number): string =>
  `${name}:${String.fromCharCode(97 + Math.floor(random() * 26)).repeat(Math.floor(random() * (most + 1)))}`;

export interface ReadJournal {
  readonly texts: string[];
  readonly offsets: JournalOffset[];
  readonly damaged: DamagedStretch[];
  readonly next: JournalOffset;
  readonly behindBytes: number;
}

/** All that is there from `from` on, by a reader of its own. */
export async function readJournal(
  directory: string | SegmentFolder,
  from: JournalOffset = START,
): Promise<ReadJournal> {
  const reader = new FileJournalReader(directory);
  const texts: string[] = [];
  const offsets: JournalOffset[] = [];
  const damaged: DamagedStretch[] = [];
  for (let at = from; ;) {
    const batch = await reader.read(at, 1);
    for (const { offset, message } of batch.entries) {
      offsets.push(offset);
      texts.push(Buffer.from(message.payload).toString());
    }
    damaged.push(...batch.damaged);
    if (batch.next === at) {
      await reader.close();
      return { texts, offsets, damaged, next: at, behindBytes: batch.behindBytes };
    }
    at = batch.next;
  }
}

/** A real folder whose files behave as `wrap` has them. */
export class FaultyFolder implements SegmentFolder {
  readonly path = this.real.path;

  constructor(
    private readonly real: SegmentFolder,
    private readonly wrap: (file: SegmentFile) => Partial<SegmentFile>,
  ) {}

  names = (): Promise<string[]> => this.real.names();
  size = (name: string): Promise<number | null> => this.real.size(name);
  modifiedAt = (name: string): Promise<number | null> => this.real.modifiedAt(name);
  remove = (name: string): Promise<void> => this.real.remove(name);
  sync = (): Promise<void> => this.real.sync();

  async open(name: string): Promise<SegmentFile | null> {
    const file = await this.real.open(name);
    return file === null ? null : this.faulty(file);
  }

  async create(name: string): Promise<SegmentFile> {
    return this.faulty(await this.real.create(name));
  }

  private faulty(file: SegmentFile): SegmentFile {
    return {
      write: (bytes, at) => file.write(bytes, at),
      sync: () => file.sync(),
      read: (into, at) => file.read(into, at),
      size: () => file.size(),
      truncate: (size) => file.truncate(size),
      close: () => file.close(),
      ...this.wrap(file),
    };
  }
}
