import type { Instant } from '@canh/core/time/instant';
import { close, fdatasync, fstat, fsync, ftruncate, mkdir, open, read, readdir, stat, unlink, write } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { SegmentFile, SegmentFolder } from './segment-folder.js';

const openFile = promisify(open);
const closeFile = promisify(close);
const sizeOf = promisify(fstat);
const truncateFile = promisify(ftruncate);
const syncFile = promisify(fsync);
const syncData = promisify(fdatasync);

/** The folder on the machine's own disk. */
export class NodeSegmentFolder implements SegmentFolder {
  constructor(readonly path: string) {}

  /** Makes the folder where it is not there, with those above it; a power cut does not take it away again. */
  static async make(path: string): Promise<NodeSegmentFolder> {
    const made = resolve(path);
    const first = await promisify(mkdir)(made, { recursive: true, mode: 0o700 });
    if (first !== undefined)
      for (let folder = made; folder.length >= first.length; folder = dirname(folder))
        await new NodeSegmentFolder(dirname(folder)).sync();
    return new NodeSegmentFolder(path);
  }

  async names(): Promise<string[]> {
    return (await promisify(readdir)(this.path).catch(nullIfMissing)) ?? [];
  }

  async open(name: string): Promise<SegmentFile | null> {
    const file = await openFile(join(this.path, name), 'r').catch(nullIfMissing);
    return file === null ? null : new NodeSegmentFile(file);
  }

  async create(name: string): Promise<SegmentFile> {
    return new NodeSegmentFile(await openFile(join(this.path, name), 'wx', 0o600));
  }

  async size(name: string): Promise<number | null> {
    return (await promisify(stat)(join(this.path, name)).catch(nullIfMissing))?.size ?? null;
  }

  async modifiedAt(name: string): Promise<Instant | null> {
    return (await promisify(stat)(join(this.path, name)).catch(nullIfMissing))?.mtimeMs ?? null;
  }

  remove(name: string): Promise<void> {
    return promisify(unlink)(join(this.path, name));
  }

  async sync(): Promise<void> {
    const folder = await openFile(this.path, 'r');
    await syncFile(folder).finally(() => closeFile(folder));
  }
}

class NodeSegmentFile implements SegmentFile {
  constructor(private readonly file: number) {}

  write(bytes: Uint8Array, at: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.file, bytes, 0, bytes.length, at, (error, written) =>
        error === null ? resolve(written) : reject(error),
      );
    });
  }

  sync(): Promise<void> {
    return syncData(this.file);
  }

  read(into: Uint8Array, at: number): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.file, into, 0, into.length, at, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
    });
  }

  async size(): Promise<number> {
    return (await sizeOf(this.file)).size;
  }

  truncate(size: number): Promise<void> {
    return truncateFile(this.file, size);
  }

  close(): Promise<void> {
    return closeFile(this.file);
  }
}

/** For what may not be there yet, or any more. Every other error is one: "nothing there" would be taken for "nothing more to read". */
function nullIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
