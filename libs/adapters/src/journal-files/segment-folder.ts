import type { Instant } from '@canh/core/time/instant';

/** One open segment. Positions and sizes are bytes from its beginning. */
export interface SegmentFile {
  /** How many of the bytes were written: fewer without an error where a disk is filling up. Rejects where none was. */
  write(bytes: Uint8Array, at: number): Promise<number>;
  /** Resolves when the bytes and the size are on disk (fdatasync). */
  sync(): Promise<void>;
  /** How many bytes were read into `into`: fewer where the file ends. */
  read(into: Uint8Array, at: number): Promise<number>;
  size(): Promise<number>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

/** The folder of the segments with all that the journal asks of a disk, so that a test can take the power away from under it. */
export interface SegmentFolder {
  /** For messages to people. */
  readonly path: string;
  /** Names of the files that are there, in any order; none where the folder is not there. */
  names(): Promise<string[]>;
  /** To be read. Null where it is not there. */
  open(name: string): Promise<SegmentFile | null>;
  /** To be written. Fails where it is there already. */
  create(name: string): Promise<SegmentFile>;
  /** Null where it is not there. */
  size(name: string): Promise<number | null>;
  /** When it was last written, by the clock of the machine then. Null where it is not there. */
  modifiedAt(name: string): Promise<Instant | null>;
  remove(name: string): Promise<void>;
  /** Resolves when the names of the files are on disk. */
  sync(): Promise<void>;
}
